"""Guesses how a text goes on: as it went on after the same few tokens the last time (prompt lookup).

A guess costs little to check, since several tokens are read in one pass, and saves a pass for each that is right. What
is drawn never depends on it: a guess counts only where the draw, with its own noise, falls on the very same token.

Where guesses fail, fewer are made: after each failure the next one waits twice as long. So a text that does not repeat
itself pays for a handful of tokens in all.
"""

from collections.abc import Sequence

SIZES = (3, 2)
"""How many tokens must have stood together before; the longer run is looked for first."""
FEWEST, MOST = 2, 16
"""How many tokens are guessed at once: twice as many after each success."""
LONGEST_REST = 64
"""How many tokens are written at most before another guess is tried."""


class Lookup:
    """The runs of one text, and how well guesses by them have gone."""

    def __init__(self, text: Sequence[int]) -> None:
        self._text: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        """Where each run of tokens was last followed by another one."""
        self._width, self._failures, self._rest = FEWEST * 2, 0, 0
        self.guessed = self.right = 0
        for token in text:
            self.push(token)

    def push(self, token: int) -> None:
        """The text has one more token."""
        place = len(self._text)
        for size in SIZES:
            if size <= place:
                self._after[tuple(self._text[place - size :])] = place
        self._text.append(token)
        self._rest = max(0, self._rest - 1)

    def guess(self, most: int) -> list[int]:
        """At most that many tokens that may come next; none where nothing is known, or it is not worth a try."""
        place = None if self._rest else self._find()
        if place is None:
            return []
        guess: list[int] = []
        for step in range(place, place + min(most, self._width)):
            # a run that reaches the end of the text goes on in the guess: a loop repeats itself
            guess.append(self._text[step] if step < len(self._text) else guess[step - len(self._text)])
        return guess

    def learn(self, guessed: int, right: int) -> None:
        """So many were guessed, and so many of them were right."""
        self.guessed += guessed
        self.right += right
        if right:
            self._failures = 0
            self._width = min(MOST, 2 * self._width) if right == guessed else max(FEWEST, right)
        elif guessed:
            self._failures += 1
            self._width, self._rest = FEWEST, min(LONGEST_REST, 2**self._failures)

    def _find(self) -> int | None:
        """The place after the last run that is like the end of the text."""
        tails = (tuple(self._text[-size:]) for size in SIZES if size <= len(self._text))
        return next((self._after[tail] for tail in tails if tail in self._after), None)
