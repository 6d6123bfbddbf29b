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
    from glassgpt.language_model import LanguageModel

SMALL = 30_000_000
"""Parameters up to which one thread is the better choice: on two cores a second one adds a fifth to the speed of the
model that ships, and where another program wants a core it costs half of it and more, for each waits for the other."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Importing PyTorch makes a million objects that stay: not looking for garbage among them saves a fifth of it."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def open_model(where: str, place: Place, out: Terminal) -> "LanguageModel":
    """Load a model onto the device, in the format and for the kernels that were asked for."""
    kernels = place if isinstance(place, Kernels) else Kernels()
    weights = None if kernels.weights == "auto" else kernels.weights
    with no_collection():
        import torch

        from glassgpt.language_model import load
        from glassgpt.model import parameter_count

        if place.threads:
            torch.set_num_threads(place.threads)
        start = time.perf_counter()
        with progress(out) as report:
            lm = load(
                where,
                device=place.device,
                dtype=place.dtype,
                backend=kernels.backend,
                weights=weights,
                progress=report,
            )
        if not place.threads and parameter_count(lm.config) <= SMALL:
            torch.set_num_threads(1)
        if isinstance(place, Kernels):
            _make_backend(lm, out)
    if out.options.verbose:
        weight, threads = lm.model.wte.weight, torch.get_num_threads()
        seconds = time.perf_counter() - start
        out.talk(f"{lm.name}: {lm.path}, {weight.dtype} on {weight.device}, {threads} threads, read in {seconds:.2f} s")
    return lm


def _make_backend(lm: "LanguageModel", out: Terminal) -> None:
    """Pack and compile now, and say so if native kernels were possible but are not."""
    from glassgpt.engine import NativeBackend, why_not_native

    native = isinstance(lm.backend, NativeBackend)
    reason = why_not_native(lm.model)
    if not native and reason is not None and out.options.verbose:
        out.talk(f"{reason}: PyTorch's kernels run")
