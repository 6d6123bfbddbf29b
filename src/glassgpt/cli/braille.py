"""A chart in, a picture of letters out: braille dots, eight to a letter, for any terminal and any log file.

Every line carries its name at its right end, so that colours help and are not needed.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from glassgpt.cli.chart import Axis, Chart, Scale, Series, places

COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue")
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot of a braille letter, by row and column (Unicode, block 2800)."""
ROUND = 0x100
"""The sign for a point that stands alone."""
FEW = 40
"""Points up to which each that stands alone gets a whole letter."""
BLOCKS = "▁▂▃▄▅▆▇█"
Paint = Callable[[str, str], str]
"""Text and a rich style in, what the terminal shows out."""
Cells = dict[tuple[int, int], tuple[int, int]]
"""Which dots are set in a cell, and which series set one there last."""


def sparkline(values: Sequence[float], width: int) -> str:
    """A curve on one line, from its lowest to its highest value; what is not a number is a blank."""
    size = max(1, math.ceil(len(values) / width))
    means = [_mean(values[start : start + size]) for start in range(0, len(values), size)]
    scale = Scale.around(means)
    heights = [scale.place(mean) for mean in means]
    return "".join(" " if height is None else BLOCKS[min(7, int(height * 8))] for height in heights)


def picture(chart: Chart, *, width: int = 80, height: int = 18, paint: Paint = lambda text, style: text) -> str:
    """A chart of at most `width` letters and exactly `height` rows below its title."""
    x, y = chart.scales()
    rows, names = height - 2, max((len(one.name) for one in chart.series), default=0)
    marks = {round((1 - (y.place(tick) or 0.0)) * (rows - 1)): chart.y.write(tick) for tick in y.ticks(height // 3)}
    margin = max(map(len, marks.values()), default=1)
    inner = max(8, width - margin - names - 3)
    dots, ends = _dots(chart, x, y, inner, rows), _ends(chart, x, y, rows)
    lines = [paint(f"{chart.title}: {chart.y.name} by {chart.x.name}"[:width], "dim")]
    for row in range(rows):
        cells = (dots.get((row, column)) for column in range(inner))
        body = "".join(paint(_letter(cell[0]), _colour(cell[1])) if cell else " " for cell in cells)
        name = paint(chart.series[ends[row]].name, _colour(ends[row])) if row in ends else ""
        lines.append(f"{marks.get(row, ''):>{margin}} {'┤' if row in marks else '│'}{body} {name}".rstrip())
    return "\n".join([*lines, *_floor(chart.x, x, inner, margin)])


def _letter(dots: int) -> str:
    return "●" if dots & ROUND else chr(0x2800 + dots)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _dots(chart: Chart, x: Scale, y: Scale, width: int, height: int) -> Cells:
    cells: Cells = {}
    for number, one in enumerate(chart.series):
        alone = not one.line and len(one.x) <= FEW
        for column, row in _trace(one, x, y, 2 * width - 1, 4 * height - 1):
            at = (row // 4, column // 2)
            dot = ROUND if alone else DOTS[row % 4][column % 2]
            cells[at] = (cells.get(at, (0, 0))[0] | dot, number)
    return cells


def _trace(one: Series, x: Scale, y: Scale, right: int, bottom: int) -> Iterator[tuple[int, int]]:
    """The dots of a series, gaps between its points filled; a value that cannot be shown interrupts it."""
    before: tuple[int, int] | None = None
    for point in places(one, x, y):
        if point is None:
            before = None
            continue
        here = (round(point[0] * right), round((1 - point[1]) * bottom))
        start = before or here
        length = max(abs(here[0] - start[0]), abs(here[1] - start[1]), 1)
        for part in range(length + 1):
            share = part / length
            yield round(start[0] + share * (here[0] - start[0])), round(start[1] + share * (here[1] - start[1]))
        before = here if one.line else None


def _ends(chart: Chart, x: Scale, y: Scale, height: int) -> dict[int, int]:
    """The row for the name of each series: where it ends, or the nearest free one."""
    taken: dict[int, int] = {}
    for number, one in enumerate(chart.series):
        shown = [point for point in places(one, x, y) if point is not None]
        wanted = round((1 - shown[-1][1]) * (height - 1)) if shown else 0
        free = sorted(set(range(height)) - taken.keys(), key=lambda row: abs(row - wanted))
        if free:
            taken[free[0]] = number
    return taken


def _floor(axis: Axis, x: Scale, inner: int, margin: int) -> list[str]:
    """The horizontal axis: a rule with ticks, and numbers below them that do not touch."""
    rule, labels = ["─"] * inner, [" "] * (inner + margin + 2)
    free = 0
    for tick in x.ticks(max(2, inner // 14)):
        column = round((x.place(tick) or 0.0) * (inner - 1))
        rule[column] = "┬"
        text = axis.write(tick)
        start = min(max(0, margin + 2 + column - len(text) // 2), len(labels) - len(text))
        if start >= free:
            labels[start : start + len(text)] = text
            free = start + len(text) + 2
    return [f"{' ' * margin} └{''.join(rule)}", "".join(labels).rstrip()]


def _mean(values: Sequence[float]) -> float:
    kept = [value for value in values if math.isfinite(value)]
    return sum(kept) / len(kept) if kept else math.nan
