"""Logits in, logits out: each filter lowers or forbids (-inf) some tokens; none changes its input.

Rows of the batch have their own settings, given as one number a row. The order and the meaning of each filter are those
of Hugging Face's `generate` (`process.py` puts them in order). One difference on purpose: where tokens are exactly
equal, the lower ids are kept, so that top-k keeps exactly k.
"""

from collections.abc import Mapping, Sequence
from math import inf

from jaxtyping import Bool, Float

from glassgpt.sampling.arrays import Array, library

Logits = Float[Array, "B V"]
PerRow = Float[Array, " B"]


def add_bias(logits: Logits, biases: Sequence[Mapping[int, float]]) -> Logits:
    """Add numbers to the logits of chosen ids; ids beyond the vocabulary do nothing."""
    a = library(logits)
    logits = a.copy(logits)
    for row, bias in zip(logits, biases, strict=True):
        kept = {token: value for token, value in bias.items() if token < len(row)}
        row[list(kept)] += a.floats(list(kept.values()), row)
    return logits


def penalize_repetition(logits: Logits, seen: Bool[Array, "B V"], penalty: PerRow) -> Logits:
    """Make seen tokens less likely: divide positive logits by the penalty, multiply negative ones (Keskar 2019)."""
    a, penalty = library(logits), penalty[:, None]
    return a.where(seen, a.where(logits < 0, logits * penalty, logits / penalty), logits)


def penalize_presence(logits: Logits, counts: Float[Array, "B V"], presence: PerRow, frequency: PerRow) -> Logits:
    """Subtract a fixed amount from tokens already written, and another for each time (OpenAI's rule)."""
    return logits - counts * frequency[:, None] - (counts > 0) * presence[:, None]


def forbid_repeated_ngrams(logits: Logits, texts: Sequence[Sequence[int]], sizes: Sequence[int]) -> Logits:
    """Forbid each token that would complete an n-gram the text already has; size 0 forbids none."""
    logits = library(logits).copy(logits)
    for row, text, size in zip(logits, texts, sizes, strict=True):
        if 0 < size <= len(text):
            tail = list(text[len(text) - size + 1 :])
            starts = range(len(text) - size + 1)
            row[[text[i + size - 1] for i in starts if list(text[i : i + size - 1]) == tail]] = -inf
    return logits


def forbid(logits: Logits, banned: Sequence[Sequence[int]]) -> Logits:
    """Forbid some ids in each row."""
    logits = library(logits).copy(logits)
    for row, ids in zip(logits, banned, strict=True):
        row[[token for token in ids if token < len(row)]] = -inf
    return logits


def apply_temperature(logits: Logits, temperature: PerRow) -> Logits:
    """Divide the logits."""
    return logits / temperature[:, None]


def keep_top_k(logits: Logits, k: Sequence[int]) -> Logits:
    """Keep exactly the k likeliest tokens, of equal ones the lower ids; 0 keeps all."""
    a, size = library(logits), logits.shape[-1]
    counts = [min(k_row, size) or size for k_row in k]
    most = min(max((k_row for k_row in k if k_row), default=1), size)
    best, _ = a.largest(logits, most)
    places, kept = (a.integers(numbers, logits)[:, None] for numbers in ([min(c, most) - 1 for c in counts], counts))
    last = a.where(kept < size, a.take(best, places), -inf)
    above, equal = logits > last, logits == last
    room = kept - above.sum(-1)[:, None]
    return a.where(above | equal & (equal.cumsum(-1) <= room), logits, -inf)


def keep_top_p(logits: Logits, p: PerRow) -> Logits:
    """Keep the likeliest tokens that together reach probability p; the one that crosses p stays."""
    a = library(logits)
    ordered, order = a.sort(logits, descending=True)
    mass = a.softmax(a.flip(ordered)).cumsum(-1)  # of the token and all less likely ones
    drop = a.flip(mass <= 1 - p[:, None])
    drop[:, 0] = False
    return a.where(a.put(drop, order) & (p < 1)[:, None], -inf, logits)


def keep_min_p(logits: Logits, p: PerRow) -> Logits:
    """Keep tokens at least p times as likely as the likeliest."""
    a = library(logits)
    chances = a.softmax(logits)
    return a.where(chances < (p * a.highest(chances)[0])[:, None], -inf, logits)


def keep_typical(logits: Logits, p: PerRow) -> Logits:
    """Keep the tokens whose surprise is nearest to the expected one, until p is reached (Meister et al. 2022)."""
    a = library(logits)
    logprobs = a.log_softmax(logits)
    ordered, order = a.sort(abs(-logprobs - a.entropy(logprobs)))
    mass = a.softmax(a.take(logits, order)).cumsum(-1)
    last = (mass < p[:, None]).sum(-1)[:, None].clip(max=logits.shape[-1] - 1)
    drop = (ordered > a.take(ordered, last)) & (p < 1)[:, None]
    drop[:, 0] = False
    return a.where(a.put(drop, order), -inf, logits)
