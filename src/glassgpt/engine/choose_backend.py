"""Which backend a model gets: the native kernels where they run, PyTorch everywhere else."""

from glassgpt.engine.backend import Backend
from glassgpt.engine.native_backend import NativeBackend, why_not_native
from glassgpt.engine.torch_backend import TorchBackend
from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2

NAMES = ("auto", "native", "torch")


def open_backend(model: GPT2, name: str = "auto", *, weights: str | None = None, threads: int | None = None) -> Backend:
    """Make a backend. "auto" takes native kernels unless `why_not_native` has a reason; packed weights need them.

    `weights` is "float32", "bfloat16", "int8" or "int4"; None keeps the model's own type. `threads` is for the native
    kernels; None takes as many as PyTorch uses.
    """
    if name not in NAMES:
        raise InvalidParameter("backend", name, f"must be one of {', '.join(NAMES)}")
    if name == "native" or (name == "auto" and why_not_native(model) is None):
        return NativeBackend(model, weights=weights, threads=threads)
    if weights is not None and weights != str(model.wte.weight.dtype).removeprefix("torch."):
        advice = "must be left out with PyTorch's kernels, which use the model's own type"
        raise InvalidParameter("weights", weights, advice)
    return TorchBackend(model)
