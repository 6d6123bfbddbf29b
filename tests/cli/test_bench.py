"""`glassgpt bench` on a tiny model: the table, the object, and what it refuses."""

import json

import pytest

QUICK = ("--prompt", 6, "--context", 3, "-n", 2, "--rounds", 1)


@pytest.fixture(autouse=True)
def small_stream(monkeypatch):
    """A memory that fits into a cache takes no time to read."""
    monkeypatch.setattr("glassgpt.kernels.ceiling.STREAM_BYTES", 1 << 20)


def test_a_row_for_each_kind_of_work_and_the_machine_at_best(glassgpt, model):
    done = glassgpt("bench", model, *QUICK, "--batch", 1, "--batch", 3, "--weights", "int8", "--threads", 1)
    assert done.code == 0
    lines = done.out.splitlines()
    assert "backend native, weights int8, threads 1" in lines[0]
    titles = [line.split("  ")[0] for line in lines[3:]]
    assert titles == [
        "read a prompt of 6",
        "write 2 after 3, batch 1",
        "write 2 after 3, batch 3",
        "this machine at best",
    ]
    assert "GFLOP/s is the limit" in done.err


def test_the_object_has_the_same_in_numbers(glassgpt, model):
    answer = json.loads(glassgpt("bench", model, *QUICK, "--json").out)
    assert answer["schema"] == "glassgpt.bench/1"
    assert [(row["kind"], row["batch"]) for row in answer["rows"]] == [("prefill", 1), ("decode", 1), ("decode", 8)]
    assert all(row["tokens_per_second"] > 0 and row["gigabytes_per_second"] > 0 for row in answer["rows"])
    assert answer["best"].keys() == {"gigabytes_per_second", "gigaflops"}
    assert answer["backend"] == "native"


def test_pytorch_is_measured_too(glassgpt, model):
    answer = json.loads(glassgpt("bench", model, *QUICK, "--json", "--backend", "torch", "--dtype", "float64").out)
    assert (answer["backend"], answer["weights"], answer["best"]) == ("torch", "float64", None)
    shown = glassgpt("bench", model, *QUICK, "--backend", "torch", "--dtype", "float64").out
    assert "–" in shown
    assert "at best" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--new", 0), "--new 0 is not allowed"),
        (("--batch", 0), "--batch 0 is not allowed"),
        (("--context", 100000), "the model sees"),
    ],
)
def test_what_measures_nothing_is_refused(glassgpt, model, words, said):
    done = glassgpt("bench", model, *words)
    assert done.code == 2
    assert said in done.err
