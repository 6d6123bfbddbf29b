"""What a run does after a bad step, and that going on from a checkpoint does the same."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glassgpt.data import open_data
from glassgpt.errors import NotFinite
from glassgpt.train import Guard, Run, Saved, Saving, Step, Trouble, train
from glassgpt.train import loop as module

POISON = 5
"""The number of a batch that spoils the loss whenever it is read."""


@pytest.fixture
def poisoned(monkeypatch, prepared: Path, recipe):
    """Training in which one batch is bad."""
    ids = open_data(prepared, context=16, rows=4, seed=recipe.seed).batch(POISON).ids
    real = module.gradients

    def gradients(worker, batch, *more):
        loss, norm = real(worker, batch, *more)
        return (loss * float("nan"), norm) if torch.equal(batch.ids, ids) else (loss, norm)

    monkeypatch.setattr(module, "gradients", gradients)


def log(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def same_weights(a: Path, b: Path, step: int) -> bool:
    mine, theirs = Run(a).read(step).weights, Run(b).read(step).weights
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_abort_is_the_rule_and_shows_the_batch(tmp_path, prepared, recipe, poisoned):
    with pytest.raises(NotFinite, match="step 6: loss nan"):
        train(recipe, tmp_path / "run", prepared)
    assert Run(tmp_path / "run").latest() == 5
    shown = json.loads((tmp_path / "run" / "trouble" / "step-00000006.json").read_text())
    assert shown["batch"] == POISON
    assert shown["gradients"].keys() == Run(tmp_path / "run").read(5).weights.keys()


def test_skip_goes_on_after_it(tmp_path, prepared, recipe, poisoned):
    told: list[object] = []
    mine = replace(recipe, guard=Guard(on_nonfinite="skip"))
    assert train(mine, tmp_path / "run", prepared, listen=told.append).steps == 10
    assert [line["step"] for line in log(tmp_path / "run") if line["event"] == "step"] == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    (trouble,) = [event for event in told if isinstance(event, Trouble)]
    assert "step 6 skipped: loss nan" in trouble.message


def test_rollback_leaves_the_batch_out_and_a_resumed_run_does_the_same(tmp_path, prepared, recipe, poisoned):
    mine = replace(recipe, guard=Guard(on_nonfinite="rollback"), saving=Saving(every=4))
    train(mine, tmp_path / "whole", prepared)
    assert Run(tmp_path / "whole").read(8).progress.left_out == [POISON]
    assert [line["step"] for line in log(tmp_path / "whole") if line["event"] == "step"] == list(range(1, 11))

    def stop(event: object) -> None:
        if isinstance(event, Step) and event.step in (2, 7):
            os.kill(os.getpid(), signal.SIGTERM)

    for _ in range(10):
        if not train(mine, tmp_path / "parts", prepared, listen=stop).interrupted:
            break
    assert Run(tmp_path / "parts").read(10).progress.left_out == [POISON]
    assert same_weights(tmp_path / "parts", tmp_path / "whole", 10)


def test_rollback_before_the_first_checkpoint_goes_back_to_the_beginning(tmp_path, prepared, recipe, poisoned):
    mine = replace(recipe, guard=Guard(on_nonfinite="rollback"), saving=Saving(every=0))
    assert train(mine, tmp_path / "run", prepared).steps == 10
    assert Run(tmp_path / "run").steps() == [0, 10]


def test_a_batch_that_is_left_out_might_as_well_not_be_there(tmp_path, prepared, recipe, poisoned, monkeypatch):
    mine = replace(recipe, guard=Guard(on_nonfinite="rollback"), saving=Saving(every=4))
    train(mine, tmp_path / "poisoned", prepared)
    monkeypatch.undo()
    monkeypatch.setattr(module, "batch_number", lambda step, left_out: step + (step >= POISON))
    train(mine, tmp_path / "clean", prepared)
    assert same_weights(tmp_path / "poisoned", tmp_path / "clean", 10)


def test_an_outlier_is_skipped_and_told(tmp_path, prepared, recipe, monkeypatch):
    real, calls = module.gradients, 0

    def gradients(*given):
        nonlocal calls
        calls += 1
        loss, norm = real(*given)
        return loss, norm * (1e4 if calls == 10 else 1)

    monkeypatch.setattr(module, "gradients", gradients)
    told: list[object] = []
    train(replace(recipe, guard=Guard(z_norm=6.0, window=8)), tmp_path / "run", prepared, listen=told.append)
    (trouble,) = [event for event in told if isinstance(event, Trouble)]
    assert "deviations above the last 8" in trouble.message


def test_nothing_is_saved_after_a_bad_step_but_after_the_next_good_one(tmp_path, prepared, recipe, poisoned):
    told: list[object] = []
    mine = replace(recipe, guard=Guard(on_nonfinite="skip"), saving=Saving(every=6))
    train(mine, tmp_path / "run", prepared, listen=told.append)
    assert [event.step for event in told if isinstance(event, Saved)] == [7, 10]
