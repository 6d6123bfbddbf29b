"""Where the model runs: a wish in, a device and a number format out, with the reason.

PyTorch is imported when it has to be asked: where a machine has nothing but CPUs, that can be seen without it.
"""

import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glassgpt.errors import InvalidParameter

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16", "float64")
"""Number formats of weights, as PyTorch calls them."""
SIGNS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")
"""What a Linux system has where PyTorch could find a GPU: NVIDIA's, AMD's, Windows' own under WSL."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A device, the format of the weights there, and why."""

    device: "torch.device"
    dtype: "torch.dtype"
    reason: str


def resolve(device: str = "auto", dtype: str = "auto") -> Placement:
    """Choose a device; `auto` takes a CUDA GPU, then an Apple GPU, then the CPU.

    Raises InvalidParameter for a device or format that is not to be had here.
    """
    chosen, reason = _device(device)
    return Placement(chosen, dtype_of(dtype), reason)


def dtype_of(name: str) -> "torch.dtype":
    """PyTorch's object for a name; `auto` is float32."""
    import torch

    if name != "auto" and name not in DTYPES:
        raise InvalidParameter("dtype", name, f"must be auto or one of {', '.join(DTYPES)}")
    return getattr(torch, "float32" if name == "auto" else name)


def is_cpu(wish: str) -> bool:
    """Whether `resolve` would choose the CPU; PyTorch is imported only if something here looks like a GPU."""
    if wish != "auto":
        return wish == "cpu"
    return _has_nothing_else() or resolve().device.type == "cpu"


def _has_nothing_else() -> bool:
    if sys.platform == "linux":
        return not any(Path(sign).exists() for sign in SIGNS)
    if sys.platform == "darwin":
        return platform.machine() == "x86_64"
    return False


def _device(wish: str) -> "tuple[torch.device, str]":
    import torch

    if wish == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda"), f"auto: {torch.cuda.get_device_name()} found"
        if torch.backends.mps.is_available():
            return torch.device("mps"), "auto: Apple GPU found"
        return torch.device("cpu"), f"auto: no GPU found, {torch.get_num_threads()} CPU threads"
    try:
        device = torch.device(wish)
    except RuntimeError as error:
        raise InvalidParameter("device", wish, "must be auto, cpu, mps, cuda or cuda:N") from error
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(device.type, False):
        have = ", ".join(name for name, there in available.items() if there)
        raise InvalidParameter("device", wish, f"PyTorch finds none here; use one of: auto, {have}")
    return device, f"asked for {wish}"
