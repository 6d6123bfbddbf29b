"""`glassgpt sweep` and `glassgpt scaling`."""

import tomllib

import pytest

SMALL = ("--model.emb-dim", 16, "--model.n-layers", 1, "--model.context-length", 16, "--rows", 2, "--steps", 2)
LR = ("--try", "optimizer.lr=1e-4..1e-2:log")


def test_a_sweep_shows_its_trials_and_writes_the_best_recipe(glassgpt, prepared_by_command, tmp_path):
    pytest.importorskip("optuna", reason="the sweep extra is not installed")
    ran = glassgpt("sweep", prepared_by_command, "--out", tmp_path / "s", *LR, "--trials", 2, *SMALL)
    assert ran.code == 0, ran.err
    assert ran.out.count("optimizer.lr=") == 2
    best = tomllib.loads((tmp_path / "s" / "best.toml").read_text())
    assert 1e-4 <= best["optimizer"]["lr"] <= 1e-2
    again = glassgpt("sweep", prepared_by_command, "--out", tmp_path / "s", *LR, "--trials", 2, *SMALL, "--json").json
    assert again["best"]["settings"]["optimizer.lr"] == best["optimizer"]["lr"]
    plan = glassgpt("train", prepared_by_command, "--recipe", tmp_path / "s" / "best.toml", "--dry-run", "--json").json
    assert plan["recipe"]["optimizer"]["lr"] == best["optimizer"]["lr"]


def test_sizes_are_trained_and_a_law_is_fitted(glassgpt, prepared_by_command, tmp_path):
    sizes = ("--sizes", "1x8,1x16,2x16", "--svg", tmp_path / "law.svg")
    ran = glassgpt("scaling", prepared_by_command, "--out", tmp_path / "s", *sizes, *SMALL)
    assert ran.code == 0, ran.err
    assert "95 % interval of the exponent" in ran.out
    assert (tmp_path / "law.svg").read_text().startswith("<svg ")
    found = glassgpt("scaling", prepared_by_command, "--out", tmp_path / "s", *sizes, *SMALL, "--json").json
    assert [size["width"] for size in found["sizes"]] == [8, 16, 16]
    assert found["law"]["low"] <= found["law"]["exponent"] <= found["law"]["high"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["sweep", "DATA", "-o", "s"], "--try KEY=RANGE missing"),
        (["sweep", "DATA", *LR], "--out FOLDER missing"),
        (["sweep", "DATA", "-o", "s", "--try", "lr=1..2"], "KEY=LOW..HIGH"),
        (["scaling", "DATA", "-o", "s", "--sizes", "2x64"], "three or more"),
        (["scaling", "DATA", "-o", "s", "--sizes", "a,b,c"], "LAYERSxWIDTH"),
    ],
)
def test_what_cannot_be_swept_is_refused(glassgpt, prepared_by_command, typed, told):
    met = glassgpt(*(prepared_by_command if word == "DATA" else word for word in typed))
    assert (met.code, met.out) == (2, "")
    assert told in met.err
