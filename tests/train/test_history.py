"""A run's story is read from its folder, also while it is being written."""

import json
import os
import time

import pytest

from glassgpt.errors import DataError
from glassgpt.train import Watching, train
from glassgpt.train.history import Curve, axis, find_runs, read_history, smoothed


@pytest.fixture
def written(tmp_path):
    """A run of 4 rows of 8 tokens, at step 3 of 10, its last line cut short."""
    folder = tmp_path / "runs" / "first"
    folder.mkdir(parents=True)
    recipe = {"recipe": {"steps": 10, "rows": 4, "model": {"context_length": 8}, "optimizer": {"lr": 0.1}}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    steps = [{"event": "step", "step": n, "loss": 5.0 - n, "tokens_per_second": 16.0} for n in (1, 2, 3)]
    seen = {"event": "evaluation", "step": 2, "nats_per_token": 3.5, "bits_per_byte": 1.5}
    lines = [json.dumps(event) for event in [*steps, seen]]
    (folder / "log.jsonl").write_text("\n".join(lines) + '\n[1]\n{"event": "step", "ste')
    return folder


def test_what_is_whole_is_read_and_what_is_not_is_passed_over(written):
    run = read_history(written)
    assert (run.name, run.step, run.steps, run.tokens_per_step) == ("first", 3, 10, 32)
    assert run.curve("loss") == Curve((1, 2, 3), (4.0, 3.0, 2.0))
    assert run.curve("bits_per_byte") == Curve((2,), (1.5,))
    assert not run.curve("norm")
    assert run.recipe["optimizer.lr"] == 0.1
    assert (run.curve("loss").last, run.curve("loss").best, run.curve("norm").last) == (2.0, 2.0, None)


def test_a_step_has_a_place_in_tokens_and_in_time(written):
    run = read_history(written)
    assert [axis(run, "step")(n) for n in (1, 3)] == [1.0, 3.0]
    assert axis(run, "tokens")(3) == 96.0
    assert [axis(run, "time")(n) for n in (0, 1, 3, 9)] == [0.0, 2.0, 6.0, 6.0]


def test_a_run_is_training_stopped_or_done(written):
    assert read_history(written).state == "training"
    os.utime(written / "log.jsonl", times=(0, time.time() - 1000))
    assert read_history(written).state == "stopped"
    with (written / "log.jsonl").open("a") as log:
        log.write('\n{"event": "step", "step": 10, "loss": 1.0}\n')
    assert read_history(written).state == "done"


def test_runs_are_found_in_folders_within_folders(written, tmp_path):
    assert find_runs([tmp_path]) == [written]
    assert find_runs([written, written.parent]) == [written]
    with pytest.raises(DataError, match="no folder"):
        find_runs([tmp_path / "none"])
    with pytest.raises(DataError, match="no run"):
        read_history(tmp_path)


def test_a_run_without_a_line_is_a_run(written):
    (written / "log.jsonl").unlink()
    run = read_history(written)
    assert (run.step, run.state, len(run.curve("loss"))) == (0, "stopped", 0)


def test_smoothing_keeps_a_constant_and_halves_a_step():
    assert smoothed(Curve((1, 2, 3), (2.0, 2.0, 2.0)), 0.9).values == pytest.approx((2.0, 2.0, 2.0))
    assert smoothed(Curve((1, 2), (0.0, 3.0)), 0.5).values == pytest.approx((0.0, 2.0))
    assert smoothed(Curve((1, 2), (0.0, 3.0)), 0.0).values == (0.0, 3.0)


def test_what_a_real_run_wrote_is_read_whole(tmp_path, prepared, recipe):
    from dataclasses import replace

    watching = Watching(evaluate_every=5, sample_every=10, sample_tokens=2)
    result = train(replace(recipe, watching=watching), tmp_path / "run", prepared)
    run = read_history(tmp_path / "run")
    assert run.state == "done"
    assert run.curve("loss").steps == tuple(range(1, 11))
    assert run.curve("validation").last == result.validation.nats_per_token
    assert run.tokens_per_step == recipe.tokens_per_step
    assert [sample["step"] for sample in run.of("sample")] == [10]
    assert run.seconds().last > 0
