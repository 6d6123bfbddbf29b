"""A run may change its number of ranks, and how they divide the weights, whenever it is resumed."""

import json
from pathlib import Path

import pytest

from glassgpt.train import Run, train
from tests.ranks.runs import RECIPE, WAYS, rewrite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LARGEST = 1e-5


def told(run: Path, event: str, value: str) -> dict[int, float]:
    """What the log says of each step."""
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return {row["step"]: row[value] for row in rows if row["event"] == event}


def assert_tells_the_same(run: Path, other: Path) -> None:
    for event, value in (("step", "loss"), ("step", "norm"), ("evaluation", "nats_per_token")):
        found, expected = told(run, event, value), told(other, event, value)
        assert found.keys() == expected.keys()
        assert max(abs(found[step] - expected[step]) for step in expected) <= LARGEST


@pytest.mark.parametrize("way", WAYS)
def test_two_ranks_go_on_with_what_one_began(runs: Path, way: str):
    assert_tells_the_same(runs / f"begun-{way}", runs / "alone")


@pytest.mark.parametrize("way", WAYS)
def test_one_rank_goes_on_with_what_two_began(runs: Path, data: Path, way: str):
    stopped = runs / f"stopped-{way}"
    assert Run(stopped).latest() == 7, "SIGTERM reached the other rank only"
    train(RECIPE, stopped, data)
    assert_tells_the_same(stopped, runs / "alone")


@pytest.mark.parametrize("way", WAYS)
def test_a_checkpoint_of_one_rank_passes_through_two_bit_for_bit(runs: Path, way: str):
    assert_same_files(Run(runs / f"rewritten-{way}").folder(5), Run(runs / "alone").folder(5))


@pytest.mark.parametrize("way", WAYS)
def test_a_checkpoint_of_two_ranks_passes_through_one_bit_for_bit(runs: Path, data: Path, tmp_path: Path, way: str):
    begun = runs / f"begun-{way}"
    rewrite(RECIPE, begun, data, tmp_path / "again")
    assert_same_files(Run(tmp_path / "again").folder(10), Run(begun).folder(10))


def assert_same_files(folder: Path, other: Path) -> None:
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name


def test_only_one_rank_writes_the_log(runs: Path):
    lines = (runs / "begun-copies" / "log.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines if json.loads(line)["event"] == "step"]
    assert steps == list(range(1, 11))
