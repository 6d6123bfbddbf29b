"""Rows of a long benchmark, kept as they come: a run that was stopped goes on with the first row that is missing."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Records:
    """A file with one JSON object a line; rows are known by what was asked."""

    def __init__(self, path: Path | None) -> None:
        """Read what is there; without a path nothing is kept."""
        self.path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.rows: list[Row] = [json.loads(line) for line in lines]

    def measure(self, asked: Mapping[str, Any], run: Callable[[], Mapping[str, Any]]) -> Row:
        """The row with these keys: read, or measured now and written down."""
        for row in self.rows:
            if all(row.get(key) == value for key, value in asked.items()):
                return row
        began = time.perf_counter()
        row = {**asked, **run(), "seconds": round(time.perf_counter() - began, 1)}
        self.rows.append(row)
        if self.path:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
        return row


def table(headings: list[str], rows: list[list[object]]) -> str:
    """A table in Markdown; numbers stand to the right."""
    rule = ["---:" if (rows and isinstance(cell, int | float)) or _is_number(cell) else "---" for cell in rows[0]]
    lines = [headings, rule, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _is_number(cell: object) -> bool:
    return str(cell)[:1].isdigit()
