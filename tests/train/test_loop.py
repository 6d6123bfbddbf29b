"""A run that was stopped ends exactly as one that was not."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from glassgpt.checkpoints.manifest import verify_manifest
from glassgpt.errors import RunError
from glassgpt.train import Evaluation, Run, Saved, Saving, Step, Watching, train


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    folder = Run(run).folder(step)
    both = {**load_file(folder / "model.safetensors"), **load_file(folder / "optimizer.safetensors")}
    return {name: tensor.clone() for name, tensor in both.items()}  # the files are mapped, and will be changed


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("method", ["adamw", "muon"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, prepared: Path, variant, method: str, precision: str
):
    recipe = variant(method=method, precision=precision)
    train(recipe, tmp_path / "whole", prepared)

    def stop_at_seven(event: object) -> None:
        if isinstance(event, Step) and event.step == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    first = train(recipe, tmp_path / "parts", prepared, listen=stop_at_seven)
    assert (first.steps, first.interrupted) == (7, True)
    second = train(recipe, tmp_path / "parts", prepared)
    assert (second.steps, second.interrupted) == (10, False)
    assert_same(weights(tmp_path / "parts", 10), weights(tmp_path / "whole", 10))
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def losses(run: Path) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in rows if row["event"] == "step"]


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path, prepared: Path, recipe):
    train(recipe, tmp_path / "run", prepared)
    expected = weights(tmp_path / "run", 10)
    file = Run(tmp_path / "run").folder(10) / "model.safetensors"
    damaged = bytearray(file.read_bytes())
    damaged[-5] ^= 1
    file.write_bytes(bytes(damaged))
    assert Run(tmp_path / "run").latest() == 5
    train(recipe, tmp_path / "run", prepared)
    assert_same(weights(tmp_path / "run", 10), expected)


def test_the_log_tells_every_step_once_and_checkpoints_verify(tmp_path: Path, prepared: Path, recipe):
    events = []
    result = train(recipe, tmp_path / "run", prepared, listen=events.append)
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 11))
    assert [event.step for event in events if isinstance(event, Saved)] == [5, 10]
    assert [event.step for event in events if isinstance(event, Evaluation)] == [5, 10]
    assert [step for step, _ in losses(tmp_path / "run")] == list(range(1, 11))
    verify_manifest(result.folder)
    assert result.validation is not None


def test_training_lowers_the_loss(tmp_path: Path, prepared: Path, variant):
    recipe = variant(lr=0.01, steps=60, saving=Saving(every=0), watching=Watching(evaluate_every=0))
    result = train(recipe, tmp_path / "run", prepared)
    first, *_, last = losses(tmp_path / "run")
    assert last[1] < first[1] - 0.5
    assert result.steps == 60


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path, prepared: Path, recipe):
    train(replace(recipe, saving=Saving(every=2)), tmp_path / "run", prepared)
    assert Run(tmp_path / "run").steps() == [8, 10]


def test_another_recipe_may_not_go_on_in_the_same_folder(tmp_path: Path, prepared: Path, recipe, variant):
    train(recipe, tmp_path / "run", prepared)
    with pytest.raises(RunError, match="seed: 0 there, 1 now"):
        train(replace(recipe, seed=1), tmp_path / "run", prepared)
    with pytest.raises(RunError, match="holds a run already"):
        train(recipe, tmp_path / "run", prepared, resume=False)


def test_more_steps_may(tmp_path: Path, prepared: Path, recipe):
    train(recipe, tmp_path / "run", prepared)
    assert train(replace(recipe, steps=12), tmp_path / "run", prepared).steps == 12


def test_a_loss_that_is_not_a_number_stops_before_it_is_saved(tmp_path: Path, prepared: Path, variant):
    recipe = variant(method="adamw")
    wild = replace(
        recipe, optimizer=replace(recipe.optimizer, lr=1e30, clip=0.0), precision="float32", saving=Saving(every=1)
    )
    with pytest.raises(RunError, match="last checkpoint is whole"):
        train(wild, tmp_path / "run", prepared)
    step = Run(tmp_path / "run").latest()
    assert step is None or all(tensor.isfinite().all() for tensor in weights(tmp_path / "run", step).values())


def test_a_model_too_small_for_the_vocabulary_is_refused(tmp_path: Path, prepared: Path, recipe):
    small = replace(recipe, model=replace(recipe.model, vocab_size=200))
    with pytest.raises(RunError, match="Set vocab_size to 2"):
        train(small, tmp_path / "run", prepared)
