"""Twenty steps on random tokens, for a process alone or for each of several ranks: losses, lengths, weights."""

from dataclasses import replace

import torch
from torch import Tensor

from glassgpt.data import Batch
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.train.meeting import gathered
from glassgpt.train.optimizer import Updater
from glassgpt.train.recipe import Recipe
from glassgpt.train.settings import Optimizer, Parallel
from glassgpt.train.step import gradients
from glassgpt.train.working import Worker

SHAPE = GPT2Config(vocab_size=61, context_length=16, emb_dim=24, n_heads=4, n_layers=2, drop_rate=0.0)
PLAIN = Recipe(model=SHAPE, steps=20, rows=8, micro_rows=2, precision="float32", loss_rows=0)
CPU = torch.device("cpu")

CASES: dict[str, dict[str, object]] = {
    "copies": {},
    "fsdp": {"parallel": Parallel(shard="fsdp")},
    "tensor": {"parallel": Parallel(tensor=2)},
    "grid": {"parallel": Parallel(shard="fsdp", tensor=2)},
}


def recipe(case: str, method: str) -> Recipe:
    return replace(PLAIN, optimizer=Optimizer(method=method, lr=3e-4), **CASES[case])


def batch(step: int) -> Batch:
    """Eight rows whose counted targets are spread unevenly: some rows have nearly none."""
    generator = torch.Generator().manual_seed(step)
    ids = torch.randint(61, (8, 17), generator=generator)
    targets = ids[:, 1:].clone()
    targets[torch.rand(8, 16, generator=generator) < torch.linspace(0, 0.9, 8)[:, None]] = -100
    return Batch(ids[:, :-1], targets)


def twenty_steps(settings: Recipe) -> tuple[list[float], list[float], dict[str, Tensor]]:
    """Losses, gradient lengths before clipping, and on rank 0 the weights at the end, whole."""
    with gathered(settings, CPU) as ranks:
        model = initialize(GPT2(SHAPE), 3)
        parts = ranks.spread(model)
        updater, worker = Updater(parts, settings.optimizer), Worker(model, settings)
        losses, lengths = [], []
        for step in range(settings.steps):
            loss, norm = gradients(worker, batch(step).rows(*ranks.rows(settings.rows)), ranks)
            updater.step(1.0)
            losses.append(loss.item())
            lengths.append(norm.item())
        weights = ranks.collect({name: part.detach().clone() for name, part in parts.items()}, lambda name: name)
    return losses, lengths, weights
