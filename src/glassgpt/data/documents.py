"""Files in, documents out, one at a time, so that memory holds one document and not the corpus.

A `.txt` file is one document; a `.jsonl` line is one, its text under a key; a `.csv` row is one, its text in a column.
A folder is every such file in it, in name order. `.gz` on any of them is unpacked on the way.
"""

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from glassgpt.errors import DataError

SUFFIXES = (".txt", ".jsonl", ".csv")


def read_documents(source: Path, key: str = "text") -> Iterator[str]:
    """Yield each document of a file or folder; empty ones are left out.

    Raises DataError for a path that is not there, an unknown kind of file, bad UTF-8, or a row without `key`.
    """
    for path in list_files(source):
        yield from (document for document in _read_file(path, key) if document.strip())


def list_files(source: Path) -> list[Path]:
    """The readable files behind a path, in name order."""
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.is_file() and _kind(path) in SUFFIXES)
        if not files:
            raise DataError(f"{source} holds no {', '.join(SUFFIXES)} file (also .gz): nothing to read.")
        return files
    if not source.is_file():
        raise DataError(f"{source} is not there. Give a file or folder of {', '.join(SUFFIXES)} (also .gz).")
    if _kind(source) not in SUFFIXES:
        raise DataError(f"{source} is not a kind of text known here: use {', '.join(SUFFIXES)} (also .gz).")
    return [source]


def _kind(path: Path) -> str:
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def _read_file(path: Path, key: str) -> Iterator[str]:
    reader = {".txt": _read_text, ".jsonl": _read_jsonl, ".csv": _read_csv}[_kind(path)]
    try:
        with _open(path) as file:
            yield from reader(file, path, key)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}. Convert it first.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _open(path: Path) -> TextIOWrapper:
    if path.suffix.lower() == ".gz":
        return TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _read_text(file: TextIOWrapper, path: Path, key: str) -> Iterator[str]:
    yield file.read().replace("\r\n", "\n")


def _read_jsonl(file: TextIOWrapper, path: Path, key: str) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: not JSON ({error}).") from error
        yield _text_of(row, key, f"{path}, line {number}")


def _read_csv(file: TextIOWrapper, path: Path, key: str) -> Iterator[str]:
    csv.field_size_limit(sys.maxsize)
    try:
        for number, row in enumerate(csv.DictReader(file), start=2):
            yield _text_of(row, key, f"{path}, row {number}")
    except csv.Error as error:
        raise DataError(f"{path} is not readable as CSV: {error}.") from error


def _text_of(row: object, key: str, where: str) -> str:
    text = row.get(key) if isinstance(row, dict) else None
    if not isinstance(text, str):
        have = ", ".join(map(repr, row)) if isinstance(row, dict) else type(row).__name__
        raise DataError(f"{where}: no text under {key!r} (there is: {have}). Name the right one with --key.")
    return text
