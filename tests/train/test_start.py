"""A run may start from a model: its weights, recorded by their hash."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glassgpt.checkpoints import save_model
from glassgpt.errors import RunError
from glassgpt.model import GPT2, initialize
from glassgpt.tokens import Tokenizer, learn
from glassgpt.train import Run, train


@pytest.fixture
def model(tmp_path: Path, prepared: Path, recipe) -> Path:
    """A model with weights that no seed of a run gives."""
    save_model(initialize(GPT2(recipe.model), 99), tmp_path / "m", tokenizer=Tokenizer.load(prepared / "tokenizer"))
    return tmp_path / "m"


@pytest.fixture
def still(recipe):
    """A recipe whose only step changes next to nothing."""
    return replace(recipe, steps=1, optimizer=replace(recipe.optimizer, lr=1e-12, weight_decay=0.0))


def test_the_first_weights_are_the_model_s_and_its_hash_is_recorded(tmp_path, prepared, still, model):
    train(still, tmp_path / "run", prepared, start=model)
    wanted = initialize(GPT2(still.model), 99)
    found = Run(tmp_path / "run").read(1).weights
    torch.testing.assert_close(found["wte.weight"], wanted.wte.weight.detach(), rtol=0, atol=1e-8)
    start = json.loads((tmp_path / "run" / "recipe.json").read_text())["start"]
    assert start["model"] == str(model)
    assert len(start["sha256"]) == 64


def test_going_on_needs_neither_the_name_nor_the_model(tmp_path, prepared, still, model):
    train(still, tmp_path / "run", prepared, start=model)
    shutil.rmtree(model)
    assert train(replace(still, steps=2), tmp_path / "run", prepared).steps == 2
    assert train(replace(still, steps=3), tmp_path / "run", prepared, start=model).steps == 3


def test_another_start_is_another_run(tmp_path, prepared, still, model):
    train(still, tmp_path / "run", prepared)
    with pytest.raises(RunError, match="start"):
        train(replace(still, steps=2), tmp_path / "run", prepared, start=model)


def test_a_model_of_another_vocabulary_or_shape_is_refused(tmp_path, prepared, still, model):
    with pytest.raises(RunError, match="another shape"):
        train(replace(still, model=replace(still.model, n_layers=1)), tmp_path / "a", prepared, start=model)
    other = learn(["other words than those of the data, but as many of them"], 270)
    save_model(initialize(GPT2(still.model), 99), model, tokenizer=other, overwrite=True)
    with pytest.raises(RunError, match="another vocabulary"):
        train(still, tmp_path / "b", prepared, start=model)
