"""Paths in, the files to read out: texts and tables, alone, in folders, or as Hugging Face datasets on disk."""

import struct
from pathlib import Path

from glassgpt.errors import DataError

TEXTS = (".txt", ".jsonl", ".csv")
TABLES = (".parquet", ".arrow")
DATASET, DATASETS = "state.json", "dataset_dict.json"
"""What `save_to_disk` leaves in the folder of a dataset, and in one that holds several splits."""
KINDS = ", ".join(TEXTS) + " (also .gz), " + ", ".join(TABLES)
GUESS = 4
"""How much larger a table or a .gz is taken to be when unpacked, where the file does not say."""


def list_files(source: Path) -> list[Path]:
    """The readable files behind a path, in name order; a dataset that `save_to_disk` wrote counts as one.

    Of a dataset with splits, that is `train`; the others are folders of their own, to be named. Raises DataError where
    there is nothing to read.
    """
    if (source / DATASETS).is_file():
        if not (source / "train" / DATASET).is_file():
            raise DataError(f"{source} is a dataset without a split `train`: name the folder of one of its splits.")
        return [source / "train"]
    if (source / DATASET).is_file():
        return [source]
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if path.is_file() and kind(path) in (*TEXTS, *TABLES))
        if not files:
            raise DataError(f"{source} holds no {KINDS} file: nothing to read.")
        return files
    if not source.is_file():
        raise DataError(f"{source} is not there. Give a file or folder of {KINDS}.")
    if kind(source) not in (*TEXTS, *TABLES):
        raise DataError(f"{source} is not a kind of text known here: use {KINDS}.")
    return [source]


def kind(path: Path) -> str:
    """The suffix that says how to read a file, `.gz` aside; `dataset` for a folder."""
    if path.is_dir():
        return "dataset"
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def text_size(path: Path) -> int:
    """About how many bytes of text a file holds, and rather more than less: it may have markup besides."""
    try:
        if path.is_dir():
            return sum(file.stat().st_size for file in path.glob("*.arrow"))
        size = path.stat().st_size
        if path.suffix.lower() == ".parquet":
            return size * GUESS
        if path.suffix.lower() != ".gz":
            return size
        with path.open("rb") as file:  # its last four bytes are the size unpacked, modulo 4 GiB
            file.seek(max(0, size - 4))
            (unpacked,) = struct.unpack("<I", file.read(4).rjust(4, b"\0"))
        return unpacked if size <= unpacked <= 100 * size and size < 1 << 30 else size * GUESS
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
