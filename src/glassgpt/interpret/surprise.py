"""A given text as the model reads it: for each token how surprising it was, and how many words it expected more."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.interpret.arrays import Spell, array, number, quoted
from glassgpt.interpret.trace import Trace

CHUNK = 128
"""Positions whose scores against the whole vocabulary are held at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Surprise:
    """Each token but the first, judged by all before it: entry n is about token n + 1."""

    ids: tuple[int, ...]
    logprobs: Float32[np.ndarray, " N"]
    """Natural logarithm of the token's probability."""
    ranks: Int64[np.ndarray, " N"]
    """1 if no word was likelier."""
    entropies: Float32[np.ndarray, " N"]
    """How undecided the model was, in nats: the mean surprise that it expected."""
    spell: Spell = number

    @property
    def nats(self) -> float:
        """Of the whole text."""
        return -float(self.logprobs.sum(dtype=np.float64))

    def worst(self, top: int = 10) -> Int64[np.ndarray, " K"]:
        """Positions in the text of the most surprising tokens, the worst first."""
        return np.argsort(self.logprobs, kind="stable")[:top] + 1

    def describe(self) -> str:
        """How well the text was foreseen, and where it was not."""
        worst = int(self.worst(1)[0])
        bits = -float(self.logprobs[worst - 1]) / math.log(2)
        right = int((self.ranks == 1).sum())
        return (
            f"{right} of {len(self.ranks)} tokens were the likeliest word; the most surprising is "
            f"{quoted(self.spell(self.ids[worst]))} at {worst}, with {bits:.1f} bits and rank "
            f"{self.ranks[worst - 1]:,}. Perplexity {math.exp(min(700.0, self.nats / len(self.ranks))):,.1f}."
        )


@torch.inference_mode()
def surprise(trace: Trace) -> Surprise:
    """Judge each token of a trace's text by those before it."""
    if len(trace.ids) < 2:
        raise InvalidParameter("ids", trace.ids, "a first token is judged by nothing; give at least two")
    logprobs: list[Tensor] = []
    ranks: list[Tensor] = []
    entropies: list[Tensor] = []
    for first, table in distributions(trace, len(trace.ids) - 1):
        next_ids = torch.tensor(trace.ids[first + 1 : first + 1 + len(table)], device=table.device)[:, None]
        mine = table.gather(1, next_ids)
        earlier = torch.arange(table.shape[1], device=table.device) < next_ids
        logprobs.append(mine[:, 0])
        ranks.append(1 + (table > mine).sum(dim=-1) + ((table == mine) & earlier).sum(dim=-1))
        entropies.append(-(table.exp() * table.clamp_min(-1e4)).sum(dim=-1))
    return Surprise(
        ids=trace.ids,
        logprobs=array(torch.cat(logprobs)),
        ranks=torch.cat(ranks).cpu().numpy(),
        entropies=array(torch.cat(entropies)),
        spell=trace.spell,
    )


def distributions(trace: Trace, count: int) -> Iterator[tuple[int, Float[Tensor, "N V"]]]:
    """Log-probabilities after each of the first `count` positions, a chunk at a time, with where it begins."""
    for first in range(0, count, CHUNK):
        yield first, trace.scores(trace.stream[-1, first : min(count, first + CHUNK)]).float().log_softmax(dim=-1)
