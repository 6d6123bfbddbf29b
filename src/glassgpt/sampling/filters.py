"""Logits in, logits out: each filter lowers or forbids (-inf) some tokens; none changes its input.

Rows of the batch have their own settings, given as one number a row. The order and the meaning of each filter are those
of Hugging Face's `generate` (`process.py` puts them in order). One difference on purpose: where tokens are exactly
equal, the lower ids are kept, so that top-k keeps exactly k.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Logits = Float[Tensor, "B V"]
PerRow = Float[Tensor, " B"]


def add_bias(logits: Logits, biases: Sequence[Mapping[int, float]]) -> Logits:
    """Add numbers to the logits of chosen ids; ids beyond the vocabulary do nothing."""
    logits = logits.clone()
    for row, bias in zip(logits, biases, strict=True):
        kept = {token: value for token, value in bias.items() if token < len(row)}
        row[list(kept)] += torch.tensor(list(kept.values()), dtype=row.dtype, device=row.device)
    return logits


def penalize_repetition(logits: Logits, seen: Bool[Tensor, "B V"], penalty: PerRow) -> Logits:
    """Make seen tokens less likely: divide positive logits by the penalty, multiply negative ones (Keskar 2019)."""
    penalty = penalty[:, None]
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def penalize_presence(logits: Logits, counts: Float[Tensor, "B V"], presence: PerRow, frequency: PerRow) -> Logits:
    """Subtract a fixed amount from tokens already written, and another for each time (OpenAI's rule)."""
    return logits - counts * frequency[:, None] - (counts > 0) * presence[:, None]


def forbid_repeated_ngrams(logits: Logits, texts: Sequence[Sequence[int]], sizes: Sequence[int]) -> Logits:
    """Forbid each token that would complete an n-gram the text already has; size 0 forbids none."""
    logits = logits.clone()
    for row, text, size in zip(logits, texts, sizes, strict=True):
        if 0 < size <= len(text):
            tail = list(text[len(text) - size + 1 :])
            starts = range(len(text) - size + 1)
            row[[text[i + size - 1] for i in starts if list(text[i : i + size - 1]) == tail]] = -torch.inf
    return logits


def forbid(logits: Logits, banned: Sequence[Sequence[int]]) -> Logits:
    """Forbid some ids in each row."""
    logits = logits.clone()
    for row, ids in zip(logits, banned, strict=True):
        row[[token for token in ids if token < len(row)]] = -torch.inf
    return logits


def apply_temperature(logits: Logits, temperature: PerRow) -> Logits:
    """Divide the logits."""
    return logits / temperature[:, None]


def keep_top_k(logits: Logits, k: Sequence[int]) -> Logits:
    """Keep exactly the k likeliest tokens, of equal ones the lower ids; 0 keeps all."""
    size = logits.shape[-1]
    counts = torch.tensor([min(k_row, size) or size for k_row in k], device=logits.device)[:, None]
    most = min(max((k_row for k_row in k if k_row), default=1), size)
    best = logits.topk(most, sorted=True).values
    last = torch.where(counts < size, best.gather(1, (counts - 1).clamp(max=most - 1)), -torch.inf)
    above, equal = logits > last, logits == last
    room = counts - above.sum(-1, keepdim=True)
    return logits.masked_fill(~(above | equal & (equal.cumsum(-1) <= room)), -torch.inf)


def keep_top_p(logits: Logits, p: PerRow) -> Logits:
    """Keep the likeliest tokens that together reach probability p; the one that crosses p stays."""
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    mass = ordered.flip(-1).softmax(dim=-1).cumsum(dim=-1)  # of the token and all less likely ones
    drop = (mass <= 1 - p[:, None]).flip(-1)
    drop[:, 0] = False
    return logits.masked_fill(drop.scatter(1, order, drop) & (p < 1)[:, None], -torch.inf)


def keep_min_p(logits: Logits, p: PerRow) -> Logits:
    """Keep tokens at least p times as likely as the likeliest."""
    chances = logits.softmax(dim=-1)
    return logits.masked_fill(chances < p[:, None] * chances.amax(dim=-1, keepdim=True), -torch.inf)


def keep_typical(logits: Logits, p: PerRow) -> Logits:
    """Keep the tokens whose surprise is nearest to the expected one, until p is reached (Meister et al. 2022)."""
    logprobs = logits.log_softmax(dim=-1)
    entropy = -(logprobs.exp() * logprobs).nansum(dim=-1, keepdim=True)
    ordered, order = (-logprobs - entropy).abs().sort(dim=-1, stable=True)
    mass = logits.gather(1, order).softmax(dim=-1).cumsum(dim=-1)
    last = (mass < p[:, None]).sum(dim=-1, keepdim=True).clamp(max=logits.shape[-1] - 1)
    drop = (ordered > ordered.gather(1, last)) & (p < 1)[:, None]
    drop[:, 0] = False
    return logits.masked_fill(drop.scatter(1, order, drop), -torch.inf)
