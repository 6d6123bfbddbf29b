"""Batches in, a run out. Start with `loop.py`."""

from glassgpt.train.events import Evaluation, Event, Resumed, Saved, Step
from glassgpt.train.loop import RunResult, train
from glassgpt.train.recipe import Recipe
from glassgpt.train.run import Run
from glassgpt.train.settings import Guard, Optimizer, Reading, Saving, Schedule, Watching

__all__ = [
    "Evaluation",
    "Event",
    "Guard",
    "Optimizer",
    "Reading",
    "Recipe",
    "Resumed",
    "Run",
    "RunResult",
    "Saved",
    "Saving",
    "Schedule",
    "Step",
    "Watching",
    "train",
]
