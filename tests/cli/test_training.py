"""`glassgpt data prepare` and `glassgpt train`: from a text file to a model that writes."""

import pytest

SMALL = ("--model.emb-dim", "16", "--model.n-layers", "1", "--model.context-length", "16", "--rows", "2")


def test_a_trained_run_is_a_model_that_writes(glassgpt, prepared_by_command, tmp_path):
    run = tmp_path / "run"
    trained = glassgpt("train", prepared_by_command, "--out", run, "--steps", 4, *SMALL, "--json")
    assert trained.code == 0, trained.err
    assert trained.json["steps"] == 4
    assert trained.json["validation"]["bits_per_byte"] > 0
    assert "validation" in trained.err
    written = glassgpt("generate", run, "the cat", "-n", 3, "--json")
    assert written.code == 0, written.err


def test_a_run_goes_on_where_it_stopped(glassgpt, prepared_by_command, tmp_path):
    run = tmp_path / "run"
    glassgpt("train", prepared_by_command, "--out", run, "--steps", 2, *SMALL)
    again = glassgpt("train", prepared_by_command, "--out", run, "--steps", 3, *SMALL)
    assert again.code == 0
    assert "going on after step 2" in again.err
    assert again.out.strip().endswith("step-00000003")


def test_another_recipe_in_the_same_folder_is_refused_with_the_difference(glassgpt, prepared_by_command, tmp_path):
    run = tmp_path / "run"
    glassgpt("train", prepared_by_command, "--out", run, "--steps", 1, *SMALL)
    met = glassgpt("train", prepared_by_command, "--out", run, "--steps", 1, *SMALL, "--seed", 5)
    assert met.code == 1
    assert "seed: 0 there, 5 now" in met.err


def test_a_dry_run_shows_every_setting_and_writes_nothing(glassgpt, prepared_by_command, tmp_path):
    shown = glassgpt("train", prepared_by_command, "--out", tmp_path / "run", "--dry-run")
    assert shown.code == 0
    assert "weight_decay = 0.1" in shown.out
    assert "parameters" in shown.out
    assert "of memory" in shown.out
    assert not (tmp_path / "run").exists()
    plan = glassgpt("train", prepared_by_command, "--recipe", "embedded", "--dry-run", "--json").json
    assert plan["tokens"] == plan["recipe"]["steps"] * plan["recipe"]["rows"] * 256


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["train", "nowhere", "-o", "r"], 3, "glassgpt data prepare TEXT"),
        (["train", "DATA", "-o", "r", "--recipe", "tinny"], 2, "the nearest is tiny"),
        (["train", "DATA", "-o", "r", "--model.n-head", "3"], 2, "did you mean --model.n-heads?"),
        (["train", "DATA", "-o", "r", "--optimiser.lr", "3"], 2, "did you mean --optimizer.lr?"),
        (["train", "DATA", "-o", "r", "--steps", "many"], 2, "'many' is not a whole number"),
        (["train", "DATA", "-o", "r", "--model.n-heads", "7"], 2, "must divide emb_dim"),
        (["train", "DATA", "-o", "r", "--schedule.shape", "wavy"], 2, "must be one of cosine"),
        (["train", "DATA", "-o", "r", "--lr", "0"], 2, "lr=0.0 is not allowed: must be > 0"),
        (["train", "DATA"], 2, "--out RUN missing"),
        (["data", "prepare", "-o", "d"], 2, "SOURCE missing"),
        (["data", "prepare", "nowhere.txt", "-o", "d"], 3, "is not there"),
    ],
)
def test_mistakes_are_told_with_what_to_do(glassgpt, prepared_by_command, typed, code, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    met = glassgpt(*(prepared_by_command if word == "DATA" else word for word in typed))
    assert (met.code, met.out) == (code, "")
    assert told in met.err
