"""Two models of one vocabulary on the same texts: how far apart they are in what they expect."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.evaluate.passages import Report
from glassgpt.model import GPT2


@dataclass(frozen=True, slots=True)
class Difference:
    """Means over all tokens but the first of each text."""

    bits: float
    """Surprise of the first model at a token."""
    more_bits: float
    """By how much that of the second is greater."""
    divergence: float
    """Kullback and Leibler's, of the second model's expectations from the first's, in nats."""
    agreement: float
    """How often both find the same token likeliest."""
    tokens: int


@torch.inference_mode()
def compare(
    first: GPT2, second: GPT2, ids: Int[Tensor, "S T"], *, report: Report = lambda done, goal: None
) -> Difference:
    """Let both read each text; `report` is told how many texts are done."""
    if ids.shape[1] < 2 or not len(ids):
        raise InvalidParameter("ids", tuple(ids.shape), "must be texts of two tokens at least")
    sums = torch.zeros(4, dtype=torch.float64)
    for done, text in enumerate(ids, start=1):
        left, right = (model(text[None, :-1])[0].float().log_softmax(dim=-1) for model in (first, second))
        sums += difference(left, right, text[1:])
        report(done, len(ids))
    count = ids[:, 1:].numel()
    nats, other, divergence, agreed = (sums / count).tolist()
    return Difference(nats / math.log(2), (other - nats) / math.log(2), divergence, agreed, count)


def difference(
    left: Float[Tensor, "T V"], right: Float[Tensor, "T V"], following: Int[Tensor, " T"]
) -> Float[Tensor, " 4"]:
    """Sums over a text, from log-probabilities: surprise of either at what follows, divergence, agreements."""
    surprise = [-side.gather(1, following[:, None]).sum() for side in (left, right)]
    divergence = (left.exp() * (left - right)).sum()
    agreed = (left.argmax(dim=1) == right.argmax(dim=1)).sum()
    return torch.stack([*surprise, divergence, agreed]).double()
