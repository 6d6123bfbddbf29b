"""Step in, learning rate out, as a share of the peak."""

import math

from glassgpt.train.settings import Schedule


def rate(schedule: Schedule, step: int, steps: int) -> float:
    """The share of the peak rate for update `step`, counted from 0, of a run of `steps`."""
    if step < schedule.warmup_steps:
        return (step + 1) / schedule.warmup_steps
    return schedule.final + (1 - schedule.final) * _height(schedule, step, steps)


def _height(schedule: Schedule, step: int, steps: int) -> float:
    """How much of the way from the peak down to the final rate is left, 1 to 0."""
    done = min((step - schedule.warmup_steps) / max(1, steps - schedule.warmup_steps), 1.0)
    match schedule.shape:
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        case "linear":
            return 1.0 - done
        case "trapezoid":
            return min((steps - step) / max(1.0, schedule.cooldown * steps), 1.0)
        case _:
            return 1.0
