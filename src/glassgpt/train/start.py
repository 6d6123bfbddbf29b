"""The model a run starts from: a name or folder in, its weights out, and what to write down about it."""

import hashlib
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from glassgpt.checkpoints import load_model
from glassgpt.checkpoints.safetensors_file import raw_bytes
from glassgpt.errors import RunError
from glassgpt.tokens import Tokenizer
from glassgpt.train.identity import Start
from glassgpt.train.recipe import Recipe
from glassgpt.train.run import Run

Weights = dict[str, Tensor]


def open_start(
    where: str | Path | None, recipe: Recipe, tokenizer: Tokenizer, run: Run
) -> tuple[Weights | None, Start | None]:
    """The weights to start from, or None for random ones; and the record of it.

    A run that is resumed need not name its start again: the record says it, and the checkpoint holds the weights.
    """
    recorded = run.recorded().get("start")
    before = Start(**recorded) if isinstance(recorded, dict) else None
    recorded_name = before.model if before is not None else None
    name = str(where) if where is not None else recorded_name
    if name is None:
        return None, None
    if before is not None and name == before.model and run.steps():
        return None, before
    loaded = load_model(name)
    if loaded.tokenizer.fingerprint != tokenizer.fingerprint:
        raise RunError(f"{loaded.name} has another vocabulary than the data. Prepare the data with its tokenizer.")
    shape = replace(loaded.model.config, drop_rate=recipe.model.drop_rate)
    if shape != recipe.model:
        raise RunError(f"{loaded.name} has another shape than the recipe says. Set model to {shape}.")
    weights = loaded.model.state_dict()
    start = Start(name, fingerprint(weights))
    if before is not None and where is None and start != before:
        raise RunError(f"{name}, from which this run started, has changed since. Give the old one with --from.")
    return weights, start


def fingerprint(weights: Weights) -> str:
    """sha256 of all numbers, in the order of the model."""
    found = hashlib.sha256()
    for tensor in weights.values():
        found.update(raw_bytes(tensor))
    return found.hexdigest()
