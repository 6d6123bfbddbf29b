"""Named numbers with a sign: in a terminal, bars to both sides of a middle; in a file, an SVG of them."""

from collections.abc import Iterator, Sequence
from html import escape

from glassgpt.cli.bars import bar, padding
from glassgpt.cli.terminal import Terminal

WIDE, WIDEST = 24, 24
ROW, LEFT, HALF, TOP = 18.0, 170.0, 240.0, 44.0
FOR, AGAINST = "#1e5ea8", "#d67616"


def signed_bars(pairs: Sequence[tuple[str, float]], out: Terminal, unit: str = "") -> Iterator[str]:
    """One line each: what is below zero grows to the left."""
    longest = max((abs(value) for _, value in pairs), default=0.0) or 1.0
    names = [name for name, _ in pairs]
    for (name, value), space in zip(pairs, padding(names, WIDEST), strict=True):
        drawn = bar(abs(value) / longest, WIDE)
        left = out.paint(f"{_mirrored(abs(value) / longest):>{WIDE}}", "yellow") if value < 0 else " " * WIDE
        right = out.paint(drawn, "cyan") if value > 0 else ""
        yield f"  {name}{space}  {value:+9.3f}{unit}  {left}│{right}".rstrip()


def _mirrored(fraction: float) -> str:
    """A bar that ends at its right: whole and half columns only, for there are no other letters."""
    halves = round(max(0.0, min(1.0, fraction)) * WIDE * 2)
    return ("▐" if halves % 2 else "") + "█" * (halves // 2)


def bars_drawing(title: str, pairs: Sequence[tuple[str, float]], sentence: str) -> str:
    """The same as a file."""
    longest = max((abs(value) for _, value in pairs), default=0.0) or 1.0
    width, height, middle = LEFT + 2 * HALF + 70, TOP + ROW * len(pairs) + 16, LEFT + HALF
    rows: list[str] = []
    for number, (name, value) in enumerate(pairs):
        y, length = TOP + ROW * number, abs(value) / longest * (HALF - 60)
        x, end = (middle, middle + length + 6) if value >= 0 else (middle - length, middle - length - 6)
        anchor = "start" if value >= 0 else "end"
        rows += [
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{length:.1f}" height="12" fill="{FOR if value >= 0 else AGAINST}"/>',
            f'<text x="{LEFT - 8:.1f}" y="{y + 10:.1f}" text-anchor="end" fill="currentColor">{escape(name)}</text>',
            f'<text x="{end:.1f}" y="{y + 10:.1f}" text-anchor="{anchor}" fill="currentColor">{value:+.2f}</text>',
        ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="glassgpt" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" font-family="system-ui, sans-serif" font-size="12">\n'
        f"<title>{escape(title)}</title><desc>{escape(sentence)}</desc>\n"
        "<style>.glassgpt{color:#222}@media(prefers-color-scheme:dark){.glassgpt{color:#ddd}}</style>\n"
        f'<text x="16" y="24" font-size="15" fill="currentColor">{escape(title)}</text>\n'
        f'<path d="M{middle:.1f} {TOP - 6:.1f}V{height - 10:.1f}" stroke="currentColor" stroke-opacity=".4"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )
