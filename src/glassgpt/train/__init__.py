"""Batches in, a run out. Start with `loop.py`.

Settings and events are plain dataclasses; what needs PyTorch is imported when it is first used.
"""

import typing

from glassgpt import lazy
from glassgpt.train.events import Evaluation, Event, Resumed, Sample, Saved, Step, Trouble
from glassgpt.train.recipe import Recipe
from glassgpt.train.settings import Guard, Optimizer, Parallel, Reading, Saving, Schedule, Watching

if typing.TYPE_CHECKING:
    from glassgpt.train.loop import RunResult, train
    from glassgpt.train.run import Run

__all__ = [
    "Evaluation",
    "Event",
    "Guard",
    "Optimizer",
    "Parallel",
    "Reading",
    "Recipe",
    "Resumed",
    "Run",
    "RunResult",
    "Sample",
    "Saved",
    "Saving",
    "Schedule",
    "Step",
    "Trouble",
    "Watching",
    "train",
]

__getattr__ = lazy.on_first_use(__name__, {"Run": "run", "RunResult": "loop", "train": "loop"})
