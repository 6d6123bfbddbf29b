"""Where the model runs: a wish in, a device and a number format out, with the reason."""

from dataclasses import dataclass

import torch

from glassgpt.errors import InvalidParameter

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """A device, the format of the weights there, and why."""

    device: torch.device
    dtype: torch.dtype
    reason: str


def resolve(device: str = "auto", dtype: str = "auto") -> Placement:
    """Choose a device; `auto` takes a CUDA GPU, then an Apple GPU, then the CPU.

    Raises InvalidParameter for a device or format that is not to be had here.
    """
    chosen, reason = _device(device)
    if dtype != "auto" and dtype not in DTYPES:
        raise InvalidParameter("dtype", dtype, f"must be auto or one of {', '.join(DTYPES)}")
    return Placement(chosen, DTYPES.get(dtype, torch.float32), reason)


def _device(wish: str) -> tuple[torch.device, str]:
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
