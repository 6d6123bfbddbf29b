"""Habits of heads, measured on random words that are said twice: a model in, a score for each head out.

    previous    looks at the token before
    duplicate   looks at the same token, where it stood before
    induction   looks at what came after the same token (Olsson et al. 2022): how a model copies
    first       looks at the first token, which takes what a head has no use for

A score is the mean share of attention, from 0 to 1. The words are random, so nothing but position and repetition can
guide a head.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import array, share
from glassgpt.interpret.attention import patterns
from glassgpt.interpret.trace import trace
from glassgpt.model import GPT2

HABITS = ("previous", "duplicate", "induction", "first")
LENGTH = 50
"""Random words, before they are said again."""
CLEAR = 0.4
"""A habit from here on is named."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadScores:
    """The mean share of attention that each head gives to each of four places."""

    previous: Float32[np.ndarray, "L H"]
    duplicate: Float32[np.ndarray, "L H"]
    induction: Float32[np.ndarray, "L H"]
    first: Float32[np.ndarray, "L H"]

    def habit(self, layer: int, head: int) -> tuple[str, float] | None:
        """A head's strongest habit and its score; None if none is clear."""
        name = max(HABITS, key=lambda habit: getattr(self, habit)[layer, head])
        value = float(getattr(self, name)[layer, head])
        return (name, value) if value >= CLEAR else None

    def best(self, habit: str) -> tuple[int, int, float]:
        """The layer and head that have a habit most, and how much."""
        if habit not in HABITS:
            raise InvalidParameter("habit", habit, f"must be one of {', '.join(HABITS)}")
        table = getattr(self, habit)
        layer, head = divmod(int(table.argmax()), table.shape[1])
        return layer, head, float(table[layer, head])

    def describe(self) -> str:
        """The best head of each habit."""
        said = {
            "previous": "the token before",
            "duplicate": "the same token earlier",
            "induction": "what followed it there",
            "first": "the first token",
        }
        best = {habit: self.best(habit) for habit in HABITS}
        parts = [f"head {best[h][0]}.{best[h][1]} looks at {said[h]} ({share(best[h][2])})" for h in HABITS]
        return f"Of {self.first.size} heads, most of all: {'; '.join(parts)}."


def score_heads(model: GPT2, seed: int = 0, texts: int = 4, length: int | None = None) -> HeadScores:
    """Measure all heads on `texts` rows of `length` different random words, said twice."""
    longest = min(model.config.context_length // 2, model.config.vocab_size)
    length = min(LENGTH, longest) if length is None else length
    if not 3 <= length <= longest:
        raise InvalidParameter("length", length, f"must be from 3 to {longest}: said twice, it must fit the model")
    if texts < 1:
        raise InvalidParameter("texts", texts, "must be ≥ 1")
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randperm(model.config.vocab_size, generator=generator)[:length].tolist() for _ in range(texts)]
    previous, duplicate, induction, first = np.mean([_of_text(model, row + row) for row in rows], axis=0)  # L H each
    return HeadScores(previous, duplicate, induction, first)


def _of_text(model: GPT2, ids: list[int]) -> Float32[np.ndarray, "4 L H"]:
    """The four scores of every head on one text, whose second half repeats the first."""
    seen, half = trace(model, ids), len(ids) // 2
    scores: list[np.ndarray] = []
    for layer in range(model.config.n_layers):
        table = patterns(seen, layer)
        before = table.diagonal(-1, -2, -1)[:, 1:]  # H T-2: the second token's is the first token
        again = table.diagonal(-half, -2, -1)  # H T/2
        after = table.diagonal(1 - half, -2, -1)[:, 1:]  # H T/2: from the first token that is said again
        sink = table[:, 2:, 0]
        scores.append(array(torch.stack([one.mean(dim=-1) for one in (before, again, after, sink)])))
    return np.stack(scores, axis=1)
