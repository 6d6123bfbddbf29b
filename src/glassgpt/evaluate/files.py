"""A benchmark's file in, lines or rows out: UTF-8, packed with gzip or not, with the place named where it is wrong."""

import gzip
import json
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from glassgpt.errors import DataError


def read_lines(path: Path) -> Iterator[str]:
    """Each line without its end; only a line feed ends a line.

    Raises DataError for a file that is not there, cannot be read, or is not UTF-8.
    """
    if not path.is_file():
        raise DataError(f"{path} is {'a folder' if path.is_dir() else 'not there'}; give the benchmark's own file.")
    packed = path.suffix.lower() == ".gz"
    try:
        with (
            gzip.open(path, "rb") if packed else path.open("rb") as raw,
            TextIOWrapper(raw, encoding="utf-8", newline="\n") as lines,
        ):
            for line in lines:
                yield line.removesuffix("\n").removesuffix("\r")
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}.") from error


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Each line as the JSON object it holds; empty lines are passed over."""
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: not JSON ({error}).") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number}: an object is needed, this is {type(row).__name__}.")
        yield row


def first_line(path: Path) -> str:
    """The first line that is not empty; nothing in an empty file."""
    return next((line for line in read_lines(path) if line.strip()), "")


def holds_rows_with(path: Path, *keys: str) -> bool:
    """Whether the first line is a JSON object with all these keys."""
    try:
        row = json.loads(first_line(path))
    except (json.JSONDecodeError, RecursionError):
        return False
    return isinstance(row, dict) and row.keys() >= set(keys)


def field(row: dict[str, Any], key: str, path: Path) -> str:
    """A text of a row, or DataError."""
    value = row.get(key)
    if not isinstance(value, str):
        raise DataError(f"{path}: a row has no text under {key!r}; it has {', '.join(map(repr, row))}.")
    return value
