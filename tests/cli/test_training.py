"""`glassgpt data prepare` and `glassgpt train`: from a text file to a model that writes."""

import pytest


@pytest.fixture
def data(glassgpt, tmp_path):
    """Shards of a small text with a small vocabulary."""
    book = tmp_path / "book.txt"
    book.write_text("the cat sat on the mat and the dog sat on the cat. " * 200)
    glassgpt("tokenizer", "train", book, "-o", tmp_path / "vocabulary", "--vocab-size", 280)
    made = glassgpt(
        "data",
        "prepare",
        book,
        "--valid",
        book,
        "--tokenizer",
        tmp_path / "vocabulary",
        "-o",
        tmp_path / "data",
        "--json",
    )
    assert made.json["documents"] == 1
    assert made.json["valid_bytes"] == made.json["train_bytes"] == len(book.read_text())
    return tmp_path / "data"


SMALL = ("--set", "model.emb_dim=16", "--set", "model.n_layers=1", "--set", "model.context_length=16", "--rows", "2")


def test_a_trained_run_is_a_model_that_writes(glassgpt, data, tmp_path):
    run = tmp_path / "run"
    trained = glassgpt("train", data, "--out", run, "--steps", 4, *SMALL, "--json")
    assert trained.code == 0, trained.err
    assert trained.json["steps"] == 4
    assert trained.json["validation"]["bits_per_byte"] > 0
    assert "validation" in trained.err
    written = glassgpt("generate", run, "the cat", "-n", 3, "--json")
    assert written.code == 0, written.err


def test_a_run_goes_on_where_it_stopped(glassgpt, data, tmp_path):
    run = tmp_path / "run"
    glassgpt("train", data, "--out", run, "--steps", 2, *SMALL)
    again = glassgpt("train", data, "--out", run, "--steps", 3, *SMALL)
    assert again.code == 0
    assert "going on after step 2" in again.err
    assert again.out.strip().endswith("step-00000003")


def test_another_recipe_in_the_same_folder_is_refused_with_the_difference(glassgpt, data, tmp_path):
    run = tmp_path / "run"
    glassgpt("train", data, "--out", run, "--steps", 1, *SMALL)
    met = glassgpt("train", data, "--out", run, "--steps", 1, *SMALL, "--seed", 5)
    assert met.code == 1
    assert "seed: 0 there, 5 now" in met.err


def test_a_dry_run_shows_every_setting_and_writes_nothing(glassgpt, data, tmp_path):
    shown = glassgpt("train", data, "--out", tmp_path / "run", "--dry-run")
    assert shown.code == 0
    assert "optimizer.weight_decay" in shown.out
    assert "parameters" in shown.out
    assert not (tmp_path / "run").exists()
    plan = glassgpt("train", data, "--recipe", "embedded", "--dry-run", "--json").json
    assert plan["tokens"] == plan["recipe"]["steps"] * plan["recipe"]["rows"] * 256


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["train", "nowhere", "-o", "r"], 3, "glassgpt data prepare TEXT"),
        (["train", "DATA", "-o", "r", "--recipe", "tinny"], 2, "did you mean tiny"),
        (["train", "DATA", "-o", "r", "--set", "model.heads=3"], 2, "model.n_heads"),
        (["train", "DATA", "-o", "r", "--set", "steps=many"], 2, "whole number"),
        (["train", "DATA", "-o", "r", "--set", "model.n_heads=7"], 2, "must divide emb_dim"),
        (["train", "DATA"], 2, "--out RUN missing"),
        (["data", "prepare", "-o", "d"], 2, "SOURCE missing"),
        (["data", "prepare", "nowhere.txt", "-o", "d"], 3, "is not there"),
    ],
)
def test_mistakes_are_told_with_what_to_do(glassgpt, data, typed, code, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    met = glassgpt(*(data if word == "DATA" else word for word in typed))
    assert (met.code, met.out) == (code, "")
    assert told in met.err
