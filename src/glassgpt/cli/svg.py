"""A chart in, an SVG file out: one drawing for paper, page and dark screen, made by hand.

It has no background; axes and letters follow the reader's preference for light or dark.
"""

from collections.abc import Iterator
from html import escape

from glassgpt.cli.chart import Chart, Scale, Series, places

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
"""Told apart by readers of every kind of sight, on light and on dark (Okabe and Ito 2008)."""
DASHES = ("", "7 3", "2 3", "9 3 2 3")
"""After the colours are used up, and for print without them."""
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760.0, 420.0, 64.0, 16.0, 40.0, 48.0
FLOOR, EDGE = HEIGHT - BOTTOM, WIDTH - RIGHT
MOST_POINTS = 1200
"""Of each line: more cannot be seen and make the file large."""


def drawing(chart: Chart) -> str:
    """The file, whole."""
    x, y = chart.scales()
    middle = (TOP + FLOOR) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="glassgpt" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'width="{WIDTH:g}" height="{HEIGHT:g}" role="img" font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(chart.title)}</title>",
        "<style>.glassgpt{color:#222}@media(prefers-color-scheme:dark){.glassgpt{color:#ddd}}</style>",
        _text(LEFT, 22.0, chart.title, "start", ' font-size="15"'),
        *_grid(chart, x, y),
        _text((LEFT + EDGE) / 2, HEIGHT - 10, chart.x.name, "middle"),
        _text(14.0, middle, chart.y.name, "middle", f' transform="rotate(-90 14 {middle:.1f})"'),
        *(
            _curve(number, one, x, y) if one.line else _points(number, one, x, y)
            for number, one in enumerate(chart.series)
        ),
        *_legend(chart),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _pixel(point: tuple[float, float]) -> tuple[float, float]:
    return LEFT + point[0] * (EDGE - LEFT), FLOOR - point[1] * (FLOOR - TOP)


def _grid(chart: Chart, x: Scale, y: Scale) -> Iterator[str]:
    for tick in y.ticks(6):
        _, at = _pixel((0.0, y.place(tick) or 0.0))
        yield f'<path d="M{LEFT:g} {at:.1f}H{EDGE:g}" stroke="currentColor" stroke-opacity=".15"/>'
        yield _text(LEFT - 8, at + 4, chart.y.write(tick), "end")
    for tick in x.ticks(8):
        at, _ = _pixel((x.place(tick) or 0.0, 0.0))
        yield f'<path d="M{at:.1f} {FLOOR:g}v5" stroke="currentColor"/>'
        yield _text(at, FLOOR + 19, chart.x.write(tick), "middle")
    yield f'<path d="M{LEFT:g} {TOP:g}V{FLOOR:g}H{EDGE:g}" fill="none" stroke="currentColor"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor"{more}>{escape(text)}</text>'


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _look(number: int) -> str:
    dash = DASHES[number // len(COLOURS) % len(DASHES)]
    return f'stroke="{_colour(number)}"' + (f' stroke-dasharray="{dash}"' if dash else "")


def _curve(number: int, one: Series, x: Scale, y: Scale) -> str:
    """A path; values that cannot be shown interrupt it, and a point alone is a dot."""
    every = list(places(one, x, y))
    pen = "M"
    drawn: list[str] = []
    for point in [*every[: -1 : max(1, len(every) // MOST_POINTS)], *every[-1:]]:
        if point is not None:
            across, down = _pixel(point)
            drawn.append(f"{pen}{across:.1f} {down:.1f}")
        pen = "M" if point is None else "L"
    dot = "h.01" if len(drawn) == 1 else ""
    return (
        f'<path d="{"".join(drawn)}{dot}" fill="none" {_look(number)} stroke-width="1.8" stroke-linecap="round" '
        f'stroke-linejoin="round"><title>{escape(one.name)}</title></path>'
    )


def _points(number: int, one: Series, x: Scale, y: Scale) -> str:
    found = [_pixel(point) for point in places(one, x, y) if point is not None]
    radius = 4 if len(found) <= 40 else 1.5
    circles = "".join(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="{radius}"/>' for across, down in found)
    return f'<g fill="{_colour(number)}"><title>{escape(one.name)}</title>{circles}</g>'


def _legend(chart: Chart) -> Iterator[str]:
    """Names with a piece of their line or a point, in the upper right corner."""
    for number, one in enumerate(chart.series):
        at = TOP + 12 + 18 * number
        if one.line:
            yield f'<path d="M{EDGE - 34:g} {at:g}h24" {_look(number)} stroke-width="2.5"/>'
        else:
            yield f'<circle cx="{EDGE - 22:g}" cy="{at:g}" r="4" fill="{_colour(number)}"/>'
        yield _text(EDGE - 42, at + 4, one.name, "end")
