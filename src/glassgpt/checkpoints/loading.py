"""`load_model`: from a name or path to a model that is ready to read, with the tokenizer it was trained with."""

from dataclasses import dataclass
from pathlib import Path

import torch

from glassgpt.checkpoints.assemble import assemble
from glassgpt.checkpoints.contents import survey_place
from glassgpt.checkpoints.download import Progress
from glassgpt.checkpoints.places import EMBEDDED, Place, locate
from glassgpt.checkpoints.tokenizer_files import load_tokenizer, need_fit
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in eval mode, its tokenizer, and where they came from."""

    model: GPT2
    tokenizer: Tokenizer
    path: Path
    name: str


def load_model(
    where: str | Path = EMBEDDED,
    *,
    dtype: torch.dtype | None = torch.float32,
    device: torch.device | str = "cpu",
    offline: bool | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Load `where`: "embedded", a published name such as "gpt2", a folder, a run, "run@1000" or a file.

    `dtype` None keeps the numbers as stored. `offline` None asks the variables HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE;
    `progress` is told (file, bytes so far, bytes in all) during a download.
    """
    return load_place(locate(where, offline=offline, progress=progress), dtype=dtype, device=device)


def load_place(place: Place, *, dtype: torch.dtype | None, device: torch.device | str) -> Loaded:
    """The same for a model that was found."""
    tokenizer = load_tokenizer(place)
    model = assemble(survey_place(place), dtype=dtype, device=device)
    need_fit(tokenizer, model.config, place)
    return Loaded(model, tokenizer, place.folder, place.name)
