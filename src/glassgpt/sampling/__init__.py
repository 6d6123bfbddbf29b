"""Logits in, a choice out: settings, filters, noise and the draw. Start with `params.py`, then `process.py`."""

from glassgpt.sampling.arrays import Array, library
from glassgpt.sampling.choose import NOTHING_LEFT, choose, choose_greedy
from glassgpt.sampling.explained import Drawn, Stage, explain
from glassgpt.sampling.noise import gumbel, key, keys_like
from glassgpt.sampling.params import SamplingParams
from glassgpt.sampling.process import PLAIN, Row, constrain, narrow, process

__all__ = [
    "NOTHING_LEFT",
    "PLAIN",
    "Array",
    "Drawn",
    "Row",
    "SamplingParams",
    "Stage",
    "choose",
    "choose_greedy",
    "constrain",
    "explain",
    "gumbel",
    "key",
    "keys_like",
    "library",
    "narrow",
    "process",
]
