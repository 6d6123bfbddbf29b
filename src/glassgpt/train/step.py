"""Batch in, weights changed: accumulate, clip, update."""

from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from glassgpt.data import Batch
from glassgpt.data.batch import IGNORED
from glassgpt.model import GPT2, NOTHING, Past
from glassgpt.model.isolated import Isolated
from glassgpt.train.optimizer import Updater
from glassgpt.train.ranks import ALONE, Ranks
from glassgpt.train.recipe import Recipe


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Where matrices are multiplied in bfloat16, or nothing."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def loss_sum(
    model: GPT2, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"], past: Past = NOTHING
) -> Float[Tensor, ""]:
    """Cross-entropy in nats, summed over the tokens; targets of -100 do not count."""
    logits = model(ids, past)
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum")


def train_step(model: GPT2, updater: Updater, recipe: Recipe, batch: Batch, rate: float) -> tuple[Tensor, Tensor]:
    """One update; returns the mean loss in nats a token and the length of the gradient, both still on the device."""
    loss, norm = gradients(model, recipe, batch)
    updater.step(rate)
    return loss, norm


def gradients(model: GPT2, recipe: Recipe, batch: Batch, ranks: Ranks = ALONE) -> tuple[Tensor, Tensor]:
    """Fill in the gradients, clipped; returns the mean loss and the gradient's length before clipping.

    `batch` holds the rows this rank reads; loss and gradients are those of all rows. No weight is changed yet: what is
    wrong with a step shows here, before the update. Every micro-batch is weighed by its share of the counted tokens, so
    accumulating changes nothing but memory.
    """
    device = model.wte.weight.device
    tokens = max(1, int(ranks.total(torch.tensor(batch.counted))))  # a batch of prompts alone teaches nothing
    total = torch.zeros((), device=device)
    for start in range(0, len(batch.ids), recipe.micro_rows):
        part = batch.rows(start, start + recipe.micro_rows).to(device)
        with arithmetic(recipe.precision, device):
            past = NOTHING if part.documents is None else Isolated(part.documents)
            loss = loss_sum(model, part.ids, part.targets, past) / tokens
        loss.backward()
        total += loss.detach()
    return ranks.total(total), ranks.settle(model, recipe.optimizer.clip)


def recompute_blocks(model: GPT2) -> None:
    """Make each block forget its activations and compute them again on the way back."""
    for block in model.h:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
