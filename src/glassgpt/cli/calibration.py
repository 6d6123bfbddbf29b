"""Texts to quantize by: those a user gives, or else those the model writes.

A model's own texts hold what it finds likely, in its own vocabulary, and need no file: Williams et al. 2024, "Self-
calibration for language model quantization and pruning" (arXiv:2410.17170).
"""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from glassgpt.cli.progress import Report
from glassgpt.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from glassgpt.language_model import LanguageModel

LONGEST = 512
"""Tokens of a text: what stands later is rounded no differently."""


def calibration_texts(lm: "LanguageModel", file: Path | None, count: int, seed: int, report: Report) -> "Tensor":
    """(count, T) ids, all of one length; of a file as many as there are, spread over all of it."""
    import torch

    length = min(lm.config.context_length, LONGEST)
    rows = _written(lm, count, length, seed, report) if file is None else _read(lm, file, count, length)
    return torch.tensor(rows)


def _written(lm: "LanguageModel", count: int, length: int, seed: int, report: Report) -> list[list[int]]:
    """The end-of-text token, and what the model writes after it, one end of a text not being the end of all."""
    rows: dict[int, list[int]] = defaultdict(lambda: [lm.tokenizer.end_of_text])
    if length == 1:
        return [[lm.tokenizer.end_of_text]] * count
    goal = count * (length - 1)
    events = lm.events("", n=count, max_new_tokens=length - 1, ignore_eos=True, seed=seed)
    for done, event in enumerate(events, start=1):
        rows[event.sample].append(event.id)
        if done % count == 0:
            report("writing texts to calibrate by: tokens", done, goal)
    return list(rows.values())


def _read(lm: "LanguageModel", file: Path, count: int, length: int) -> list[list[int]]:
    from glassgpt.data import read_documents

    ids = [token for text in read_documents(file) for token in [lm.tokenizer.end_of_text, *lm.tokenizer.encode(text)]]
    pieces = len(ids) // length
    if not pieces:
        raise DataError(f"{file} has {len(ids):,} tokens; a text to calibrate by has {length:,}. Give a longer one.")
    chosen = [number * pieces // min(count, pieces) for number in range(min(count, pieces))]
    return [ids[number * length : (number + 1) * length] for number in chosen]
