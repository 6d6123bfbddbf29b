"""Recipe in, a fresh model ready to learn out: for trials that are no runs, which keep and write nothing."""

from dataclasses import dataclass

import torch

from glassgpt.data import Batch
from glassgpt.data.permutation import mix
from glassgpt.device import resolve
from glassgpt.model import GPT2, initialize
from glassgpt.train.mup import rates, rescale
from glassgpt.train.optimizer import Updater
from glassgpt.train.ranks import ALONE
from glassgpt.train.recipe import Recipe
from glassgpt.train.step import train_step
from glassgpt.train.working import Worker


@dataclass(frozen=True, slots=True)
class Learner:
    """A model with what changes it."""

    recipe: Recipe
    model: GPT2
    worker: Worker
    updater: Updater

    def step(self, number: int, batch: Batch, rate: float) -> float:
        """One update at a share of the peak learning rate, as step `number` of a run; returns its loss in nats."""
        with torch.random.fork_rng():
            torch.manual_seed(mix(self.recipe.seed, number) >> 1)  # for dropout
            loss, _ = train_step(self.worker, self.updater, batch, rate)
        return loss.item()


def learner(recipe: Recipe, device: str = "auto") -> Learner:
    """A model with the recipe's first weights."""
    model = rescale(initialize(GPT2(recipe.model), recipe.seed), recipe.optimizer)
    model.to(resolve(device).device).train()
    updater = Updater(ALONE.spread(model), recipe.optimizer, rates(recipe.model, recipe.optimizer))
    return Learner(recipe, model, Worker(model, recipe), updater)
