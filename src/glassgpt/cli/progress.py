"""How far a long job is: one bar a stage on stderr, gone when it is done; nothing where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from glassgpt.cli.terminal import Terminal

Report = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is (0: unknown)."""


@contextmanager
def progress(out: Terminal) -> Iterator[Report]:
    """A function to call whenever there is news."""
    if out.options.quiet or not sys.stderr.isatty():
        yield lambda what, done, goal: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    plain = not out.shows_colour(sys.stderr.isatty())
    console = Console(file=sys.stderr, no_color=plain, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        stages = {}

        def report(what: str, done: int, goal: int) -> None:
            if what not in stages:
                stages[what] = bars.add_task(what)
            bars.update(stages[what], completed=done, total=goal or None)

        yield report
