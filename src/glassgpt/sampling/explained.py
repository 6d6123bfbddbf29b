"""One draw, told step by step: what each setting left of the scores, and the dice that chose.

Nothing here decides anything: the stages are `process` with more and more of the settings switched on, and the race is
the noise that `choose` adds, written as times. A token that is drawn has the shortest time.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from glassgpt.sampling.arrays import Array, library
from glassgpt.sampling.choose import choose, choose_greedy
from glassgpt.sampling.noise import keys_like, uniform
from glassgpt.sampling.params import SamplingParams
from glassgpt.sampling.process import PLAIN, Row, process

STAGES = {
    "penalties": (
        "logit_bias",
        "repetition_penalty",
        "presence_penalty",
        "frequency_penalty",
        "no_repeat_ngram",
        "min_new_tokens",
        "max_new_tokens",
    ),
    "temperature": ("temperature",),
    "top_k": ("top_k",),
    "top_p": ("top_p",),
    "min_p": ("min_p",),
    "typical_p": ("typical_p",),
}
"""The settings in the order in which they act; those of one stage act together."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The scores after one setting: its name, the scores (-inf: forbidden), and how many tokens are left."""

    name: str
    logits: Float[Array, " V"]
    kept: int

    @property
    def probabilities(self) -> Float[Array, " V"]:
        """The chance of each token if the draw were made now."""
        return library(self.logits).softmax(self.logits[None])[0]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw and how it came about."""

    stages: tuple[Stage, ...]
    """The scores of the model first, then after each setting that does something."""
    chosen: int
    """The token that is drawn; `NOTHING_LEFT` where all are forbidden."""
    luck: Float64[Array, " V"]
    """The number in (0, 1) that each token has drawn for itself."""
    times: Float64[Array, " V"]
    """-ln(luck) / probability: the token with the shortest time is chosen, so likely ones mostly win."""
    greedy: bool
    """Whether luck plays no part: the likeliest token is taken."""


def explain(logits: Float[Array, " V"], row: Row, key: int, allowed: int | None = None) -> Drawn:
    """How the next token of a text is drawn from the model's scores with the noise of `key`.

    Ids from `allowed` on are padding. The chosen id is the one the engine draws for the same arguments.
    """
    stages = [_stage("raw", logits, row, PLAIN, allowed)]
    settings: dict[str, Any] = {}
    for name, fields in STAGES.items():
        changed = {field: getattr(row.params, field) for field in fields}
        settings |= changed
        if any(value != getattr(PLAIN, field) for field, value in changed.items() if field != "max_new_tokens"):
            stages.append(_stage(name, logits, row, replace(PLAIN, **settings), allowed))
    a, last, keys = library(logits), stages[-1].logits[None], keys_like([key], logits)
    greedy = row.params.temperature == 0
    chosen = choose_greedy(last) if greedy else choose(last, keys)
    luck = uniform(keys, a.count_up(logits.shape[0], logits)[None])[0]
    surprise = a.log(luck, out=a.copy(luck))
    with np.errstate(divide="ignore"):  # what is forbidden never arrives
        times = -surprise / a.softmax(a.float64(last))[0]
    return Drawn(tuple(stages), int(chosen[0]), luck, times, greedy)


def _stage(name: str, logits: Float[Array, " V"], row: Row, params: SamplingParams, allowed: int | None) -> Stage:
    left = process(logits[None], [replace(row, params=params)], allowed)[0]
    return Stage(name, left, int((left > -inf).sum()))
