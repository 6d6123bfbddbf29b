"""Where a model is: a name, folder, run or file in, one folder that can be read out.

embedded                 the model that ships with GlassGPT
gpt2, gpt2-medium …      published weights: hub cache of this machine, a folder of that name, our cache, the net
folder                   Hugging Face or OpenAI files, or a training run (then its newest undamaged checkpoint)
run@1000                 the checkpoint of step 1,000
model.safetensors        one file, with its config.json beside it
"""

import difflib
import glob
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from glassgpt.checkpoints.atomic import BEING_REPLACED
from glassgpt.checkpoints.download import Progress, downloaded, fetch, is_offline
from glassgpt.checkpoints.hub_cache import cached_snapshot
from glassgpt.checkpoints.manifest import verify_manifest
from glassgpt.errors import CheckpointError, ModelNotFound

EMBEDDED = "embedded"
PUBLISHED = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
    "distilgpt2": "distilbert/distilgpt2",
}
"""Short names and where the world keeps these models."""
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a model, what to call it, and the one file of weights if only that was asked for."""

    name: str
    folder: Path
    weights: Path | None = None


def find(where: str | Path = EMBEDDED, *, offline: bool | None = None) -> Path:
    """The folder of a model; `load_model` says what `where` may be."""
    return locate(where, offline=offline).folder


def locate(where: str | Path, *, offline: bool | None = None, progress: Progress | None = None) -> Place:
    """Find a model, downloading a published one if it is nowhere on this machine and that is allowed."""
    try:
        return _locate(where, is_offline() if offline is None else offline, progress)
    except ModelNotFound:
        raise  # it is an OSError too
    except OSError as error:
        raise CheckpointError(f"Cannot read {error.filename or where}: {error.strerror or error}.") from error


def _locate(where: str | Path, offline: bool, progress: Progress | None) -> Place:
    name = str(where)
    if name == EMBEDDED:
        return _embedded()
    if name in PUBLISHED and isinstance(where, str):
        return _published(name, offline, progress)
    path, _, step = name.rpartition("@")
    if path and step.isdigit() and not _exists(Path(name)):
        return _checkpoint(_existing(Path(path)), int(step))
    if _HUB_NAME.fullmatch(name) and not _exists(Path(name)) and (snapshot := cached_snapshot(name)):
        return Place(name, snapshot)
    return _look_inside(_existing(Path(name)))


def kind_of(folder: Path) -> str | None:
    """Which of "hf", "openai" and "run" a folder is; None if it holds no model."""
    if (folder / "config.json").is_file():
        return "hf"
    if (folder / "hparams.json").is_file() or (folder / "model.ckpt.index").is_file():
        return "openai"
    return "run" if (folder / "ckpt").is_dir() else None


def _embedded() -> Place:
    folder = Path(__file__).parent / EMBEDDED
    if not (folder / "config.json").is_file():
        raise ModelNotFound(f"This installation lacks the embedded model ({folder}). Install glassgpt again.")
    return Place(EMBEDDED, folder)


def _published(name: str, offline: bool, progress: Progress | None) -> Place:
    repo = PUBLISHED[name]
    for spelling in (repo, name):  # caches older than the hub's organisations have the short name
        if snapshot := cached_snapshot(spelling):
            return Place(name, snapshot)
    if kind_of(Path(name)):
        return _look_inside(Path(name))
    return Place(name, downloaded(repo) or fetch(repo, name, offline=offline, progress=progress))


def _look_inside(path: Path) -> Place:
    if path.is_file():
        return _file(path)
    if not path.is_dir():
        raise ModelNotFound(f"{path} is neither a folder nor an ordinary file.")
    match kind_of(path):
        case None:
            raise _no_model_in(path)
        case "run":
            return _newest_checkpoint(path)
        case _:
            return Place(path.resolve().name, path)


def _file(path: Path) -> Place:
    if path.suffix == ".safetensors":
        return Place(path.stem, path.parent, path)
    if path.suffix in PICKLED and not path.name.startswith("model.ckpt"):
        raise _pickled(path)
    if kind_of(path.parent) in ("hf", "openai") and path.suffix in (".json", ".index"):
        return Place(path.resolve().parent.name, path.parent)
    raise CheckpointError(f"{path} is no model file that can be read: give a .safetensors file, or a model's folder.")


def _newest_checkpoint(run: Path) -> Place:
    """The highest step that its manifest finds undamaged."""
    steps = _steps(run)
    for step in reversed(steps):
        try:
            return _checkpoint(run, step)
        except CheckpointError as error:
            _log.warning("Skipping step %d: %s", step, error)
    if steps:
        raise CheckpointError(f"None of the {len(steps)} checkpoints of the run {run} is undamaged.")
    raise ModelNotFound(f"The run {run} has no checkpoint yet. Let it train until its first save.")


def _checkpoint(run: Path, step: int) -> Place:
    folder = run / "ckpt" / f"step-{step:08d}"
    if not folder.is_dir():
        have = ", ".join(map(str, _steps(run))) or "none"
        raise ModelNotFound(f"The run {run} has no checkpoint of step {step}; it has {have}.")
    verify_manifest(folder)
    return Place(f"{run.resolve().name}@{step}", folder)


def _steps(run: Path) -> list[int]:
    names = (path.name.removeprefix("step-") for path in (run / "ckpt").glob("step-*"))
    return sorted(int(name) for name in names if name.isdigit())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long a name, for one: surely no model
        return False


def _existing(path: Path) -> Path:
    path = Path(os.path.expanduser(path))
    if _exists(path):
        return path
    known = [EMBEDDED, *PUBLISHED]
    if interrupted := sorted(path.parent.glob(f"{BEING_REPLACED}{glob.escape(path.name)}-*")):
        raise ModelNotFound(f"{path} was being replaced when the program died. The old version is {interrupted[0]}.")
    beside = sorted(item.name for item in path.parent.iterdir()) if path.parent.is_dir() else []
    close = difflib.get_close_matches(str(path), known, 2) or difflib.get_close_matches(path.name, beside, 2)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise ModelNotFound(
        f"No model under {str(path)[:300]!r}.{hint} Give a folder, a file, or one of: {', '.join(known)}."
    )


def _no_model_in(folder: Path) -> CheckpointError | ModelNotFound:
    names = sorted(item.name for item in folder.iterdir())
    if pickled := [name for name in names if name.endswith(PICKLED)]:
        return _pickled(folder / pickled[0])
    inside = [name for name in names if (folder / name).is_dir() and kind_of(folder / name)]
    hint = f" Did you mean {folder / inside[0]}?" if inside else ""
    has = f"It has {', '.join(names[:10])}." if names else "It is empty."
    return ModelNotFound(
        f"{folder} holds no model: neither config.json (Hugging Face), hparams.json (OpenAI) nor ckpt/ (a run). "
        f"{has}{hint}"
    )


def _pickled(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is a pickle file. Loading one can run any program, so it is refused. Ask its author for safetensors, "
        "or convert it yourself where nothing can be harmed: load it with transformers and call "
        "save_pretrained(folder), then load that folder here."
    )
