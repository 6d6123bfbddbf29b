"""Rows in, aligned columns out: names to the left, numbers to the right."""

from collections.abc import Sequence

from glassgpt.cli.terminal import Terminal


def show_table(out: Terminal, header: Sequence[str], rows: Sequence[Sequence[str]], bold_last: bool = False) -> None:
    """Print a table; the first column holds names, the others numbers."""
    from rich.cells import cell_len

    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    for number, row in enumerate([header, *rows]):
        first = row[0] + " " * (widths[0] - cell_len(row[0]))
        others = (" " * (width - cell_len(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True))
        style = "dim" if number == 0 else "bold" if bold_last and number == len(rows) else ""
        line = "  ".join([first, *others]).rstrip()
        out.result(out.paint(line, style) if style else line)
