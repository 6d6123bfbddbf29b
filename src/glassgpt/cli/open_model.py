"""From a name to a model that is ready to write, as fast as it can be."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glassgpt.cli.options import Kernels, Place
from glassgpt.cli.progress import progress
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.engine import NativeBackend
    from glassgpt.language_model import LanguageModel


@contextmanager
def no_collection() -> Iterator[None]:
    """Importing PyTorch makes a million objects that stay: not looking for garbage among them saves a fifth of it."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def open_model(where: str, place: Place, out: Terminal, kernels: Kernels | None = None) -> "LanguageModel":
    """Load a model onto the device, in the format and for the kernels that were asked for.

    A verb whose flags do not ask for kernels looks into the model itself, which is PyTorch's.
    """
    kernels = kernels or (place if isinstance(place, Kernels) else Kernels(backend="torch"))
    start = time.perf_counter()
    with no_collection():
        from glassgpt.engine import NativeBackend
        from glassgpt.language_model import load

        with progress(out) as report:
            lm = load(
                where,
                device=place.device,
                dtype=place.dtype,
                backend=kernels.backend,
                weights=None if kernels.weights == "auto" else kernels.weights,
                kv_cache=None if kernels.kv_cache == "auto" else kernels.kv_cache,
                threads=place.threads or None,
                cache=kernels.cache,
                progress=report,
            )
        backend = lm.backend if kernels.backend != "torch" else None
        said = _native(backend) if isinstance(backend, NativeBackend) else _torch(lm, place.threads, kernels, out)
    if out.options.verbose:
        out.talk(f"{lm.name}: {lm.path}, {said}, read in {time.perf_counter() - start:.2f} s")
    return lm


def _native(backend: "NativeBackend") -> str:
    return f"native kernels, {backend.weights}, {backend.threads} threads"


def _torch(lm: "LanguageModel", threads: int, kernels: Kernels, out: Terminal) -> str:
    """Choose PyTorch's threads; on a CPU, where our own kernels are expected, say why they do not run."""
    import torch

    from glassgpt.engine import SMALL, why_not_native
    from glassgpt.model import parameter_count

    if threads or parameter_count(lm.config) <= SMALL:
        torch.set_num_threads(threads or 1)
    weight = lm.model.wte.weight
    reason = why_not_native(lm.model)
    if kernels.backend == "auto" and weight.device.type == "cpu" and reason is not None:
        out.talk(f"{reason}: PyTorch's kernels run")
    return f"{weight.dtype} on {weight.device}, {torch.get_num_threads()} threads"
