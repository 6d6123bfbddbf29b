"""Batch in, weights changed: accumulate, clip, update."""

import torch
from torch import Tensor

from glassgpt.data import Batch
from glassgpt.train.optimizer import Updater
from glassgpt.train.ranks import ALONE, Ranks
from glassgpt.train.working import Worker


def train_step(worker: Worker, updater: Updater, batch: Batch, rate: float) -> tuple[Tensor, Tensor]:
    """One update; returns the mean loss in nats a token and the length of the gradient, both still on the device."""
    loss, norm = gradients(worker, batch)
    updater.step(rate)
    return loss, norm


def gradients(worker: Worker, batch: Batch, ranks: Ranks = ALONE) -> tuple[Tensor, Tensor]:
    """Fill in the gradients, clipped; returns the mean loss and the gradient's length before clipping.

    `batch` holds the rows this rank reads; loss and gradients are those of all rows. No weight is changed yet: what is
    wrong with a step shows here, before the update. Every micro-batch is weighed by its share of the counted tokens, so
    accumulating changes nothing but memory.
    """
    device, recipe = worker.model.wte.weight.device, worker.recipe
    tokens = max(1, int(ranks.total(torch.tensor(batch.counted))))  # a batch of prompts alone teaches nothing
    total = torch.zeros((), device=device)
    ranks.begin(worker.model)
    worker.begin()
    for start in range(0, len(batch.ids), recipe.micro_rows):
        part = batch.rows(start, start + recipe.micro_rows).to(device)
        loss = worker.loss_sum(part) / tokens
        loss.backward()
        total += loss.detach()
    return ranks.total(total), ranks.settle(worker.model, recipe.optimizer.clip)
