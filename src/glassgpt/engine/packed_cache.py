"""Packed weights kept on disk between two uses, so that a model is read in a fraction of a second, without PyTorch.

They lie beside the model, in its folder `.glassgpt`, or where that may not be written in the user's cache folder. A
file counts only if it was made by this version of the kernels from the very same files: their names, sizes, times and
places on the disk are compared. Where those differ, what the files hold is compared too, but only for a file in the
user's own cache: one that came along with a folder from elsewhere could claim anything. What does not count is made
anew. Files can be deleted at any time.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from glassgpt.checkpoints.download import own_cache
from glassgpt.checkpoints.unread import Unread
from glassgpt.engine.unkept import say_unkept
from glassgpt.kernels import Weights, read_facts, read_packed, replace_fact, source_hash, write_packed
from glassgpt.model import GPT2Config

BESIDE = ".glassgpt"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds."""

    config: GPT2Config
    weights: Weights


def find(unread: Unread, weights: str) -> Kept | None:
    """The model's packed weights in this format, if there are any and they are good."""
    for path in _places(unread, weights):
        facts = read_facts(path)
        if facts is None or facts.get("kernels") != source_hash() or not _is_of(unread, path, facts):
            continue
        packed = read_packed(path)
        if packed is not None:
            return Kept(GPT2Config(**json.loads(facts["config"])), packed)
    return None


def keep(unread: Unread, weights: str, made: Kept) -> bool:
    """Write a file where that is possible; where it is not, that only costs time, and is said once."""
    facts = {
        "kernels": source_hash(),
        "config": json.dumps(asdict(made.config)),
        "stamp": unread.stamp,
        "digest": unread.digest,
    }
    failed = OSError("no place")
    for path in _places(unread, weights):
        try:
            path.parent.mkdir(parents=path.parent.name != BESIDE, exist_ok=True)
            write_packed(path, made.weights, facts)
        except OSError as error:
            failed = error
        else:
            return True
    say_unkept(failed)
    return False


def _is_of(unread: Unread, path: Path, facts: dict[str, str]) -> bool:
    """Whether the file was made of the model as it is now."""
    stamp, before = unread.stamp, facts.get("stamp")
    if stamp == before:
        return True
    if before is None or not path.is_relative_to(own_cache()) or facts.get("digest") != unread.digest:
        return False
    with contextlib.suppress(OSError):  # the same content under new times: the next time a look will do
        replace_fact(path, before, stamp)
    return True


def _places(unread: Unread, weights: str) -> Iterator[Path]:
    """Where the file may lie, best first."""
    place = unread.place
    stem = "" if place.weights is None else f"{place.weights.stem}-"
    name = f"{stem}{'float32' if unread.dtype == 'auto' else unread.dtype}-{weights}.packed"
    if unread.is_ours_to_write:
        yield place.folder / BESIDE / name
    where = hashlib.sha256(str(place.folder.resolve()).encode()).hexdigest()[:16]
    yield own_cache() / "packed" / f"{place.folder.resolve().name}-{where}" / name
