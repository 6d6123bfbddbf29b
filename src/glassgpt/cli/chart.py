"""What a chart shows: points and lines over two axes. `braille.py` draws it in a terminal, `svg.py` into a file."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Number = int | float


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together."""

    name: str
    x: Sequence[Number]
    y: Sequence[Number]
    line: bool = True
    """Joined, or each alone."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of numbers, and round ones to write beside it."""

    low: float
    high: float
    log: bool = False

    @staticmethod
    def around(values: Sequence[Number], *, log: bool = False) -> "Scale":
        """One that shows all values that can be shown."""
        shown = [float(v) for v in values if math.isfinite(v) and (v > 0 or not log)] or [0.0 + log, 1.0 + log]
        low, high = min(shown), max(shown)
        if low == high:
            low, high = (low / 2, high * 2) if log else (low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2)
        return Scale(low, high, log)

    def place(self, value: Number) -> float | None:
        """Where a value stands, 0 at the low end to 1 at the high one; None outside or nowhere."""
        if not math.isfinite(value) or not self.low <= value <= self.high:
            return None
        low, high, at = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return (at - low) / (high - low)

    def ticks(self, count: int) -> list[float]:
        """About `count` round numbers in the range."""
        if self.log:
            found = [m * 10.0**e for e in range(-12, 15) for m in (1, 2, 5) if self.low <= m * 10.0**e <= self.high]
            few = found[:: max(1, math.ceil(len(found) / max(1, count)))]
            return few if len(few) > 1 else [self.low, self.high]
        rough = (self.high - self.low) / max(1, count)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next((m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999), 10 * power)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, first + 64) if n * step <= self.high + step * 1e-9]


def short(value: float) -> str:
    """A number in few letters: 0.25, 3.4, 12k, 1.5M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{unit}"
    return f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Axis:
    """What one direction means, and how its numbers are written."""

    name: str
    log: bool = False
    write: Callable[[float], str] = short


@dataclass(frozen=True, slots=True)
class Chart:
    """A title, two axes, and what is drawn."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]

    def scales(self) -> tuple[Scale, Scale]:
        """Of both axes, so that every point of every series can be seen."""
        across = Scale.around([value for one in self.series for value in one.x], log=self.x.log)
        return across, Scale.around([value for one in self.series for value in one.y], log=self.y.log)


def places(one: Series, x: Scale, y: Scale) -> Iterator[tuple[float, float] | None]:
    """Where each point stands, 0 to 1 in both directions; None for one that cannot be shown."""
    for across, up in zip(map(x.place, one.x), map(y.place, one.y), strict=True):
        yield None if across is None or up is None else (across, up)
