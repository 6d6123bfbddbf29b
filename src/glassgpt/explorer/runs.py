"""The Train page: runs on disk, their curves and samples, and a run followed while it trains."""

import time
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from glassgpt.errors import DataError
from glassgpt.explorer.models import AWorkshop
from glassgpt.explorer.wire import event_stream, json_reply
from glassgpt.explorer.workshop import Workshop
from glassgpt.train.history import CURVES, History, read_history
from glassgpt.train.run import Run

router = APIRouter()

MOST_POINTS = 2000
"""Points of a curve that are sent; of a longer one the lowest and highest of each stretch."""
LOOK_SECONDS = 1.0
MOST_LOOKS = 3600


@router.get("/runs")
def runs(workshop: AWorkshop) -> Response:
    """Every run: how far it is and how good."""
    return json_reply({"runs": [_summary(name, path) for name, path in workshop.run_folders().items()]})


@router.get("/runs/{name}")
def run(name: str, workshop: AWorkshop) -> Response:
    """One run: recipe, curves, samples, checkpoints."""
    path = _folder(workshop, name)
    return json_reply(_whole(name, path, read_history(path)))


@router.get("/runs/{name}/follow")
def follow(name: str, workshop: AWorkshop) -> Response:
    """The same again whenever the run has written something, as events, for an hour at most."""
    path = _folder(workshop, name)

    def events() -> Iterator[tuple[str, object]]:
        seen: tuple[int, int] | None = None
        for _ in range(MOST_LOOKS):
            history = read_history(path)
            now = (len(history.events), len(Run(path).steps()))
            if now != seen:
                seen = now
                yield "run", _whole(name, path, history)
            else:
                yield "still", {"state": history.state}
            if history.state == "done":
                return
            time.sleep(LOOK_SECONDS)

    return event_stream(events())


def _folder(workshop: Workshop, name: str) -> Path:
    """A run by its listed name; no path that a browser sends is ever opened."""
    found = workshop.run_folders()
    if name not in found:
        raise DataError(f"There is no run {name[:100]!r} here; see the list of runs.")
    return found[name]


def _summary(name: str, path: Path) -> dict[str, object]:
    history = read_history(path)
    newest = {curve: history.curve(curve).last for curve in CURVES}
    return {
        "name": name,
        "where": str(path.resolve()),
        "state": history.state,
        "step": history.step,
        "steps": history.steps,
        "touched": history.touched,
        "checkpoints": Run(path).steps(),
        **newest,
    }


def _whole(name: str, path: Path, history: History) -> dict[str, object]:
    curves = {}
    for curve in CURVES:
        found = history.curve(curve)
        kept = _thinned(found.values)
        curves[curve] = {"steps": [found.steps[i] for i in kept], "values": [found.values[i] for i in kept]}
    return _summary(name, path) | {
        "recipe": history.recipe,
        "tokens_per_step": history.tokens_per_step,
        "curves": curves,
        "samples": list(history.of("sample"))[-200:],
        "trouble": list(history.of("trouble"))[-20:],
    }


def _thinned(values: tuple[float, ...]) -> list[int]:
    """Which points of a curve are drawn: all of a short one, else of each stretch the lowest and the highest."""
    if len(values) <= MOST_POINTS:
        return list(range(len(values)))
    width = -(-2 * len(values) // MOST_POINTS)
    kept: set[int] = {0, len(values) - 1}
    for start in range(0, len(values), width):
        stretch = range(start, min(start + width, len(values)))
        kept |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return sorted(kept)
