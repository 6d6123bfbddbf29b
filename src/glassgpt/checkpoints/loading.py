"""`load_model`: from a name or path to a model that is ready to read, with the tokenizer it was trained with."""

from dataclasses import dataclass
from pathlib import Path

import torch

from glassgpt.checkpoints import hf_config, hugging_face, openai
from glassgpt.checkpoints.assemble import Survey, assemble
from glassgpt.checkpoints.download import Progress
from glassgpt.checkpoints.places import EMBEDDED, Place, kind_of, locate
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2, GPT2Config
from glassgpt.tokens import Tokenizer

_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "encoder.json")


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
    place = locate(where, offline=offline, progress=progress)
    tokenizer = load_tokenizer(place)
    model = assemble(survey_place(place), dtype=dtype, device=device)
    ids, rows = tokenizer.vocab_size, model.config.vocab_size
    if ids > rows:
        raise CheckpointError(f"{place.folder}: the tokenizer has {ids:,} ids, but the model knows only {rows:,}.")
    return Loaded(model, tokenizer, place.folder, place.name)


def survey_place(place: Place) -> Survey:
    """What the model's files hold, by the format they are in."""
    if place.weights is None and kind_of(place.folder) == "openai":
        return openai.survey_folder(place.folder)
    return hugging_face.survey_folder(place.folder, place.weights)


def load_tokenizer(place: Place) -> Tokenizer:
    """The tokenizer in the model's folder; GPT-2's own if the folder has none and the vocabulary has that size."""
    if has_tokenizer(place):
        return Tokenizer.load(place.folder)
    size = read_config(place.folder).vocab_size
    if size == GPT2Config().vocab_size:
        return Tokenizer.gpt2()
    raise CheckpointError(
        f"{place.folder} has no tokenizer, and GPT-2's own does not fit a vocabulary of {size:,}. "
        "Put tokenizer.json, or vocab.json and merges.txt, beside the weights."
    )


def has_tokenizer(place: Place) -> bool:
    """Whether the model's folder has a tokenizer of its own."""
    return any((place.folder / name).exists() for name in _TOKENIZER_FILES)


def read_config(folder: Path | str) -> GPT2Config:
    """The shape of the model in a Hugging Face or OpenAI folder."""
    folder = Path(folder)
    return openai.read_config(folder) if kind_of(folder) == "openai" else hf_config.read_config(folder)
