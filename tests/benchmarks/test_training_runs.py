"""The benchmarks that train: at toy size they run, keep their rows, and end with a table and one JSON line."""

import json

import pytest

from benchmarks import pilots, records, scaling, shakespeare
from glassgpt.data import Source, prepare
from glassgpt.tokens import Tokenizer

PLAY = "First Citizen: before we proceed any further, hear me speak. All: speak, speak. " * 60


def last_line(text: str) -> dict:
    return json.loads(text.strip().splitlines()[-1])


def test_rows_that_are_done_are_not_measured_again(tmp_path, capsys):
    calls = []

    def run():
        calls.append(1)
        return {"loss": 2.0}

    first = records.Records(tmp_path / "rows.jsonl").measure({"seed": 1}, run)
    again = records.Records(tmp_path / "rows.jsonl")
    assert again.measure({"seed": 1}, run) == first
    assert again.measure({"seed": 2}, run)["loss"] == 2.0
    assert len(calls) == 2


@pytest.mark.slow
def test_shakespeare_splits_nine_to_one_and_measures_the_whole_tenth(tmp_path, capsys, monkeypatch):
    (tmp_path / "play.txt").write_text(PLAY)
    shakespeare.main(["--text", str(tmp_path / "play.txt"), "--seeds", "2", "--steps", "2"])
    shown = capsys.readouterr().out
    rows = [json.loads(line) for line in shown.splitlines() if line.startswith('{"method"')]
    assert {(row["method"], row["seed"]) for row in rows} == {(m, s) for m in shakespeare.OPTIMIZERS for s in (0, 1)}
    assert {row["characters"] for row in rows} == {
        len(PLAY) // 10
    }  # the first is only read, the end of the text is not
    assert last_line(shown)["Muon"]["deviation"] > 0
    assert "| nanoGPT, as published |" in shown


@pytest.mark.slow
def test_scaling_prints_a_law_with_its_interval(tmp_path, capsys, monkeypatch):
    (tmp_path / "play.txt").write_text(PLAY)
    play = [Source(tmp_path / "play.txt")]
    prepare(play, tmp_path / "data", Tokenizer.of_bytes(), valid=play)
    monkeypatch.setattr(scaling, "SHAPES", ((1, 32), (2, 32), (1, 64)))
    scaling.main(["--corpus", str(tmp_path / "data"), "--steps", "3", "--records", str(tmp_path / "rows.jsonl")])
    shown = capsys.readouterr().out
    facts = last_line(shown)
    assert facts["low"] <= facts["exponent"] <= facts["high"]
    assert "95 % interval" in shown
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 3


def test_pilots_spend_the_same_arithmetic_on_every_run():
    from glassgpt.model.cost import forward_flops

    for pilot in pilots.PILOTS:
        recipe = pilots.setting(pilot, 1e14, 16)
        spent = 3 * forward_flops(recipe.model, 128) * recipe.steps * recipe.tokens_per_step
        assert spent == pytest.approx(1e14, rel=0.02)


@pytest.mark.slow
def test_pilots_run(tmp_path, capsys, monkeypatch):
    for name in ("train", "valid"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "play.txt").write_text(PLAY)
    small = pilots.Pilot(layers=1, width=64, vocabulary=280)
    monkeypatch.setattr(pilots, "PILOTS", (small, pilots.replace(small, vocabulary=300)))
    pilots.main(["--corpus", str(tmp_path), "--budget", "1e8", "--rows", "2", "--train-bytes", "4000"])
    shown = capsys.readouterr().out
    assert [row["vocabulary"] for row in last_line(shown)["rows"]] == [280, 300]
