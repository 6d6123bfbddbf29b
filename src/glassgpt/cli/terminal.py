"""Where a verb speaks: results to stdout, talk to stderr, colours only where they are wanted."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from glassgpt.cli.options import Talk


@dataclass(frozen=True, slots=True)
class Terminal:
    """The two streams of one run of the program, and how to paint on them."""

    options: Talk

    def result(self, text: str, end: str = "\n") -> None:
        """Print what was asked for, at once."""
        sys.stdout.write(text + end)
        sys.stdout.flush()

    def talk(self, text: str, end: str = "\n") -> None:
        """Print what surrounds it, unless --quiet."""
        if not self.options.quiet:
            sys.stderr.write(text + end)
            sys.stderr.flush()

    def json(self, verb: str, answer: Mapping[str, object]) -> None:
        """Print the one object of --json; the number after the name changes when its fields do."""
        self.result(json.dumps({"schema": f"glassgpt.{verb}/1", **answer}, ensure_ascii=False))

    def paint(self, text: str, style: str) -> str:
        """The text in a rich style (`bold`, `dim`, `black on #a8dadc`) where stdout shows colours."""
        return _painted(text, style) if self.shows_colour(sys.stdout) else text

    def paint_talk(self, text: str, style: str) -> str:
        """The same for stderr."""
        return _painted(text, style) if self.shows_colour(sys.stderr) else text

    def shows_colour(self, stream: TextIO) -> bool:
        """Whether to colour this stream: --color first, then NO_COLOR, then whether it is a terminal."""
        if self.options.color != "auto":
            return self.options.color == "always"
        return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def _painted(text: str, style: str) -> str:
    from rich.color import ColorSystem
    from rich.style import Style

    truecolor = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    return Style.parse(style).render(text, color_system=ColorSystem.TRUECOLOR if truecolor else ColorSystem.EIGHT_BIT)
