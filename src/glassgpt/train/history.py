"""A run folder in, its story out: settings, curves, evaluations, samples. Also of a run that is still training.

Only `recipe.json` and `log.jsonl` are read, and the latter only as far as its lines are whole, so nothing here waits
for a run or disturbs one.
"""

import json
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from glassgpt.checkpoints.json_file import read_json
from glassgpt.errors import CheckpointError, DataError

RECIPE, LOG = "recipe.json", "log.jsonl"
QUIET_SECONDS = 120.0
"""A run that has written nothing for so long, and is not at its end, is taken to have stopped."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity over the steps at which it was measured."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        """How many points."""
        return len(self.steps)

    @property
    def last(self) -> float | None:
        """The newest value."""
        return self.values[-1] if self.values else None

    @property
    def best(self) -> float | None:
        """The lowest value."""
        return min(self.values, default=None)


@dataclass(frozen=True, slots=True)
class History:
    """What a run has been through so far."""

    path: Path
    recipe: dict[str, object]
    """The resolved recipe, as plain values with dotted keys."""
    events: tuple[dict[str, object], ...] = field(repr=False)
    """Every whole line of the log."""
    touched: float
    """When the log was last written, in seconds of the epoch."""

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @property
    def step(self) -> int:
        """The last step in the log."""
        return max((step for step in (_whole(event.get("step")) for event in self.events) if step), default=0)

    @property
    def steps(self) -> int:
        """How many steps the recipe asks for."""
        return _whole(self.recipe.get("steps")) or 0

    @property
    def tokens_per_step(self) -> int:
        """Tokens read for one update."""
        return (_whole(self.recipe.get("rows")) or 0) * (_whole(self.recipe.get("model.context_length")) or 0)

    @property
    def state(self) -> str:
        """done, training, or stopped."""
        if self.steps and self.step >= self.steps:
            return "done"
        return "training" if time.time() - self.touched < QUIET_SECONDS else "stopped"

    def of(self, kind: str) -> Iterator[dict[str, object]]:
        """The events of one kind: step, evaluation, sample, saved, resumed, trouble."""
        return (event for event in self.events if event.get("event") == kind)

    def curve(self, name: str) -> Curve:
        """One of `CURVES`; empty where the run has measured nothing of the kind."""
        kind, key = CURVES[name]
        points = [(_whole(event.get("step")), event.get(key)) for event in self.of(kind)]
        kept = [(step, float(value)) for step, value in points if step is not None and isinstance(value, int | float)]
        return Curve(tuple(step for step, _ in kept), tuple(value for _, value in kept))

    def seconds(self) -> Curve:
        """Seconds of training after each step, pauses and evaluations not counted."""
        speed = self.curve("speed")
        each = (self.tokens_per_step / rate if rate > 0 else 0.0 for rate in speed.values)
        return Curve(speed.steps, tuple(accumulate(each)))


CURVES = {
    "loss": ("step", "loss"),
    "validation": ("evaluation", "nats_per_token"),
    "bits_per_byte": ("evaluation", "bits_per_byte"),
    "lr": ("step", "lr"),
    "norm": ("step", "norm"),
    "speed": ("step", "tokens_per_second"),
}
"""Name of a curve: the event it is in, and its key there."""


def read_history(path: Path) -> History:
    """The story of the run in a folder.

    Raises DataError for a folder that holds none.
    """
    if not (path / RECIPE).is_file():
        raise DataError(f"{path} is no run: it holds no {RECIPE}. Give the folder that `glassgpt train --out` wrote.")
    try:
        there = read_json(path / RECIPE)
    except CheckpointError as error:
        raise DataError(f"{path} is a run whose recipe cannot be read: {error}") from error
    recipe = there.get("recipe")
    events, touched = _events(path / LOG)
    return History(path, flat(recipe) if isinstance(recipe, dict) else {}, events, touched)


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """Every run in or below some folders, by name; a folder that is a run is itself."""
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}.")
        runs = [folder] if (folder / RECIPE).is_file() else sorted(path.parent for path in folder.rglob(RECIPE))
        found |= dict.fromkeys(runs)
    return list(found)


def smoothed(curve: Curve, share: float) -> Curve:
    """A running average that keeps `share` of itself at each step and has no bias at its start; 0 changes nothing."""
    average = weight = 0.0
    values = []
    for value in curve.values:
        average, weight = share * average + (1 - share) * value, share * weight + (1 - share)
        values.append(average / weight)
    return Curve(curve.steps, tuple(values))


def flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    """Nested settings under dotted keys."""
    found: dict[str, object] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return found


def axis(history: History, name: str) -> Callable[[int], float]:
    """A step as a place on an axis: step, tokens, or time (seconds of training)."""
    if name == "tokens":
        return lambda step: float(step * history.tokens_per_step)
    if name == "time":
        passed = history.seconds()
        return lambda step: (0.0, *passed.values)[bisect_right(passed.steps, step)]
    return float


def _events(path: Path) -> tuple[tuple[dict[str, object], ...], float]:
    try:
        text, touched = path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mtime
    except FileNotFoundError:
        return (), 0.0
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return tuple(event for event in map(_parsed, text.splitlines()) if event), touched


def _parsed(line: str) -> dict[str, object]:
    """A line cut short says nothing."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
