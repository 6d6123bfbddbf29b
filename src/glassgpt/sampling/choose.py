"""Filtered logits in, one id a row out."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from glassgpt.sampling.noise import gumbel

NOTHING_LEFT = -1
"""Stands where no token was left to choose."""


def choose_greedy(logits: Float[Tensor, "B V"]) -> Int64[Tensor, " B"]:
    """The likeliest id of each row, of equal ones the lowest; -1 where no logit is finite."""
    best = logits.max(dim=-1)
    return torch.where(best.values.isfinite(), best.indices, NOTHING_LEFT)


def choose(logits: Float[Tensor, "B V"], keys: Int64[Tensor, " B"], most: int = 0) -> Int64[Tensor, " B"]:
    """Draw an id from softmax(logits) of each row with the noise of its key; -1 where no logit is finite.

    `most` promises that no row has more finite logits than that, so that noise is made for those only.
    """
    if not 0 < most < logits.shape[-1]:
        tokens = torch.arange(logits.shape[-1], device=logits.device)[None]
        return choose_greedy(gumbel(keys, tokens).add_(logits))
    best = logits.topk(most, sorted=False)
    tokens = best.indices.sort(dim=-1)
    place = choose_greedy(gumbel(keys, tokens.values).add_(best.values.gather(1, tokens.indices)))
    found = tokens.values.gather(1, place.clamp(min=0)[:, None])[:, 0]
    return torch.where(place == NOTHING_LEFT, NOTHING_LEFT, found)
