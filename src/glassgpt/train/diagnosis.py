"""A bad step in, a file out that shows what was in it: the batch, and the gradient of every weight."""

import json
import math
from pathlib import Path

from glassgpt.checkpoints.atomic import new_file
from glassgpt.data import Batch
from glassgpt.model import GPT2


def diagnose(folder: Path, step: int, number: int, batch: Batch, model: GPT2, reason: str) -> str:
    """Write `step-XXXXXXXX.json`: the reason, the batch's number and ids, and each gradient's length.

    Returns where it is, in words, or why it is not there, which is no reason to end a run. Lengths that are no finite
    number stand as words, since JSON has no numbers for them.
    """
    lengths = {
        name: _plain(parameter.grad.float().norm().item())
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    path = folder / f"step-{step:08d}.json"
    found = {"step": step, "reason": reason, "batch": number, "gradients": lengths, "ids": batch.ids.tolist()}
    try:
        with new_file(path) as temporary:
            temporary.write_text(json.dumps(found) + "\n")
    except OSError as error:
        return f"what was in it could not be written ({error.strerror})"
    return f"{path} shows what was in it"


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
