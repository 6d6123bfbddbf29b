"""Tables of numbers in, an SVG file out: cells as dark as their numbers are large, letters as letters.

Each table is a picture inside the drawing, one pixel a cell, so a head over a thousand tokens is a small file too.
"""

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

CELL, GAP, LABEL, TOP = 16.0, 22.0, 130.0, 40.0
MOST_LABELS, WIDEST = 64, 720.0
ORANGE, BLUE, PAPER = (214, 118, 22), (30, 94, 168), (251, 250, 247)


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers from 0 to 1, or from -1 to 1 where two colours are wanted, with a name for each row and column."""

    name: str
    values: "np.ndarray"
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()


def heat_map(title: str, tables: Sequence[Table], sentence: str, across: int = 1) -> str:
    """The file, whole: tables in rows of `across`."""
    size = min(CELL, WIDEST / across / max(table.values.shape[1] for table in tables))
    wide = max(table.values.shape[1] for table in tables) * size
    high = max(table.values.shape[0] for table in tables) * size
    left, foot = _margin([table.rows for table in tables]), _margin([table.columns for table in tables])
    width = across * (left + wide) + GAP
    height = TOP + -(-len(tables) // across) * (high + foot + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="glassgpt" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" font-family="system-ui, sans-serif" font-size="11">',
        f"<title>{escape(title)}</title><desc>{escape(sentence)}</desc>",
        "<style>.glassgpt{color:#222}@media(prefers-color-scheme:dark){.glassgpt{color:#ddd}}"
        "image{image-rendering:pixelated}</style>",
        f'<text x="16" y="22" font-size="15" fill="currentColor">{escape(title)}</text>',
    ]
    for number, table in enumerate(tables):
        x, y = left + number % across * (left + wide), TOP + number // across * (high + foot + GAP)
        parts += _drawn(table, x, y, size)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _margin(names: Sequence[Sequence[str]]) -> float:
    """Room for the longest name."""
    return min(LABEL, 16.0 + 6.5 * max((len(name) for each in names for name in each), default=0))


def _drawn(table: Table, x: float, y: float, size: float) -> list[str]:
    rows, columns = table.values.shape
    picture = base64.b64encode(_png(_coloured(table.values))).decode()
    found = [
        f'<image x="{x:.1f}" y="{y + 12:.1f}" width="{columns * size:.1f}" height="{rows * size:.1f}" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{picture}"/>',
        f'<text x="{x:.1f}" y="{y + 8:.1f}" fill="currentColor">{escape(table.name)}</text>',
    ]
    if len(table.rows) <= MOST_LABELS:
        for at, name in enumerate(table.rows):
            found.append(_text(x - 6, y + 12 + (at + 0.5) * size + 4, name, "end"))
    if len(table.columns) <= MOST_LABELS:
        for at, name in enumerate(table.columns):
            across, below = x + (at + 0.5) * size + 4, y + 18 + rows * size
            found.append(_text(across, below, name, "end", f' transform="rotate(-60 {across:.1f} {below:.1f})"'))
    return found


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor"{more}>{escape(text)}</text>'


def _coloured(values: "np.ndarray") -> "np.ndarray":
    """From paper to blue; below zero from paper to orange. A root makes small shares visible."""
    import numpy as np

    strength = np.sqrt(np.abs(np.nan_to_num(values)).clip(0, 1))[..., None]
    full = np.where((values < 0)[..., None], ORANGE, BLUE)
    return (PAPER + (full - np.array(PAPER)) * strength).round().astype(np.uint8)


def _png(pixels: "np.ndarray") -> bytes:
    """Red, green and blue, eight bits each (W3C Portable Network Graphics, third edition)."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
