"""Which backend a model gets: the native kernels where they run, PyTorch everywhere else."""

from typing import TYPE_CHECKING

from glassgpt.checkpoints.unread import Unread
from glassgpt.device import is_cpu
from glassgpt.engine.backend import Backend
from glassgpt.engine.native_backend import NativeBackend, Report, need_known_cache
from glassgpt.engine.packed_cache import Kept, find, keep
from glassgpt.errors import InvalidParameter
from glassgpt.kernels import FORMATS, Unavailable, unavailable

if TYPE_CHECKING:
    from glassgpt.model import GPT2

NAMES = ("auto", "native", "torch")


def open_backend(
    model: "GPT2",
    name: str = "auto",
    *,
    weights: str | None = None,
    kv_cache: str | None = None,
    threads: int | None = None,
) -> Backend:
    """Make a backend. "auto" takes native kernels unless `why_not_native` has a reason; packed weights need them.

    `weights` is "float32", "bfloat16", "int8" or "int4"; None keeps the model's own type. `kv_cache`, the format of
    keys and values, and `threads` are for the native kernels; None takes what suits the model.
    """
    from glassgpt.engine.native_weights import why_not_native
    from glassgpt.engine.torch_backend import TorchBackend

    _check(name)
    if name == "native" or (name == "auto" and why_not_native(model) is None):
        return NativeBackend.of(model, weights=weights, kv_cache=kv_cache, threads=threads)
    need_no_format(str(model.wte.weight.dtype).removeprefix("torch."), weights=weights, kv_cache=kv_cache)
    return TorchBackend(model)


def open_native(
    unread: Unread,
    name: str = "auto",
    *,
    weights: str | None = None,
    kv_cache: str | None = None,
    threads: int | None = None,
    cache: bool = True,
    report: Report | None = None,
) -> NativeBackend | Unavailable:
    """The same for a model that is still on disk: without PyTorch, if its packed weights are there already.

    `weights` None takes the integers that the files hold, or else the model's own type. Packed weights are kept for the
    next time unless `cache` is False. Where native kernels are not to be had, why.
    """
    _check(name)
    reason = Unavailable("PyTorch's were asked for", "ask for native ones") if name == "torch" else _why_not(unread)
    if reason is not None:
        if name == "native":
            raise InvalidParameter("backend", "native", f"{reason.reason}: {reason.advice}")
        return reason
    need_known_cache(kv_cache)
    weights = _stored(unread) if weights is None else weights
    if weights not in FORMATS:
        raise InvalidParameter("weights", weights, f"must be one of {', '.join(FORMATS)}")
    kept = find(unread, weights) if cache else None
    if kept is None:
        kept = _pack(unread, weights, cache, report)
    folder = None if cache else False
    return NativeBackend(kept.config, kept.weights, kv_cache=kv_cache, threads=threads, folder=folder, report=report)


def need_no_format(own: str, **asked: str | None) -> None:
    """Refuse formats of the native kernels where PyTorch's run."""
    for name, value in asked.items():
        if value is not None and value != own:
            advice = "must be left out with PyTorch's kernels, which use the model's own type"
            raise InvalidParameter(name, value, advice)


def _stored(unread: Unread) -> str:
    """In which format the files hold the matrices, or PyTorch would."""
    quantization = unread.quantization
    if quantization is not None:
        return quantization.weights
    return "float32" if unread.dtype == "auto" else unread.dtype


def _pack(unread: Unread, weights: str, cache: bool, report: Report | None) -> Kept:
    """Pack the model and keep it; what was kept is read again, so that it is used as it will be next time."""
    from glassgpt.engine.native_weights import pack_stored

    if report is not None:
        report(f"packing the weights as {weights}, once", 0, 0)
    before, survey = unread.stamp, unread.survey()
    made = Kept(survey.config, pack_stored(survey, "float32" if unread.dtype == "auto" else unread.dtype, weights))
    changed = unread.stamp != before  # somebody is changing the files: nobody knows what was read
    if not cache or changed or not keep(unread, weights, made):
        return made
    del made  # never two of them in memory
    return find(unread, weights) or _pack(unread, weights, cache=False, report=None)


def _why_not(unread: Unread) -> Unavailable | None:
    if not is_cpu(unread.device):
        return Unavailable(f"the model lies on {unread.device}", "ask for the CPU")
    if unread.dtype not in ("auto", "float32", "bfloat16"):
        return Unavailable(f"the model is {unread.dtype}", "load it as float32 or bfloat16")
    return unavailable()


def _check(name: str) -> None:
    if name not in NAMES:
        raise InvalidParameter("backend", name, f"must be one of {', '.join(NAMES)}")
