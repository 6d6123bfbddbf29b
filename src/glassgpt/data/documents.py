"""Files in, documents out, one at a time and the very long ones in parts, so that memory never holds a corpus.

A .txt file is one document, or several with <|endoftext|> between them; line ends beside that mark are dropped with it.
A .jsonl line is a document, its text under a key; so is a row of a .csv, .parquet or .arrow file and of a dataset that
Hugging Face's `save_to_disk` wrote. A folder is every such file in it, in name order. `.gz` is unpacked on the way.
"""

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from glassgpt.data.fields import Fields, Piece, Text
from glassgpt.data.files import TEXTS, kind, list_files
from glassgpt.data.hugging_face import read_rows
from glassgpt.errors import DataError
from glassgpt.tokens.split import sections
from glassgpt.tokens.vocabulary import END_OF_TEXT

BLOCK = 1 << 20
"""Characters of a .txt to read at a time."""
SECTION = 1 << 18
"""Characters of a document of which a part is handed on."""


def read_documents(source: Path, key: str = "text") -> Iterator[str]:
    """Yield each document of a file or folder, whole; empty ones are left out.

    Raises DataError for a path that is not there, an unknown kind of file, bad UTF-8, or a row without `key`.
    """
    for path in list_files(source):
        parts: list[str] = []
        for piece in read_pieces(path, Text(key)):
            parts.append(piece.text)
            if piece.ends:
                yield "".join(parts)
                parts.clear()


def read_pieces(path: Path, fields: Fields) -> Iterator[Piece]:
    """Yield the documents of one file, a long .txt in parts whose ids, joined, are those of the whole."""
    if kind(path) not in TEXTS:
        yield from _documents(read_rows(path), fields)
        return
    try:
        with _open(path) as file:
            if kind(path) == ".txt":
                yield from _read_text(file)
            else:
                rows = _json_rows if kind(path) == ".jsonl" else _csv_rows
                yield from _documents(rows(file, path), fields)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}. Convert it first.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _open(path: Path) -> TextIOWrapper:
    if path.suffix.lower() == ".gz":
        return TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _documents(rows: Iterator[tuple[str, object]], fields: Fields) -> Iterator[Piece]:
    for where, row in rows:
        if not isinstance(row, dict):
            raise DataError(f"{where}: {type(row).__name__} instead of an object with fields.")
        piece = fields.piece(row, where)
        if piece.text.strip():
            yield piece


def _read_text(file: TextIOWrapper) -> Iterator[Piece]:
    rest, begun, marked = "", False, False  # marked: the document follows an end mark
    while block := file.read(BLOCK):
        while block.endswith("\r"):
            block += (more := file.read(1))
            if not more:
                break
        *ended, rest = (rest + block.replace("\r\n", "\n")).split(END_OF_TEXT)
        for text in ended:
            text = text.rstrip("\n") if begun or not marked else text.strip("\n")
            if begun or text.strip():
                yield Piece(text)
            begun, marked = False, True
        if marked and not begun:
            rest = rest.lstrip("\n")
        *parts, rest = sections(rest, SECTION)
        for text in parts:
            yield Piece(text, ends=False)
            begun = True
    if begun or rest.strip():
        yield Piece(rest)


def _json_rows(file: TextIOWrapper, path: Path) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield f"{path}, line {number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, line {number}: not JSON ({error}).") from error


def _csv_rows(file: TextIOWrapper, path: Path) -> Iterator[tuple[str, object]]:
    csv.field_size_limit(sys.maxsize)
    try:
        for number, row in enumerate(csv.DictReader(file), start=2):
            yield f"{path}, row {number}", row
    except csv.Error as error:
        raise DataError(f"{path} is not readable as CSV: {error}.") from error
