"""Points and lines in, a picture out: characters for a terminal, SVG for a file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

MARKS = "●○◆◇■□"
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720.0, 420.0, 70.0, 50.0, 40.0, 20.0


@dataclass(frozen=True, slots=True)
class Series:
    """Points that belong together."""

    name: str
    x: Sequence[int | float]
    y: Sequence[int | float]
    line: bool = True
    """Joined, or each alone."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What one direction means."""

    name: str
    log: bool = False

    def place(self, value: int | float) -> float:
        """Where a value lies, in any unit."""
        return math.log10(value) if self.log else float(value)


@dataclass(frozen=True, slots=True)
class Chart:
    """A title, two axes, and what is drawn."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series] = field(default_factory=list)

    def text(self, width: int = 72, height: int = 18) -> str:
        """For a terminal: every point a mark, the ends of the axes named."""
        grid = [[" "] * width for _ in range(height)]
        for number, one in enumerate(self.series):
            for right, up in self._shares(one):
                grid[height - 1 - round(up * (height - 1))][round(right * (width - 1))] = MARKS[number % len(MARKS)]
        (left, right), (low, high) = self._range("x"), self._range("y")
        side = max(len(f"{low:.4g}"), len(f"{high:.4g}"))
        names = {0: f"{high:.4g}", height - 1: f"{low:.4g}"}
        lines = [f"{names.get(row, ''):>{side}} │{''.join(cells).rstrip()}" for row, cells in enumerate(grid)]
        ends = f"{left:.4g}{self.x.name:^{max(1, width - len(f'{left:.4g}') - len(f'{right:.4g}'))}}{right:.4g}"
        legend = "   ".join(f"{MARKS[n % len(MARKS)]} {one.name}" for n, one in enumerate(self.series))
        return "\n".join([self.title, *lines, f"{'':>{side}} └{'─' * width}", f"{'':>{side}}  {ends}", legend])

    def svg(self) -> str:
        """For a file: no script, no font of its own, readable without colours."""
        parts = [_text(LEFT, TOP - 16, self.title, 16), *self._frame()]
        for number, one in enumerate(self.series):
            colour, points = COLOURS[number % len(COLOURS)], [_pixel(share) for share in self._shares(one)]
            if one.line:
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
                parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            else:
                parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
            parts.append(_text(WIDTH - RIGHT - 8, TOP + 18 + 18 * number, one.name, 12, "end", colour))
        body = "\n".join(parts)
        view = f'viewBox="0 0 {WIDTH:g} {HEIGHT:g}" font-family="sans-serif"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {view} role="img">\n{body}\n</svg>\n'

    def _frame(self) -> list[str]:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = [f'<path d="M{LEFT:g} {TOP:g}V{bottom:g}H{right:g}" fill="none" stroke="#444"/>']
        for share, value in self._ticks("x"):
            parts.append(_text(_pixel((share, 0.0))[0], bottom + 18, f"{value:.3g}", 11, "middle"))
        for share, value in self._ticks("y"):
            parts.append(_text(LEFT - 6, _pixel((0.0, share))[1] + 4, f"{value:.4g}", 11, "end"))
        parts.append(_text((LEFT + right) / 2, HEIGHT - 10, self.x.name, 13, "middle"))
        parts.append(_text(LEFT, TOP - 2, self.y.name, 11))
        return parts

    def _ticks(self, which: str, count: int = 5) -> list[tuple[float, float]]:
        axis, (low, high) = self.x if which == "x" else self.y, self._range(which)
        start, end = axis.place(low), axis.place(high)
        places = [start + (end - start) * n / (count - 1) for n in range(count)]
        return [(n / (count - 1), 10.0**place if axis.log else place) for n, place in enumerate(places)]

    def _range(self, which: str) -> tuple[int | float, int | float]:
        values = [value for one in self.series for value in (one.x if which == "x" else one.y)]
        return min(values), max(values)

    def _shares(self, one: Series) -> list[tuple[float, float]]:
        """Where each point lies between the ends of both axes, 0 to 1."""
        ends = {which: self._range(which) for which in ("x", "y")}
        return [
            (_share(self.x, a, *ends["x"]), _share(self.y, b, *ends["y"])) for a, b in zip(one.x, one.y, strict=True)
        ]


def _share(axis: Axis, value: int | float, low: int | float, high: int | float) -> float:
    start, end = axis.place(low), axis.place(high)
    return (axis.place(value) - start) / (end - start) if end > start else 0.5


def _pixel(share: tuple[float, float]) -> tuple[float, float]:
    return LEFT + share[0] * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - share[1] * (HEIGHT - BOTTOM - TOP)


def _text(x: float, y: float, words: str, size: int, anchor: str = "start", colour: str = "#222") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"
