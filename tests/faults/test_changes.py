"""F11 and F12: what changed between two starts is noticed, unless it is only the clock."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from glassgpt.errors import RunError
from glassgpt.train import Run, Saving, Trouble, train
from glassgpt.train import identity as module
from tests.faults.conftest import WORDS, final


@pytest.fixture
def other_data(place: Path, data: Path):
    """Data of the same vocabulary, and data of another."""
    from glassgpt.data import Source, prepare
    from glassgpt.tokens import Tokenizer, learn

    text = " ".join(reversed(WORDS)) * 700
    (place / "text.txt").write_text(text)
    prepare([Source(place / "text.txt")], place / "text", Tokenizer.load(data / "tokenizer"))
    prepare([Source(place / "text.txt")], place / "words", learn([text], 265))
    return {"data": place / "text", "vocabulary": place / "words"}


CHANGES = {
    "seed": {"seed": 1},
    "rows": {"rows": 8},
    "precision": {"precision": "bfloat16"},
    "optimizer.lr": {"optimizer": {"lr": 1e-3}},
    "optimizer.method": {"optimizer": {"method": "muon"}},
    "schedule.shape": {"schedule": {"shape": "linear"}},
    "reading.packing": {"reading": {"packing": "best_fit"}},
    "model.emb_dim": {"model": {"emb_dim": 32}},
}
ELSEWHERE = ("data", "vocabulary", "versions.torch", "versions.glassgpt")
NEVER = ("precision", "optimizer.method", "model.emb_dim")
"""Not even by force: the checkpoint would not fit."""


@pytest.mark.parametrize("key", [*CHANGES, *ELSEWHERE])
def test_a_run_refuses_what_changed_by_name_unless_forced(
    place, data, recipe, variant, other_data, injected, monkeypatch, key
):
    from glassgpt.train.recipe import from_json

    train(replace(recipe, steps=2), place / "run", data, device="cpu")
    changed = from_json(variant(steps=3, **CHANGES.get(key, {})))
    if key.startswith("versions."):
        now = {**module.versions(), key.partition(".")[2]: "99.0"}
        monkeypatch.setattr(module, "versions", lambda: now)
    where = other_data.get(key, data)
    with pytest.raises(RunError, match=f"differs in .*{key}: .* there, .* now"):
        train(changed, place / "run", where, device="cpu")
    told: list[object] = []
    if key in NEVER:
        with pytest.raises(RunError, match="Choose another folder"):
            train(changed, place / "run", where, device="cpu", force=True)
    else:
        assert train(changed, place / "run", where, device="cpu", force=True, listen=told.append).steps == 3
        assert any(isinstance(event, Trouble) and event.kind == "forced" and key in event.message for event in told)
        assert train(replace(changed, steps=4), place / "run", where, device="cpu").steps == 4
    injected("F11 changes")


def test_the_newest_checkpoint_is_the_one_of_the_highest_step_whatever_the_clock_says(
    place, data, recipe, chance, injected, times, monkeypatch
):
    mine = replace(recipe, steps=4, saving=Saving(every=1, keep=4))
    train(mine, place / "whole", data, device="cpu")
    for number in range(10 * times):
        run = place / f"run-{number}"
        train(replace(mine, steps=3), run, data, device="cpu")
        for path in run.rglob("*"):
            moment = chance.uniform(0, 2e9)
            os.utime(path, (moment, moment))
        assert Run(run).latest() == 3
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda: 0.0)
            train(mine, run, data, device="cpu")
        assert final(run) == final(place / "whole")
        injected("F12 clocks")
