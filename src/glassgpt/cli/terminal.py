"""Where a verb speaks: results to stdout, talk to stderr, colours only where they are wanted."""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from glassgpt.cli.options import Talk

LINE_ENDS = re.compile("[\x7f-\x9f\u2028\u2029]")
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Terminal:
    """The two streams of one run of the program, and how to paint on them."""

    options: Talk

    def result(self, text: str, end: str = "\n") -> None:
        """Print what was asked for, at once."""
        sys.stdout.write(text + end)
        sys.stdout.flush()

    def text(self, text: str, style: str = "") -> None:
        """Print text that others wrote: at a terminal its control characters are shown, never obeyed."""
        shown = CONTROLS.sub(lambda found: f"⟨{ord(found[0]):02X}⟩", text) if sys.stdout.isatty() else text
        self.result(self.paint(shown, style) if style and shown else shown, end="")

    def talk(self, text: str, end: str = "\n") -> None:
        """Print what surrounds it, unless --quiet."""
        if not self.options.quiet:
            sys.stderr.write(text + end)
            sys.stderr.flush()

    def json(self, verb: str, answer: Mapping[str, object]) -> None:
        """Print the one object of --json; the number after the name changes when its fields do."""
        self.result(one_line({"schema": f"glassgpt.{verb}/1", **answer}))

    def paint(self, text: str, style: str) -> str:
        """The text in a rich style (`bold`, `dim`, `black on #a8dadc`) where stdout shows colours."""
        return _painted(text, style) if self.shows_colour(sys.stdout.isatty()) else text

    def paint_talk(self, text: str, style: str) -> str:
        """The same for stderr."""
        return _painted(text, style) if self.shows_colour(sys.stderr.isatty()) else text

    def shows_colour(self, at_terminal: bool) -> bool:
        """Whether to colour a stream: --color first, then NO_COLOR, then whether it is a terminal."""
        if self.options.color != "auto":
            return self.options.color == "always"
        return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and at_terminal


def one_line(answer: Mapping[str, object]) -> str:
    """JSON without anything that some reader takes for the end of a line."""
    return LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(answer, ensure_ascii=False))


def _painted(text: str, style: str) -> str:
    from rich.color import ColorSystem
    from rich.style import Style

    truecolor = os.environ.get("COLORTERM") in ("truecolor", "24bit")
    return Style.parse(style).render(text, color_system=ColorSystem.TRUECOLOR if truecolor else ColorSystem.EIGHT_BIT)
