"""The filters in Hugging Face's order, each run only if a row asks for it.

bias, repetition, presence and frequency, n-grams, forbidden ends, temperature, top-k, top-p, min-p, typical. The order
matters: the same numbers in another order are another distribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from jaxtyping import Float

from glassgpt.sampling import filters
from glassgpt.sampling.arrays import Array, library
from glassgpt.sampling.params import SamplingParams

PLAIN = SamplingParams()
"""Changes nothing."""


@dataclass(slots=True)
class Row:
    """One text that is being written, as the filters see it."""

    params: SamplingParams
    text: list[int]
    """Prompt and all that was written."""
    written: int = 0
    """How many of its last tokens were written, not given."""
    ends: tuple[int, ...] = ()
    """Ids that end it: forbidden until `min_new_tokens` are written."""


def process(
    logits: Float[Array, "B V"], rows: Sequence[Row], allowed: int | None = None, *, warp: bool = True
) -> Float[Array, "B V"]:
    """What to choose from. Ids from `allowed` on are padding and never chosen; `warp` runs temperature and later."""
    if allowed is not None and allowed < logits.shape[-1]:
        logits = library(logits).copy(logits)
        logits[:, allowed:] = -inf
    logits = constrain(logits, rows)
    return narrow(logits, [row.params for row in rows]) if warp else logits


def constrain(logits: Float[Array, "B V"], rows: Sequence[Row]) -> Float[Array, "B V"]:
    """The filters that look at the text; beam search uses them too."""
    params = [row.params for row in rows]
    if any(p.logit_bias for p in params):
        logits = filters.add_bias(logits, [p.logit_bias for p in params])
    if any(p.repetition_penalty != 1 for p in params):
        seen = library(logits).tally([row.text for row in rows], logits) > 0
        logits = filters.penalize_repetition(logits, seen, _each(params, "repetition_penalty", logits))
    if any(p.presence_penalty or p.frequency_penalty for p in params):
        written = [row.text[len(row.text) - row.written :] for row in rows]
        counts = library(logits).tally(written, logits)
        logits = filters.penalize_presence(
            logits, counts, _each(params, "presence_penalty", logits), _each(params, "frequency_penalty", logits)
        )
    if any(p.no_repeat_ngram for p in params):
        texts = [row.text for row in rows]
        logits = filters.forbid_repeated_ngrams(logits, texts, [p.no_repeat_ngram for p in params])
    if any(row.written < row.params.min_new_tokens for row in rows):
        early = [row.ends if row.written < row.params.min_new_tokens else () for row in rows]
        logits = filters.forbid(logits, early)
    return logits


def narrow(logits: Float[Array, "B V"], params: Sequence[SamplingParams]) -> Float[Array, "B V"]:
    """The filters that look at the distribution; greedy rows (temperature 0) pass unchanged."""
    params = [p if p.temperature else PLAIN for p in params]
    if any(p.temperature != 1 for p in params):
        logits = filters.apply_temperature(logits, _each(params, "temperature", logits))
    if any(p.top_k for p in params):
        logits = filters.keep_top_k(logits, [p.top_k for p in params])
    if any(p.top_p < 1 for p in params):
        logits = filters.keep_top_p(logits, _each(params, "top_p", logits))
    if any(p.min_p > 0 for p in params):
        logits = filters.keep_min_p(logits, _each(params, "min_p", logits))
    if any(p.typical_p < 1 for p in params):
        logits = filters.keep_typical(logits, _each(params, "typical_p", logits))
    return logits


def _each(params: Sequence[SamplingParams], name: str, logits: Float[Array, "B V"]) -> Float[Array, " B"]:
    """One setting of all rows."""
    return library(logits).floats([float(getattr(p, name)) for p in params], logits)
