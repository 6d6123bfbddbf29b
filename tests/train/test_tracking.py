"""Trackers hear everything, and none of them can stop a run."""

import sys
from types import ModuleType

import pytest

from glassgpt.errors import InvalidParameter, RunError
from glassgpt.train import Evaluation, Resumed, Sample, Step, Trouble
from glassgpt.train.events import both
from glassgpt.train.tracking import TRACKERS, Tracking

EVENTS = [
    Step(1, 3.5, 0.5, 1.25, 900.0),
    Evaluation(1, 3.25, 1.5),
    Sample(1, "The", " cat"),
    Trouble(1, "guard", "step 2 skipped"),
    Resumed(1),
]


class StandIn(ModuleType):
    """What wandb and trackio are to this package."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.told: list[tuple[str, object]] = []

    def init(self, **settings: object) -> None:
        self.told.append(("init", settings))

    def log(self, values: dict[str, object], step: int) -> None:
        self.told.append((f"log {step}", values))

    def finish(self) -> None:
        self.told.append(("finish", None))


@pytest.fixture(params=["wandb", "trackio"])
def stand_in(request, monkeypatch):
    module = StandIn(request.param)
    monkeypatch.setitem(sys.modules, request.param, module)
    return module


def test_a_tracker_hears_numbers_and_texts_from_beginning_to_end(stand_in, tmp_path, recipe):
    with Tracking([stand_in.__name__], tmp_path / "mine", recipe, pytest.fail) as trackers:
        for event in EVENTS:
            trackers.tell(event)
    (first, settings), *middle, last = stand_in.told
    assert first == "init"
    assert settings["name"] == "mine"
    assert settings["config"]["rows"] == recipe.rows
    assert last == ("finish", None)
    numbers = {name: value for _, values in middle for name, value in values.items()}
    assert (numbers["train/loss"], numbers["train/lr"], numbers["train/norm"]) == (3.5, 0.5, 1.25)
    assert numbers["valid/bits_per_byte"] == 1.5
    assert numbers["sample"] == "The cat"
    assert numbers["trouble/guard"] == "step 2 skipped"


@pytest.mark.parametrize("when", ["init", "log", "finish"])
def test_a_tracker_that_fails_is_told_of_once_and_left_alone(stand_in, when, tmp_path, recipe):
    def fail(*arguments, **settings):
        raise OSError("no network")

    setattr(stand_in, when, fail)
    told = []
    with Tracking([stand_in.__name__], tmp_path, recipe, told.append) as trackers:
        for event in EVENTS:
            trackers.tell(event)
    assert len(told) == 1
    assert "no network" in told[0]
    assert "goes on without it" in told[0]


def test_one_tracker_that_fails_does_not_silence_another(monkeypatch, tmp_path, recipe):
    modules = {name: StandIn(name) for name in ("wandb", "trackio")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(modules["wandb"], "log", lambda *arguments, **settings: 1 / 0)
    with Tracking(["wandb", "trackio"], tmp_path, recipe, lambda text: None) as trackers:
        for event in EVENTS:
            trackers.tell(event)
    assert [name for name, _ in modules["trackio"].told].count("log 1") == 4


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_a_package_that_is_missing_is_named_before_the_run_begins(name, monkeypatch, tmp_path, recipe):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RunError, match=f"pip install {name}"), Tracking([name], tmp_path, recipe, pytest.fail):
        pass


def test_an_unknown_name_is_refused_with_those_that_are_known(tmp_path, recipe):
    with pytest.raises(InvalidParameter, match="tensorboard, wandb, trackio"):
        Tracking(["tensorbord"], tmp_path, recipe, pytest.fail)


def test_two_listeners_are_both_told():
    heard = []

    def broken(event):
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        both(broken, heard.append)(EVENTS[0])
    assert heard == EVENTS[:1]


@pytest.mark.slow
def test_tensorboard_reads_what_was_written(tmp_path, recipe):
    pytest.importorskip("tensorboard", reason="the package tensorboard is not installed")
    with Tracking(["tensorboard"], tmp_path, recipe, pytest.fail) as trackers:
        for event in EVENTS:
            trackers.tell(event)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    (loss,) = read.Scalars("train/loss")
    assert (loss.step, loss.value) == (1, 3.5)
    assert "sample/text_summary" in read.Tags()["tensors"]
