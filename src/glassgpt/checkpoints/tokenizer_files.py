"""What a model's folder says besides its weights: the tokenizer it was trained with, and its shape."""

from pathlib import Path

from glassgpt.checkpoints import hf_config
from glassgpt.checkpoints.places import Place, kind_of
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2Config
from glassgpt.tokens import Tokenizer

_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "encoder.json")


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
    if kind_of(folder) != "openai":
        return hf_config.read_config(folder)
    from glassgpt.checkpoints import openai  # its reader needs PyTorch

    return openai.read_config(folder)


def need_fit(tokenizer: Tokenizer, config: GPT2Config, place: Place) -> None:
    """Refuse a tokenizer with ids that the model does not know."""
    ids, rows = tokenizer.vocab_size, config.vocab_size
    if ids > rows:
        raise CheckpointError(f"{place.folder}: the tokenizer has {ids:,} ids, but the model knows only {rows:,}.")
