"""JSON from files we do not trust: bounded in size and depth, no duplicate keys, no NaN, always an object."""

import json
from pathlib import Path

from glassgpt.errors import CheckpointError

MAX_BYTES = 1 << 20
"""Enough for any config; the index of a sharded model of 10,000 tensors is about 1 MB, see `limit`."""

Json = dict[str, object]


def read_json(path: Path, limit: int = MAX_BYTES) -> Json:
    """The object in a file."""
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise CheckpointError(f"Cannot read {path}: {error.strerror or error}.") from error
    if len(raw) > limit:
        raise CheckpointError(f"{path} is larger than {limit:,} bytes, too large for a file of its kind.")
    return parse_json(raw, str(path))


def parse_json(raw: bytes, origin: str) -> Json:
    """The object in some bytes; `origin` names them in errors."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and over-long numbers are ValueErrors
        raise CheckpointError(f"{origin} is not valid JSON: {_reason(error)}.") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{origin} must hold a JSON object, not {type(value).__name__}.")
    return value


def write_json(path: Path, value: Json) -> None:
    """Write an object so that people can read it."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def shown(name: str, most: int = 200) -> str:
    """A name from a file, fit for a message: short, and without characters that steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:most])


def _unique(pairs: list[tuple[str, object]]) -> Json:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"duplicate key {twice!r}")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
