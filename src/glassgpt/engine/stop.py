"""Pieces of text in, text that may be shown out: watches for texts that end the writing, across piece borders.

What may still become a stop text is held back. The stop text that is complete first ends the text (of two that are
complete at the same character, the longer one), so where tokens were cut does not matter.
"""

from collections.abc import Sequence


class StopWatch:
    """Watches one text."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def push(self, piece: str) -> str:
        """Take the next characters; return those that are certainly part of the text. Nothing comes after a stop."""
        if self.stopped or not piece:
            return ""
        text = self._held + piece
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)[1]]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """The text ends otherwise: what was held back belongs to it."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text may be the beginning of the stop text."""
    longest = min(len(stop) - 1, len(text))
    return next((size for size in range(longest, 0, -1) if stop.startswith(text[len(text) - size :])), 0)
