"""Whether the shards of a folder are still what was prepared: sizes and SHA-256 as `data.json` has them."""

import json
from collections.abc import Iterable
from pathlib import Path

from glassgpt.checkpoints.manifest import sha256
from glassgpt.errors import DataError


def describe(folder: Path, names: Iterable[str]) -> dict[str, dict[str, object]]:
    """Size and hash of some files."""
    return {name: {"size": (folder / name).stat().st_size, "sha256": sha256(folder / name)} for name in names}


def verify_data(folder: Path) -> int:
    """Read every shard of a data folder and compare; return how many there are.

    Raises DataError, which names the file, where one is missing or a bit of it has changed.
    """
    try:
        files = json.loads((folder / "data.json").read_text(encoding="utf-8"))["files"]
        expected = {str(name): (facts["size"], facts["sha256"]) for name, facts in files.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"{folder / 'data.json'} tells no sizes and hashes: prepare the data again.") from error
    for name, (size, digest) in expected.items():
        path = folder / name
        try:
            found = path.stat().st_size
            if found != size:
                raise DataError(f"{path} has {found:,} bytes; {size:,} were prepared.")
            if sha256(path) != digest:
                raise DataError(f"{path} is damaged: its SHA-256 is not the one it was prepared with.")
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return len(expected)
