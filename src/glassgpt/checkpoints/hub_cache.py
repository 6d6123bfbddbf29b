"""The hub cache that Hugging Face's programs share on a machine, read without their library.

$HF_HUB_CACHE/models--ORG--NAME/{blobs/…, refs/main, snapshots/COMMIT/config.json -> ../../blobs/…}
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from glassgpt.errors import CheckpointError

_COMMIT = re.compile(r"[0-9A-Za-z][\w.-]{0,99}")


def cached_snapshot(repo: str, environment: Mapping[str, str] | None = None) -> Path | None:
    """The folder of a repository's main revision if config and safetensors weights are in the cache."""
    home = hub_cache(os.environ if environment is None else environment) / f"models--{repo.replace('/', '--')}"
    commit = _main_commit(home)
    if commit is None:
        return None
    snapshot = home / "snapshots" / commit
    has_weights = any((snapshot / name).exists() for name in ("model.safetensors", "model.safetensors.index.json"))
    if not (has_weights and (snapshot / "config.json").exists()):
        return None
    _need_links_inside(snapshot, home)
    return snapshot


def hub_cache(environment: Mapping[str, str]) -> Path:
    """Where the cache is, by the rules of the hub's own library."""
    if stated := environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE"):
        return Path(stated).expanduser()
    general = Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(environment.get("HF_HOME") or general).expanduser() / "hub"


def _main_commit(home: Path) -> str | None:
    try:
        commit = (home / "refs" / "main").read_bytes()[:200].decode("ascii", "replace").strip()
    except OSError:
        return None
    return commit if _COMMIT.fullmatch(commit) else None


def _need_links_inside(snapshot: Path, home: Path) -> None:
    """A link that leaves the repository's folder was not put there by the hub's library."""
    root = home.resolve()
    for path in snapshot.iterdir():
        if not path.resolve().is_relative_to(root):
            raise CheckpointError(
                f"{path} points out of {home}, to {path.resolve()}. Remove it, or load that file itself."
            )
