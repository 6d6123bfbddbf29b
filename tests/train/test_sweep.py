"""Sweeps and sizes: trials are kept, a stopped sweep goes on, the best is the best."""

import os
import signal

import pytest

pytest.importorskip("optuna", reason="the sweep extra is not installed")

from glassgpt.errors import InvalidParameter, RunError
from glassgpt.model import GPT2Config
from glassgpt.train import Recipe, Saving, Schedule, Watching
from glassgpt.train import loop as training
from glassgpt.train.recipe import changed
from glassgpt.train.sizes import final_loss, resized, train_sizes
from glassgpt.train.sweep import Try, run_folder, sweep


@pytest.fixture
def short(prepared):
    from glassgpt.tokens import Tokenizer

    shape = GPT2Config(
        vocab_size=Tokenizer.load(prepared / "tokenizer").vocab_size,
        context_length=16,
        emb_dim=16,
        n_heads=2,
        n_layers=1,
        drop_rate=0.0,
    )
    watching = Watching(evaluate_every=0, evaluate_tokens=200)
    return Recipe(
        model=shape,
        steps=4,
        rows=2,
        precision="float32",
        schedule=Schedule(warmup_steps=1),
        saving=Saving(every=2),
        watching=watching,
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("optimizer.lr=1e-4..1e-2:log", Try("optimizer.lr", 1e-4, 1e-2, True)),
        ("model.n_layers=2..8", Try("model.n_layers", 2.0, 8.0)),
        ("schedule.shape=cosine,linear", Try("schedule.shape", choices=("cosine", "linear"))),
        ("reading.isolate=true,false", Try("reading.isolate", choices=(True, False))),
        ("model.emb_dim=64,128", Try("model.emb_dim", choices=(64, 128))),
    ],
)
def test_what_to_try_is_read_from_a_word(text, found):
    assert Try.parse(text) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("optimizer.lr", "KEY=LOW..HIGH"),
        ("optimizer.rl=1..2", "the nearest key is optimizer.lr"),
        ("optimizer.lr=2..1", "below the upper"),
        ("optimizer.lr=0..1:log", "above 0"),
        ("optimizer.lr=a..b", "must be numbers"),
    ],
)
def test_what_cannot_be_tried_is_refused(text, told):
    with pytest.raises(InvalidParameter, match=told):
        Try.parse(text)


def test_a_sweep_keeps_its_trials_and_goes_on(tmp_path, prepared, short):
    tries = [Try.parse("optimizer.lr=1e-4..1e-2:log"), Try.parse("model.n_heads=2,3")]
    first = sweep(short, prepared, tmp_path / "sweep", tries, trials=3, device="cpu")
    whole = sweep(short, prepared, tmp_path / "sweep", tries, trials=5, device="cpu")
    assert len(first.trials) == 3
    assert whole.trials[:3] == first.trials
    assert len(whole.trials) == 5
    assert len({str(trial.settings) for trial in whole.trials}) == 5
    assert all((trial.loss is None) == (trial.settings["model.n_heads"] == 3) for trial in whole.trials)  # 16 / 3
    best = whole.best
    assert best is None or best.loss == min(trial.loss for trial in whole.trials if trial.loss is not None)


def test_a_trial_that_was_stopped_is_taken_up_where_it_was(tmp_path, prepared, short, monkeypatch):
    tries, asked = [Try.parse("optimizer.lr=1e-4..1e-2:log")], []
    started = training.Trainer._step

    def stop_at_three(trainer):
        started(trainer)
        if trainer.progress.step == 3 and not asked:
            asked.append(trainer.run.path)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(training.Trainer, "_step", stop_at_three)
    first = sweep(short, prepared, tmp_path / "sweep", tries, trials=2, device="cpu")
    assert (first.interrupted, first.trials) == (True, [])
    second = sweep(short, prepared, tmp_path / "sweep", tries, trials=2, device="cpu")
    assert not second.interrupted
    assert run_folder(tmp_path / "sweep", second.trials[0].settings) == asked[0]
    assert second.trials[0].loss == final_loss(asked[0])


def test_nothing_to_try_is_refused(tmp_path, prepared, short):
    with pytest.raises(InvalidParameter, match="at least one setting"):
        sweep(short, prepared, tmp_path, [], trials=1)


def test_sizes_are_trained_once_on_equal_tokens(tmp_path, prepared, short):
    shapes = [(1, 16), (1, 32), (2, 32)]
    found = train_sizes(short, shapes, prepared, tmp_path, device="cpu")
    assert [(each.layers, each.width) for each in found] == shapes
    assert [each.parameters for each in found] == sorted(each.parameters for each in found)
    assert train_sizes(short, shapes, prepared, tmp_path, device="cpu") == found
    assert {resized(short, *shape).tokens_per_step for shape in shapes} == {short.tokens_per_step}
    assert resized(short, 1, 64).model.n_heads == 2


def test_a_run_without_evaluation_has_no_loss_to_compare(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"event": "step", "step": 1}\n')
    with pytest.raises(RunError, match="never evaluated"):
        final_loss(tmp_path)


def test_changes_of_a_trial_reach_the_recipe(short):
    assert changed(short, {"optimizer.lr": 0.5, "reading.isolate": True}).reading.isolate
