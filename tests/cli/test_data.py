"""`glassgpt data`: prepare with pairs and a dry run, look at a folder, rewrite it; train on several."""

import json

import pytest

SMALL = ("--model.emb-dim", "16", "--model.n-layers", "1", "--model.context-length", "16", "--rows", "2")


@pytest.fixture
def data(glassgpt, tmp_path):
    rows = [{"question": f"What is {n}?", "answer": f"A number, {n}."} for n in range(40)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = glassgpt("data", "prepare", tmp_path / "a.jsonl", "--pairs", "--tokenizer", "bytes", "-o", tmp_path / "data")
    assert made.code == 0, made.err
    assert "needs about" in made.err
    return tmp_path / "data"


def test_a_folder_is_described_and_verified(glassgpt, data):
    told = glassgpt("data", "info", data, "--verify")
    assert told.code == 0, told.err
    assert "40 documents" in told.out
    assert "prompts are not learned" in told.out
    assert "What is 0?" in told.out
    assert "1 shard verified" in told.out
    facts = glassgpt("data", "info", data, "--json").json
    assert facts["train"][0]["documents"] == 40
    with (data / "train.bin").open("r+b") as file:
        file.seek(200)
        file.write(b"!")
    met = glassgpt("data", "info", data, "--verify")
    assert (met.code, met.out) == (3, "")
    assert "train.bin is damaged" in met.err


def test_a_dry_run_says_what_it_takes_and_writes_nothing(glassgpt, tmp_path):
    (tmp_path / "a.txt").write_text("some words " * 100)
    told = glassgpt("data", "prepare", tmp_path / "a.txt", "-o", tmp_path / "d", "--dry-run", "--json")
    assert told.json["text_bytes"] == 1100
    assert 0 < told.json["disk_bytes"] < told.json["free_bytes"]
    assert not (tmp_path / "d").exists()


def test_several_folders_are_trained_on_in_any_packing_and_format(glassgpt, data, tmp_path):
    converted = glassgpt("data", "convert", data, tmp_path / "nano", "--to", "nanogpt")
    assert converted.code == 3
    assert "marks answers" in converted.err
    run = ("--steps", 1, *SMALL, "--reading.packing", "best_fit", "--reading.isolate")
    trained = glassgpt("train", f"{data}*0.25", f"{data}*0.75", "-o", tmp_path / "run", *run)
    assert trained.code == 0, trained.err
    for typed, told in ([f"{data}*0.25", data], "PATH*WEIGHT"), ([f"{data}*x"], "weight above 0"):
        met = glassgpt("train", *typed, "-o", tmp_path / "other", *run)
        assert met.code == 2
        assert told in met.err
