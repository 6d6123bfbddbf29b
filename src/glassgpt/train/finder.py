"""Recipe and data in, a learning rate out: the rate rises from step to step until the loss does (Smith 2017).

The rate climbs by one factor a step, so the losses show in a hundred steps where learning begins, where it is fastest
and where it breaks. What a long run bears is less than what a short one survives, so the suggestion lies below the rate
of the lowest loss, by `MARGIN`. Muon's rate climbs along, at the recipe's ratio to AdamW's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from glassgpt.data.corpus import Corpus
from glassgpt.errors import InvalidParameter, RunError
from glassgpt.train.learner import learner
from glassgpt.train.recipe import Recipe

SMOOTHING = 0.85
"""How much of the average so far stays in it at each step."""
MARGIN = 4.0
"""The suggestion is the rate of the lowest loss divided by this. On Shakespeare's characters a climb is lowest at
0.009, and over 2,000 steps 0.004 trains better than 0.001: a quarter lies between."""
DIVERGED = 1.25
"""The climb ends where the smoothed loss is this many times the lowest one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The climb, step by step, and what follows from it."""

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    """Averages of the losses, the last few counting most."""
    suggestion: float
    """For `optimizer.lr`."""
    muon_suggestion: float
    """For `optimizer.muon_lr`, at the recipe's ratio."""
    steepest: float
    """Where the loss falls fastest by the logarithm of the rate."""
    lowest: float
    """Where it is lowest."""
    diverged: bool
    """Whether the climb ended because the loss rose; if not, the highest rate was not high enough to tell."""

    @property
    def reason(self) -> str:
        """Why this rate, in a sentence."""
        end = f"it broke above {self.rates[-1]:.2g}" if self.diverged else f"it had not broken at {self.rates[-1]:.2g}"
        return (
            f"the loss fell fastest at {self.steepest:.2g} and was lowest at {self.lowest:.2g}; {end}; "
            f"a quarter of the lowest leaves room for a long run"
        )


def find_lr(
    recipe: Recipe,
    data: Corpus,
    *,
    low: float = 1e-6,
    high: float = 1.0,
    climb_steps: int = 100,
    device: str = "auto",
    listen: Callable[[int, float, float], None] = lambda step, rate, loss: None,
) -> Finding:
    """Climb from `low` to `high` in `climb_steps` updates of a fresh model; `listen` hears (step, rate, loss).

    Raises InvalidParameter for a climb that cannot be, and RunError where the loss never falls.
    """
    if not 0 < low < high:
        raise InvalidParameter("low", low, f"must be above 0 and below high={high:g}")
    if climb_steps < 10:
        raise InvalidParameter("climb_steps", climb_steps, "must be at least 10")
    trial = learner(recipe, device)
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    for step in range(climb_steps):
        rate = low * (high / low) ** (step / (climb_steps - 1))
        loss = trial.step(step, data.batch(step), rate / recipe.optimizer.lr)
        if not math.isfinite(loss):
            return finding(recipe, rates, losses, smoothed, diverged=True)
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        rates.append(rate)
        losses.append(loss)
        smoothed.append(average / (1 - SMOOTHING ** (step + 1)))  # the average began at 0
        listen(step + 1, rate, loss)
        if smoothed[-1] > DIVERGED * min(smoothed):
            return finding(recipe, rates, losses, smoothed, diverged=True)
    return finding(recipe, rates, losses, smoothed, diverged=False)


def finding(
    recipe: Recipe, rates: list[float], losses: list[float], smoothed: list[float], *, diverged: bool
) -> Finding:
    """What a climb says."""
    best = min(range(len(smoothed)), key=smoothed.__getitem__) if smoothed else 0
    if best < 2:
        raise RunError(
            f"the loss rises from the first steps on, at a rate of {rates[0] if rates else 0:.2g}: there is nothing to "
            "find. Start lower, or look at the data."
        )
    slopes = [smoothed[k + 1] - smoothed[k] for k in range(best)]  # rates lie evenly by logarithm
    steepest = rates[min(range(best), key=slopes.__getitem__)]
    suggestion = _rounded(rates[best] / MARGIN)
    ratio = recipe.optimizer.muon_lr / recipe.optimizer.lr
    return Finding(
        rates=rates,
        losses=losses,
        smoothed=smoothed,
        suggestion=suggestion,
        muon_suggestion=_rounded(suggestion * ratio),
        steepest=steepest,
        lowest=rates[best],
        diverged=diverged,
    )


def _rounded(rate: float) -> float:
    """Two digits are more than a climb can tell."""
    return float(f"{rate:.1e}")
