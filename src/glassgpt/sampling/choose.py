"""Filtered logits in, one id a row out."""

from jaxtyping import Float, Int64

from glassgpt.sampling.arrays import Array, library
from glassgpt.sampling.noise import gumbel

NOTHING_LEFT = -1
"""Stands where no token was left to choose."""


def choose_greedy(logits: Float[Array, "B V"]) -> Int64[Array, " B"]:
    """The likeliest id of each row, of equal ones the lowest; -1 where no logit is finite."""
    a = library(logits)
    best, ids = a.highest(logits)
    return a.where(a.isfinite(best), ids, NOTHING_LEFT)


def choose(logits: Float[Array, "B V"], keys: Int64[Array, " B"], most: int = 0) -> Int64[Array, " B"]:
    """Draw an id from softmax(logits) of each row with the noise of its key; -1 where no logit is finite.

    `most` promises that no row has more finite logits than that, so that noise is made for those only.
    """
    a = library(logits)
    if not 0 < most < logits.shape[-1]:
        noise = gumbel(keys, a.count_up(logits.shape[-1], logits)[None])
        noise += logits
        return choose_greedy(noise)
    tokens, _ = a.sort(a.largest(logits, most)[1])
    noise = gumbel(keys, tokens)
    noise += a.take(logits, tokens)
    place = choose_greedy(noise)
    found = a.take(tokens, place.clip(min=0)[:, None])[:, 0]
    return a.where(place == NOTHING_LEFT, NOTHING_LEFT, found)
