"""Step in, learning rate out, as a share of the peak."""

import math

from glassgpt.train.recipe import Schedule


def rate(schedule: Schedule, step: int, steps: int) -> float:
    """The share of the peak rate for update `step`, counted from 0, of a run of `steps`."""
    if step < schedule.warmup_steps:
        return (step + 1) / schedule.warmup_steps
    if schedule.shape == "cosine":
        done = (step - schedule.warmup_steps) / max(1, steps - schedule.warmup_steps)
        return schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    left = (steps - step) / max(1.0, schedule.cooldown * steps)
    return schedule.final + (1 - schedule.final) * min(left, 1.0)
