"""Logits in, a choice out: settings, filters, noise and the draw. Start with `params.py`, then `process.py`."""

from glassgpt.sampling.choose import NOTHING_LEFT, choose, choose_greedy
from glassgpt.sampling.noise import gumbel, key, keys_tensor
from glassgpt.sampling.params import SamplingParams
from glassgpt.sampling.process import PLAIN, Row, constrain, narrow, process

__all__ = [
    "NOTHING_LEFT",
    "PLAIN",
    "Row",
    "SamplingParams",
    "choose",
    "choose_greedy",
    "constrain",
    "gumbel",
    "key",
    "keys_tensor",
    "narrow",
    "process",
]
