"""How much disk a preparation needs, said before it starts and not after an hour."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from glassgpt.data.documents import read_pieces
from glassgpt.data.encode import encode
from glassgpt.data.fields import Fields
from glassgpt.data.files import text_size
from glassgpt.data.shard import DTYPES
from glassgpt.data.sources import Reading
from glassgpt.errors import DataError
from glassgpt.tokens import Tokenizer

SAMPLES, SAMPLE_PIECES, SAMPLE_CHARACTERS = 8, 16, 1 << 14
"""Files that are looked into, documents in each, and characters of each document."""
MARGIN = 1.1
"""More than the samples say, since they are samples."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What will be read and written, about."""

    files: int
    text_bytes: int
    disk_bytes: int


def estimate(files: Sequence[Reading], tokenizer: Tokenizer, fields: Fields) -> Estimate:
    """Encode a little of a few files, and multiply. Raises DataError for files that cannot be read."""
    text_bytes = sum(text_size(file.path) for file in files)
    read = written = 0
    width = DTYPES[2 if tokenizer.vocab_size <= 1 << 16 else 4].itemsize
    for file in files[:: -(-len(files) // SAMPLES)] if files else ():
        for piece in islice(read_pieces(file.path, fields), SAMPLE_PIECES):
            part = type(piece)(piece.text[:SAMPLE_CHARACTERS], True, piece.prompt[:SAMPLE_CHARACTERS])
            for encoded in encode([part], tokenizer):
                read += encoded.text_bytes
                written += len(encoded.ids) * width + 16  # and two places in the index
    return Estimate(len(files), text_bytes, int(text_bytes * MARGIN * written / read) if read else text_bytes)


def free_bytes(out: Path) -> int:
    """Free space where `out` is or will be."""
    return shutil.disk_usage(next(place for place in (out, *out.absolute().parents) if place.exists())).free


def check_space(needed: Estimate, out: Path, already: int = 0) -> None:
    """Make the folder. Raises DataError where that fails, or what is `already` there and what is free is too little."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out} cannot be made: {error.strerror}.") from error
    if not os.access(out, os.W_OK):
        raise DataError(f"{out} cannot be written to. Choose another folder.")
    free = free_bytes(out) + already
    if needed.disk_bytes > free:
        raise DataError(
            f"{out}: about {needed.disk_bytes:,} bytes needed, {free:,} free. Make room or choose another folder."
        )
