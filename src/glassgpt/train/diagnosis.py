"""A bad step in, a file out that shows what was in it: the batch, and the gradient of every weight."""

import json
import math
from pathlib import Path

from glassgpt.checkpoints.atomic import new_file
from glassgpt.data import Batch
from glassgpt.model import GPT2


def write_diagnosis(folder: Path, step: int, number: int, batch: Batch, model: GPT2, reason: str) -> Path:
    """Write `step-XXXXXXXX.json`: the reason, the batch's number and ids, and each gradient's length.

    Lengths that are no finite number stand as words, since JSON has no numbers for them.
    """
    lengths = {
        name: _plain(parameter.grad.float().norm().item())
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    path = folder / f"step-{step:08d}.json"
    with new_file(path) as temporary:
        found = {"step": step, "reason": reason, "batch": number, "gradients": lengths, "ids": batch.ids.tolist()}
        temporary.write_text(json.dumps(found) + "\n")
    return path


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
