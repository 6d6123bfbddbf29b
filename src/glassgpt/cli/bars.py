"""Numbers as pictures and words: bars, byte counts, visible spaces."""

from collections.abc import Sequence

EIGHTHS = " ▏▎▍▌▋▊▉"
BYTES = ("B", "kB", "MB", "GB", "TB")
OPERATIONS = ("FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP")


def bar(fraction: float, width: int) -> str:
    """A bar whose length is exact to an eighth of a column."""
    eighths = round(max(0.0, min(1.0, fraction)) * width * 8)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def percent(fraction: float) -> str:
    """A share with one decimal, so that a column of them lines up."""
    return f"{100 * fraction:5.1f} %"


def size(count: int, units: Sequence[str] = BYTES) -> str:
    """A large number as people say it, in thousands: 1 MB is a million bytes."""
    amount, unit = float(count), 0
    while amount >= 1000 and unit + 1 < len(units):
        amount, unit = amount / 1000, unit + 1
    return f"{amount:,.0f} {units[unit]}" if unit == 0 or amount >= 100 else f"{amount:,.1f} {units[unit]}"


def visible(text: str) -> str:
    """A piece of text on one line, as `glassgpt.tokens.spell` writes it."""
    from glassgpt.tokens import spell

    return spell.visible(text)


def plural(count: int, noun: str) -> str:
    """`1 token`, `2 tokens`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def padding(texts: Sequence[str], widest: int) -> list[str]:
    """The spaces after each text that make a column of them, up to `widest`; wide characters count twice."""
    from rich.cells import cell_len

    lengths = [cell_len(text) for text in texts]
    column = min(widest, max(lengths, default=0))
    return [" " * max(0, column - length) for length in lengths]
