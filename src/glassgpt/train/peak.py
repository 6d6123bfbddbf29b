"""The most arithmetic this machine was seen to do: what a training step is measured against.

No data sheet knows what a virtual machine's cores reach, so a matrix product at a comfortable size is timed. The share
of it that a model's own arithmetic fills is the model FLOPs utilisation (MFU; Chowdhery et al. 2022).
"""

import time
from functools import cache

import torch

from glassgpt.model.config import GPT2Config
from glassgpt.model.cost import forward_flops

SIDES = {"cpu": (1024, 1024, 3072), "cuda": (8192, 8192, 8192)}
"""Rows, inner width and columns: in the caches of a CPU; large enough to fill a GPU."""
SECONDS = 0.4


@cache
def measure_peak(device: str, precision: str) -> float:
    """Floating-point operations a second of the fastest product seen in half a second, measured once a process.

    `device` is its type, such as cpu; `precision` is a recipe's: float32 multiplies in float32, the others in bfloat16.
    """
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    rows, inner, columns = SIDES.get(device, SIDES["cuda"])
    a = torch.ones(rows, inner, device=device, dtype=dtype)
    b = torch.ones(columns, inner, device=device, dtype=dtype)
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        torch.mm(a, b.mT)
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2.0 * rows * inner * columns / best


def training_flops(config: GPT2Config) -> float:
    """Operations of one trained token: forward once and backward twice, at the mean position of a full window.

    What is computed anew to save memory is not counted: it does not bring the model forward.
    """
    return 3.0 * forward_flops(config, (config.context_length + 1) // 2)


def utilisation(config: GPT2Config, tokens_per_second: float, peak: float) -> float:
    """The share of the peak that a speed amounts to."""
    return tokens_per_second * training_flops(config) / peak
