"""Batches in, a run out. Start with `loop.py`."""

from glassgpt.train.events import Evaluation, Event, Resumed, Saved, Step
from glassgpt.train.loop import RunResult, train
from glassgpt.train.recipe import Optimizer, Recipe, Schedule
from glassgpt.train.run import Run

__all__ = [
    "Evaluation",
    "Event",
    "Optimizer",
    "Recipe",
    "Resumed",
    "Run",
    "RunResult",
    "Saved",
    "Schedule",
    "Step",
    "train",
]
