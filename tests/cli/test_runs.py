"""`glassgpt runs`: lists, pages, plots and files about runs."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree

import pytest


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs that differ in one setting; the second is not at its end."""
    for name, lr, last in (("first", 0.1, 8), ("wide", 0.2, 5)):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        recipe = {"steps": 8, "rows": 2, "model": {"context_length": 16}, "optimizer": {"lr": lr}}
        (folder / "recipe.json").write_text(json.dumps({"recipe": recipe}))
        events: list[dict[str, object]] = [
            {"event": "step", "step": n, "loss": 9.0 - n, "lr": 1.0, "norm": 2.0, "tokens_per_second": 64.0}
            for n in range(1, last + 1)
        ]
        events.append({"event": "evaluation", "step": 4, "nats_per_token": 5.5, "bits_per_byte": 2.25})
        events.append({"event": "sample", "step": 4, "prompt": "The", "text": " dog\x1b[2J sat"})
        events.append({"event": "trouble", "step": 3, "kind": "guard", "message": "step 3 skipped"})
        (folder / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_list_says_how_far_each_run_is_and_how_good(glassgpt, runs):
    lines = glassgpt("runs", "list").out.splitlines()
    assert lines[0].split()[:3] == ["run", "state", "step"]
    assert lines[1].split()[:6] == ["runs/first", "done", "8/8", "1.0000", "5.5000", "2.2500"]
    assert lines[2].split()[:3] == ["runs/wide", "training", "5/8"]
    answer = glassgpt("runs", "list", "runs", "--json").json
    assert [run["step"] for run in answer["runs"]] == [8, 5]
    assert answer["runs"][0]["bits_per_byte"] == 2.25


def test_an_empty_place_says_how_to_begin(glassgpt, runs):
    (runs / "empty").mkdir()
    met = glassgpt("runs", "list", "empty")
    assert (met.code, met.out) == (0, "")
    assert "glassgpt train" in met.err


def test_the_page_of_a_run_shows_curves_evaluations_troubles_and_the_last_sample(glassgpt, runs):
    shown = glassgpt("runs", "show", "runs/first").out
    for expected in ("done, step 8 of 8", "256 tokens", "▁", "5.5000", "step 3 skipped", "The dog"):
        assert expected in shown
    assert "optimizer.lr" in glassgpt("runs", "show", "runs/first", "--settings").out
    assert len(glassgpt("runs", "show", "runs/first", "--json").json["events"]) == 11


def test_curves_of_several_runs_are_laid_over_each_other(glassgpt, runs):
    rows = glassgpt("runs", "plot", "runs/first", "runs/wide", "--curve", "loss", "--height", 10).out.splitlines()
    assert len(rows) == 11
    assert max(map(len, rows)) <= 100
    assert {row.split()[-1] for row in rows} >= {"first", "wide"}
    lines = glassgpt("runs", "plot", "runs/wide", "--curve", "loss", "--x", "tokens", "--json").json["lines"]
    assert lines[0]["x"] == [32.0 * n for n in range(1, 6)]
    timed = glassgpt("runs", "plot", "runs/wide", "--curve", "loss", "--x", "time", "--json").json["lines"]
    assert timed[0]["x"] == [0.5 * n for n in range(1, 6)]


def test_smoothing_and_scale_change_the_plot(glassgpt, runs):
    def ys(*more):
        return glassgpt("runs", "plot", "runs/first", "--curve", "loss", *more, "--json").json["lines"][0]["y"]

    assert ys()[-1] == 1.0
    assert ys("--smooth", 0.9)[-1] > 1.5
    assert glassgpt("runs", "plot", "runs/first", "--log").out != glassgpt("runs", "plot", "runs/first").out


def test_a_comparison_shows_what_differs_and_nothing_else(glassgpt, runs):
    shown = glassgpt("runs", "compare", "runs/first", "runs/wide").out
    assert "optimizer.lr" in shown
    assert "context_length" not in shown
    assert "8/8" in shown
    answer = glassgpt("runs", "compare", "runs/first", "runs/wide", "--json").json
    assert answer["differing"] == {"optimizer.lr": [0.1, 0.2]}


def test_logs_are_exported_as_csv_json_and_svg(glassgpt, runs):
    assert glassgpt("runs", "export", "runs/first", "runs/wide", "-o", "a.csv").out.strip() == "a.csv"
    rows = list(csv.DictReader(io.StringIO((runs / "a.csv").read_text())))
    assert len(rows) == 8 + 5 + 2
    assert {row["run"] for row in rows} == {"runs/first", "runs/wide"}
    assert [float(row["loss"]) for row in rows[:8]] == [9.0 - n for n in range(1, 9)]
    glassgpt("runs", "export", "runs/first", "-o", "a.json")
    assert json.loads((runs / "a.json").read_text())["runs"][0]["recipe"]["optimizer.lr"] == 0.1
    glassgpt("runs", "export", "runs/first", "-o", "a.svg")
    glassgpt("runs", "plot", "runs/first", "--svg", "b.svg")
    assert (runs / "a.svg").read_text() == (runs / "b.svg").read_text()
    ElementTree.parse(runs / "a.svg")


@pytest.mark.parametrize(
    ("typed", "code", "told"),
    [
        (["show", "nowhere"], 3, "is no run"),
        (["list", "nowhere"], 3, "no folder nowhere"),
        (["plot"], 2, "RUN missing"),
        (["compare", "runs/first"], 2, "two runs"),
        (["export", "runs/first"], 2, "--out FILE missing"),
        (["export", "runs/first", "-o", "a.png"], 2, "must end in .csv, .json or .svg"),
        (["plot", "runs/first", "--smooth", "1"], 2, "below 1"),
        (["plot", "runs/first", "--curve", "accuracy"], 2, "'losses'"),
        (["plot", "runs/first", "--height", "2"], 2, "from 6 to 200"),
    ],
)
def test_mistakes_are_told_with_what_to_do(glassgpt, runs, typed, code, told):
    met = glassgpt("runs", *typed)
    assert (met.code, met.out) == (code, "")
    assert told in met.err


def test_a_run_that_measured_nothing_of_the_kind_says_so(glassgpt, runs):
    (runs / "runs" / "first" / "log.jsonl").write_text("")
    met = glassgpt("runs", "plot", "runs/first")
    assert met.code == 3
    assert "nothing to plot" in met.err
