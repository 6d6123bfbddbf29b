"""Which curves of which runs are shown, over what, and how: the flags that plots share, and the plots themselves."""

import csv
import io
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from glassgpt.cli.braille import picture
from glassgpt.cli.chart import Axis, Chart, Series, short
from glassgpt.cli.options import UsageError
from glassgpt.cli.svg import drawing
from glassgpt.cli.terminal import Terminal
from glassgpt.errors import DataError

if TYPE_CHECKING:
    from glassgpt.train.history import History

UNITS = {
    "losses": "nats a token",
    "loss": "nats a token",
    "validation": "nats a token",
    "bits_per_byte": "bits a byte",
    "lr": "share of the peak learning rate",
    "norm": "length of the gradient",
    "speed": "tokens a second",
}
COLUMNS = ("run", "event", "step", "loss", "lr", "norm", "tokens_per_second", "nats_per_token", "bits_per_byte")
EXPORTED = ("step", "evaluation")


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What is plotted"""

    curve: Literal["losses", "loss", "validation", "bits_per_byte", "lr", "norm", "speed"] = "losses"
    """The quantity; losses are those of training and, where there are any, of validation."""
    x: Literal["step", "tokens", "time"] = "step"
    """What it is plotted over; time is seconds of training."""
    smooth: Annotated[float, arg(metavar="P")] = 0.0
    """Average with this weight on the past, such as 0.9; 0 shows every value."""
    log: bool = False
    """A logarithmic scale for the quantity."""
    height: Annotated[int, arg(metavar="N")] = 20
    """Rows of a plot in the terminal."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not 0 <= self.smooth < 1:
            raise UsageError(f"--smooth {self.smooth} is not allowed: must be at least 0 and below 1")
        if not 6 <= self.height <= 200:
            raise UsageError(f"--height {self.height} is not allowed: must be from 6 to 200")

    def names(self, runs: "Sequence[History]") -> list[str]:
        """The shortest ends of their paths that tell the runs apart."""
        paths = [run.path.resolve() for run in runs]
        if len(set(paths)) == 1:
            return [path.name for path in paths]
        start = Path(commonpath(paths))
        return [str(path.relative_to(start)) if path != start else path.name for path in paths]

    def chart(self, runs: "Sequence[History]") -> Chart:
        """The curves that hold anything, over their axes."""
        from glassgpt.train.history import axis, smoothed

        wanted = ("loss", "validation") if self.curve == "losses" else (self.curve,)
        found: list[Series] = []
        for name, run in zip(self.names(runs), runs, strict=True):
            place = axis(run, self.x)
            for kind in wanted:
                curve = smoothed(run.curve(kind), 0.0 if kind == "validation" else self.smooth)
                label = name if len(wanted) == 1 else kind if len(runs) == 1 else f"{name} {kind}"
                if curve:
                    found.append(Series(label, tuple(map(place, curve.steps)), curve.values))
        if not found:
            raise DataError(f"nothing to plot: no run here has logged {' or '.join(wanted)} yet.")
        across = Axis(self.x, write=clock if self.x == "time" else short)
        return Chart(", ".join(self.names(runs)), across, Axis(UNITS[self.curve], log=self.log), found)


def show_chart(runs: "Sequence[History]", options: Curves, out: Terminal) -> None:
    """The plot as letters, as wide as the terminal."""
    width = min(shutil.get_terminal_size().columns, 120)
    out.result(picture(options.chart(runs), width=width, height=options.height, paint=out.paint))


def svg_of(runs: "Sequence[History]", options: Curves) -> str:
    """The plot as a drawing."""
    return drawing(options.chart(runs))


def csv_of(runs: "Sequence[History]") -> str:
    """One row for each step and evaluation, as RFC 4180 has it."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    rows.writeheader()
    for run in runs:
        rows.writerows({"run": str(run.path), **event} for event in run.events if event.get("event") in EXPORTED)
    return text.getvalue()


def json_of(runs: "Sequence[History]") -> str:
    """Recipe and log of each run."""
    facts = [{"run": str(run.path), "recipe": run.recipe, "events": list(run.events)} for run in runs]
    return json.dumps({"schema": "glassgpt.runs/1", "runs": facts}, indent=1, ensure_ascii=False) + "\n"


def clock(seconds: float) -> str:
    """Seconds as people say them: 45s, 12m, 3h20."""
    if seconds < 120:
        return f"{seconds:.0f}s"
    minutes = round(seconds / 60)
    return f"{minutes}m" if minutes < 120 else f"{minutes // 60}h{minutes % 60:02}"


def ago(moment: float) -> str:
    """How long ago a moment of the epoch was."""
    return f"{clock(max(0.0, time.time() - moment))} ago" if moment else "never"
