"""Model and tokens in, loss out: nats a token, bits per byte, perplexity.

Bits per byte compare models with different vocabularies: all the surprise, divided by the bytes of the text.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2


@dataclass(frozen=True, slots=True)
class Loss:
    """How surprised a model was by a text."""

    nats: float
    """Summed over the tokens that were predicted."""
    tokens: int
    text_bytes: int

    @property
    def nats_per_token(self) -> float:
        """The number a training log shows."""
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        """The number that does not depend on the vocabulary."""
        return self.nats / math.log(2) / self.text_bytes

    @property
    def perplexity(self) -> float:
        """Per token."""
        return math.exp(self.nats_per_token)


@torch.inference_mode()
def loss_of(model: GPT2, tokens: np.ndarray, text_bytes: int, *, stride: int | None = None, rows: int = 32) -> Loss:
    """Predict every token after the first from those before it in a window of the model's context.

    Windows start `stride` tokens apart (default: half the context), and each predicts only what the one before did
    not reach, so every token but the earliest is read with at least context - stride tokens before it.
    """
    context = model.config.context_length
    stride = max(1, context // 2) if stride is None else stride
    if not 1 <= stride <= context:
        raise InvalidParameter("stride", stride, f"must be in 1..{context}")
    was_training, total, counted = model.training, 0.0, 0
    model.eval()
    for ids, targets in _windows(tokens, context, stride, rows):
        device = model.wte.weight.device
        logits = model(ids.to(device)).float()
        total += F.cross_entropy(logits.flatten(0, 1), targets.to(device).flatten(), reduction="sum").item()
        counted += int((targets != -100).sum())
    model.train(was_training)
    if not counted:
        raise InvalidParameter("tokens", len(tokens), "at least two are needed: the first is only read")
    return Loss(total, counted, text_bytes)


def _windows(
    tokens: np.ndarray, context: int, stride: int, rows: int
) -> Iterator[tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]]:
    """Batches of windows; what an earlier window predicted has the target -100, and so has padding."""
    batch: list[tuple[Tensor, Tensor]] = []
    done = 1  # tokens[:done] are predicted, or the first, which cannot be
    for start in range(0, len(tokens) - 1, stride):
        window = torch.from_numpy(tokens[start : start + context + 1].astype(np.int64))
        ids, targets = window[:-1].clone(), window[1:].clone()
        targets[: done - start - 1] = -100
        done = start + len(window)
        pad = context - len(ids)
        batch.append((F.pad(ids, (0, pad)), F.pad(targets, (0, pad), value=-100)))
        if len(batch) == rows:
            yield torch.stack([ids for ids, _ in batch]), torch.stack([targets for _, targets in batch])
            batch = []
        if done == len(tokens):
            break
    if batch:
        yield torch.stack([ids for ids, _ in batch]), torch.stack([targets for _, targets in batch])
