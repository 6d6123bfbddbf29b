"""Corpus in, token shards out: `train.bin` and, where asked, `valid.bin`, with the tokenizer beside them.

One process reads and writes while the tokenizer's threads encode; memory holds one group of pieces. Every now and then
the position is noted (`journal.py`), and the same command goes on from there after a crash, to the same bytes.
"""

from collections.abc import Sequence
from pathlib import Path

from glassgpt.data.estimate import check_space, estimate
from glassgpt.data.fields import Fields, Text
from glassgpt.data.job import TRAIN, VALID, Job, Prepared, Progress
from glassgpt.data.sources import Reading, Source, readings
from glassgpt.errors import DataError, InvalidParameter
from glassgpt.tokens import Tokenizer


def prepare(
    sources: Sequence[Source],
    out: Path,
    tokenizer: Tokenizer,
    *,
    valid: Sequence[Source] = (),
    valid_fraction: float = 0.0,
    fields: Fields | None = None,
    progress: Progress = lambda done, tokens: None,
) -> Prepared:
    """Encode every document, `<|endoftext|>` after each, into shards under `out`.

    `valid.bin` gets the `valid` sources, or every n-th document (n = 1 / `valid_fraction`), which is then not trained
    on however often its source is repeated. `fields` says what is read of a row: its `text`, if nothing is said.
    Raises DataError when nothing is there to read or the disk is too small.
    """
    if not 0 <= valid_fraction <= 0.5:
        raise InvalidParameter("valid_fraction", valid_fraction, "must be in [0, 0.5]")
    if valid and valid_fraction:
        raise InvalidParameter("valid_fraction", valid_fraction, "must be 0 where validation files are named")
    fields = fields or Text()
    files = readings(sources, valid)
    check_space(estimate(files, tokenizer, fields), out)
    every = round(1 / valid_fraction) if valid_fraction else 0
    names = (TRAIN, VALID) if valid or every else (TRAIN,)
    job = Job(out, tokenizer, fields, _plan(files, tokenizer, fields, every), names, every)
    try:
        for file in files[job.position.file :]:
            job.read(file, progress)
        return job.close()
    except (DataError, InvalidParameter):
        job.discard()
        raise
    except BaseException:
        job.leave()
        raise


def _plan(files: Sequence[Reading], tokenizer: Tokenizer, fields: Fields, every: int) -> dict[str, object]:
    """What decides the bytes of the shards: only the same plan may go on where another stopped."""
    facts = [file.facts() for file in files]
    return {"files": facts, "vocabulary": tokenizer.fingerprint, "fields": repr(fields), "every": every}
