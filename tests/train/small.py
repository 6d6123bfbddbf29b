"""A model of two blocks, batches for it, and what a worker leaves in its weights."""

from dataclasses import replace

import torch

from glassgpt.data import Batch
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.train.optimizer import Updater
from glassgpt.train.recipe import Recipe
from glassgpt.train.settings import Optimizer
from glassgpt.train.step import gradients, train_step
from glassgpt.train.working import Worker

SHAPE = GPT2Config(vocab_size=50, context_length=16, emb_dim=16, n_heads=2, n_layers=2, drop_rate=0.0)


def plan(**settings) -> Recipe:
    """Eight rows in float32, with some settings changed; those of the optimizer by keyword too."""
    inner = {name: settings.pop(name) for name in ("method", "lr", "clip", "ema", "beta1") if name in settings}
    recipe = Recipe(model=SHAPE, steps=10, rows=8, micro_rows=8, precision="float32", optimizer=Optimizer(**inner))
    return replace(recipe, **settings)


def fresh(recipe: Recipe | None = None) -> GPT2:
    return initialize(GPT2(recipe.model if recipe else SHAPE), 3).train()


def batch(rows: int = 8, masked: float = 0.0, seed: int = 0, documents: bool = False) -> Batch:
    """Random rows, some targets ignored; the first token always counts."""
    generator = torch.Generator().manual_seed(seed)
    ids, targets = torch.randint(50, (2, rows, 16), generator=generator).unbind()
    targets[torch.rand(rows, 16, generator=generator) < masked] = -100
    targets[0, 0] = 1
    starts = torch.rand(rows, 16, generator=generator) < 0.2
    return Batch(ids, targets, starts.cumsum(1) if documents else None)


def left_by(recipe: Recipe, data: Batch) -> tuple[list[torch.Tensor], float]:
    """Gradients and loss."""
    model = fresh(recipe)
    loss, _ = gradients(Worker(model, recipe), data)
    return [p.grad for p in model.parameters() if p.grad is not None], loss.item()


class Training:
    """A model with its worker and updater."""

    def __init__(self, recipe: Recipe) -> None:
        self.model = fresh(recipe)
        self.worker = Worker(self.model, recipe)
        self.updater = Updater(dict(self.model.named_parameters()), recipe.optimizer)

    def go(self, first: int, last: int) -> None:
        """Updates on the batches of these steps."""
        for step in range(first, last):
            train_step(self.worker, self.updater, batch(seed=step), 1.0)

    def learn(self, steps: int) -> list[float]:
        """The losses of updates on one batch."""
        return [train_step(self.worker, self.updater, batch(), 1.0)[0].item() for _ in range(steps)]

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: weight.detach().clone() for name, weight in self.model.named_parameters()}

    def kept(self) -> dict[str, torch.Tensor]:
        """The weights that are evaluated and saved."""
        return {name: weight.clone() for name, weight in self.updater.weights().items()}
