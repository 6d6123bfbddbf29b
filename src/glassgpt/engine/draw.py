"""Logits in, tokens out: one draw for each of many places in many texts.

A draw is a function of the logits, the text before it, the settings and the noise of its key, and of nothing else. So
it does not matter which draws are made together, nor whether one is made before it is known to be needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float32

from glassgpt.engine.request import TokenLogprob
from glassgpt.engine.score import token_logprobs
from glassgpt.sampling import NOTHING_LEFT, Array, Row, choose, choose_greedy, keys_like, library, process


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token is to be drawn: after which text, under which settings, with the noise of which key."""

    row: Row
    key: int


def draw(
    logits: Float32[Array, "N V"], places: Sequence[Place], allowed: int | None
) -> list[tuple[int, TokenLogprob | None]]:
    """One id a place, and how likely the model found it, if asked. Ids from `allowed` on are padding and never drawn.

    `NOTHING_LEFT` stands where the settings forbid every token.
    """
    rows = [place.row for place in places]
    params = [row.params for row in rows]
    processed = process(logits, rows, allowed)
    if all(p.temperature == 0 for p in params):
        chosen = choose_greedy(processed)
    else:
        keys = keys_like([place.key for place in places], logits)
        most = max(p.top_k for p in params) if all(p.top_k for p in params) else 0
        chosen = choose(processed, keys, most)
        if any(p.temperature == 0 for p in params):
            a = library(logits)
            greedy = a.integers([p.temperature == 0 for p in params], logits) > 0
            chosen = a.where(greedy, choose_greedy(processed), chosen)
    ids = chosen.tolist()
    likely = token_logprobs(logits, [max(token, 0) for token in ids], [p.logprobs for p in params])
    return list(zip(ids, likely, strict=True))


def is_drawn(token: int) -> bool:
    """Whether there was a token to draw."""
    return token != NOTHING_LEFT
