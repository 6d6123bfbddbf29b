"""Data folders in, everything a run asks of its data out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from glassgpt.data.batch import Batch
from glassgpt.data.batches import Batches, make_batches
from glassgpt.data.folder import Folder, open_folder
from glassgpt.data.mixture import Share
from glassgpt.data.shard import Shard
from glassgpt.errors import DataError, InvalidParameter
from glassgpt.tokens import Tokenizer

BYTE = np.dtype("u1")
SAMPLES, SAMPLE_BYTES = 64, 4096
"""How much of each file its fingerprint looks at."""

Paths = str | Path | Sequence[str | Path]
"""A data folder, or several, each `PATH` or `PATH*WEIGHT`."""


@dataclass(frozen=True)
class Corpus:
    """The data of a run: `batch(step)` to train on, `validation` to check on."""

    batches: Batches
    validation: Shard | None
    """What the first folder that has any holds back."""
    tokenizer: Tokenizer
    fingerprint: str
    """Changes when another file, other content or another weight is read, not when a folder is moved."""

    def batch(self, step: int) -> Batch:
        """What this step reads: a pure function of (seed, step)."""
        return self.batches.batch(step)

    def rows(self, step: int, start: int, stop: int) -> Batch:
        """Rows `start` to `stop` of it, without reading the others: what one rank needs."""
        return self.batches.rows(step, start, stop)

    @property
    def vocabulary(self) -> str:
        """Fingerprint of the vocabulary."""
        return self.tokenizer.fingerprint


def open_data(
    data: Paths,
    *,
    context: int,
    rows: int,
    seed: int,
    packing: str = "concatenate",
    isolate: bool = False,
) -> Corpus:
    """Open the data of a run: what `prepare` wrote.

    Batches have `rows` rows of `context` tokens. Raises DataError for data that is missing, damaged, too small or
    encoded with different vocabularies.
    """
    shares = [Share.parse(one) for one in ([data] if isinstance(data, str | Path) else data)]
    folders = [open_folder(share.path) for share in shares]
    tokenizer = folders[0].tokenizer
    for folder in folders:
        if folder.tokenizer.fingerprint != tokenizer.fingerprint:
            raise DataError(f"{folder.path} has another vocabulary than {folders[0].path}: prepare it again.")
    shards = _weigh(shares, folders)
    batches = make_batches(
        shards,
        context=context,
        rows=rows,
        seed=seed,
        packing=packing,
        isolate=isolate,
        vocab_size=tokenizer.vocab_size,
    )
    held_back = next((folder.valid for folder in folders if folder.valid), None)
    return Corpus(batches, held_back, tokenizer, _fingerprint(shards))


def _weigh(shares: Sequence[Share], folders: Sequence[Folder]) -> list[tuple[Shard, Fraction]]:
    """Every shard with its weight: that of its folder, shared out among its shards by their tokens."""
    given = [share.weight is not None for share in shares]
    if any(given) and not all(given):
        lacking = shares[given.index(False)].path
        raise InvalidParameter("data", str(lacking), "needs a weight where others have one: PATH*WEIGHT")
    return [
        (shard, Fraction(shard.count) if share.weight is None else share.weight * Fraction(shard.count, folder.tokens))
        for share, folder in zip(shares, folders, strict=True)
        for shard in folder.train
    ]


def _fingerprint(shards: Sequence[tuple[Shard, Fraction]]) -> str:
    """Of the weights, and of the size and 64 samples of each file: cheap, and another corpus does not have the same."""
    found = hashlib.sha256()
    whole = sum(weight for _, weight in shards)
    for shard, weight in shards:
        found.update(f"{weight / whole} {shard.size}\n".encode())
        with shard.reading() as reader:
            for sample in range(SAMPLES):
                first = (shard.size - SAMPLE_BYTES) * sample // (SAMPLES - 1)
                found.update(reader.items(max(0, first), min(SAMPLE_BYTES, shard.size), BYTE).tobytes())
    return found.hexdigest()
