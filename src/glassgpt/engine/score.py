"""Logits in, log-probabilities out: what the model itself thinks, before any filter."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from glassgpt.engine.backend import Backend, Piece
from glassgpt.engine.request import TokenLogprob, check_ids
from glassgpt.errors import ContextOverflow

CHUNK = 128
"""How many tokens are scored at once: bounds the table of logits."""


def read(backend: Backend, text: Sequence[int], chunk: int = CHUNK) -> Iterator[Float32[Tensor, "T V"]]:
    """Score what comes after each token of one text, piece by piece; nothing is remembered afterwards."""
    memory = backend.memory(1, len(text))
    for start in range(0, len(text), chunk):
        ids = text[start : start + chunk]
        yield backend.extend(memory, [Piece(0, ids, len(ids))])


def score_ids(backend: Backend, ids: Sequence[int]) -> Float32[np.ndarray, " T"]:
    """The log-probability of each id but the first, each judged by all before it."""
    ids, config = [int(token) for token in ids], backend.config
    if len(ids) > config.context_length:
        raise ContextOverflow(
            f"there are {len(ids):,} tokens to score; the model sees {config.context_length:,}. Score them in windows."
        )
    check_ids("ids", ids, config)
    if len(ids) < 2:
        return np.empty(0, np.float32)
    parts: list[Tensor] = []
    done = 1
    for logits in read(backend, ids[:-1]):
        next_ids = torch.tensor(ids[done : done + len(logits)], device=logits.device)
        parts.append(logits.log_softmax(dim=-1).gather(1, next_ids[:, None])[:, 0])
        done += len(logits)
    return torch.cat(parts).cpu().numpy()


def token_logprobs(
    logits: Float32[Tensor, "B V"], ids: Sequence[int], tops: Sequence[int | None]
) -> list[TokenLogprob | None]:
    """The log-probability of the chosen id of each row, with as many of the likeliest as it asks; None: not asked."""
    most = max((top for top in tops if top is not None), default=None)
    if most is None:
        return [None] * len(ids)
    logprobs = logits.log_softmax(dim=-1)
    chosen = logprobs.gather(1, torch.tensor(ids, device=logits.device)[:, None])[:, 0].tolist()
    best = [_best(row, top or 0) for row, top in zip(logprobs, tops, strict=True)]
    rows = zip(ids, chosen, best, tops, strict=True)
    return [None if top is None else TokenLogprob(token, logprob, likely) for token, logprob, likely, top in rows]


def _best(logprobs: Float32[Tensor, " V"], count: int) -> tuple[tuple[int, float], ...]:
    if not count:
        return ()
    least = logprobs.topk(min(count, len(logprobs))).values[-1]
    ids = (logprobs >= least).nonzero()[:, 0]  # ascending, so that a stable sort leaves lower ids first
    ordered = logprobs[ids].sort(descending=True, stable=True)
    pairs = zip(ids[ordered.indices].tolist(), ordered.values.tolist(), strict=True)
    return tuple(pairs)[:count]
