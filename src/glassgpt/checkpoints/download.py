"""Published weights from the public hub into our own cache: named files only, hashed, resumable, renamed when whole.

The hub answers a request for a file with its SHA-256 (large files) or git's SHA-1 (small ones) in a header, and
redirects to where the bytes are. No file counts before its hash does.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from glassgpt.checkpoints.hub_cache import hub_cache
from glassgpt.checkpoints.transfer import NETWORK_TROUBLE, ask, transfer
from glassgpt.errors import CheckpointError, ModelNotFound

HUB = "https://huggingface.co"
FILES = {"model.safetensors": 16 << 30, "config.json": 1 << 20}
"""What is fetched, in this order, and how large it may be. The tokenizer of these models ships with GlassGPT.

`config.json` comes last: a folder that has it is complete.
"""

Progress = Callable[[str, int, int], None]
"""Told the file, the bytes so far, and the bytes in all."""


def is_offline(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the user's settings forbid the net, by the variables of the hub's own programs."""
    environment = os.environ if environment is None else environment
    settings = (environment.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(setting.strip().upper() in ("1", "ON", "YES", "TRUE") for setting in settings)


def own_cache(environment: Mapping[str, str] | None = None) -> Path:
    """Where downloads go: $GLASSGPT_CACHE, or `glassgpt` in the user's cache folder."""
    environment = os.environ if environment is None else environment
    general = Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "glassgpt"
    return Path(environment.get("GLASSGPT_CACHE") or general).expanduser()


def home_of(repo: str) -> Path:
    """The folder of a repository in our cache."""
    return own_cache() / repo.replace("/", "--")


def downloaded(repo: str) -> Path | None:
    """That folder, if a download into it was finished or someone put the files there."""
    return home_of(repo) if all((home_of(repo) / name).is_file() for name in FILES) else None


def fetch(repo: str, name: str, *, offline: bool, progress: Progress | None = None) -> Path:
    """Download a published model; `name` is what the user called it."""
    home = home_of(repo)
    if offline:
        raise ModelNotFound(_offline_advice(repo, name, "downloads are switched off"))
    try:
        home.mkdir(parents=True, exist_ok=True)
        _fetch_files(f"{endpoint()}/{repo}/resolve", home, progress)
    except NETWORK_TROUBLE as error:
        raise ModelNotFound(_offline_advice(repo, name, f"the download failed ({error})")) from error
    except OSError as error:
        raise CheckpointError(f"Cannot write {error.filename or home}: {error.strerror or error}.") from error
    return home


def endpoint() -> str:
    """The hub, or the mirror that $HF_ENDPOINT names."""
    return (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")


def _fetch_files(base: str, home: Path, progress: Progress | None) -> None:
    revision = "main"
    for name, cap in FILES.items():
        answer = ask(f"{base}/{revision}/{name}")
        revision = answer.commit or revision  # all files of one revision, even if a newer one arrives meanwhile

        def told(have: int, size: int, name: str = name) -> None:
            if progress is not None:
                progress(name, have, size)

        transfer(home / name, answer, cap=cap, told=told)


def _offline_advice(repo: str, name: str, reason: str) -> str:
    places = (hub_cache(os.environ), Path(name).absolute(), home_of(repo))
    return (
        f"{name} is not on this machine, and {reason}.\nLooked in:\n  "
        + "\n  ".join(map(str, places))
        + f"\nTo use it, get {' and '.join(sorted(FILES))} from {HUB}/{repo} on any machine, put both into\n"
        f"  {home_of(repo)}\nand try again; or put them into a folder of your choice and give its path."
    )
