"""Logits in, log-probabilities out: what the model itself thinks, before any filter."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float32

from glassgpt.engine.backend import Backend, Piece
from glassgpt.engine.request import TokenLogprob, check_ids
from glassgpt.errors import ContextOverflow
from glassgpt.sampling import Array, library

CHUNK = 128
"""How many tokens are scored at once: bounds the table of logits."""


def read(backend: Backend, text: Sequence[int], chunk: int = CHUNK) -> Iterator[Float32[Array, "T V"]]:
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
    parts: list[Array] = []
    done = 1
    for logits in read(backend, ids[:-1]):
        a = library(logits)
        next_ids = a.integers(ids[done : done + len(logits)], logits)
        parts.append(a.to_numpy(a.take(a.log_softmax(logits), next_ids[:, None])[:, 0]))
        done += len(logits)
    return np.concatenate(parts)


def token_logprobs(
    logits: Float32[Array, "B V"], ids: Sequence[int], tops: Sequence[int | None]
) -> list[TokenLogprob | None]:
    """The log-probability of the chosen id of each row, with as many of the likeliest as it asks; None: not asked."""
    most = max((top for top in tops if top is not None), default=None)
    if most is None:
        return [None] * len(ids)
    a = library(logits)
    logprobs = a.log_softmax(logits)
    chosen = a.take(logprobs, a.integers(ids, logits)[:, None])[:, 0].tolist()
    best = [_best(a.to_numpy(row), top) if top else () for row, top in zip(logprobs, tops, strict=True)]
    rows = zip(ids, chosen, best, tops, strict=True)
    return [None if top is None else TokenLogprob(token, logprob, likely) for token, logprob, likely, top in rows]


def _best(logprobs: Float32[np.ndarray, " V"], count: int) -> tuple[tuple[int, float], ...]:
    least = -np.partition(-logprobs, min(count, len(logprobs)) - 1)[min(count, len(logprobs)) - 1]
    likely = (logprobs >= least).nonzero()[0]
    order = likely[np.argsort(-logprobs[likely], kind="stable")][:count]  # of equal ones the lower id comes first
    return tuple(zip(order.tolist(), logprobs[order].tolist(), strict=True))
