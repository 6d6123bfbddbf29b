"""Stored tensors in, a model out, at the memory of the model plus one tensor; and back.

The model is built without memory ("meta" device), every name and shape is checked, and only then are tensors read one
by one and put in place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from glassgpt.checkpoints.integers_file import StoredIntegers
from glassgpt.checkpoints.json_file import shown
from glassgpt.checkpoints.layout import Form, Layout
from glassgpt.checkpoints.stored import Stored
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2, GPT2Config, tally

QKV_BIAS = ".attn.c_attn.bias"
_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Survey:
    """What the files of a model hold, found complete and of the right shapes, before any tensor is read."""

    config: GPT2Config
    places: Mapping[str, tuple[Stored, Form]]
    integers: Mapping[str, StoredIntegers] = field(default_factory=dict)
    """Matrices that are stored as integers; a model computes with the numbers they stand for."""

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Our names, and views in our shapes, one tensor in memory at a time."""
        for name, (stored, form) in self.places.items():
            yield name, form.to_ours(stored.read())
        for name, integers in self.integers.items():
            yield name, torch.from_numpy(integers.read().floats())


def assemble(survey: Survey, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> GPT2:
    """Build the model in eval mode; `dtype` None keeps the numbers as stored."""
    with torch.device("meta"), _WithoutFirstValues():
        model = GPT2(survey.config)
    state = _read(survey, dtype, torch.device(device))
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()


class _WithoutFirstValues(TorchFunctionMode):
    """Skip drawing the random numbers that modules start with.

    They would be thrown away, and without memory to hold them PyTorch first loads 800 modules, which takes a second.
    """

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """Leave the tensor as it is; do everything else as usual."""
        given = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__ and "tensor" in given:
            return given["tensor"]
        return func(*args, **given)


def _read(survey: Survey, dtype: torch.dtype | None, device: torch.device) -> dict[str, Tensor]:
    """Every tensor in memory of its own, in row order: what a matrix product reads fastest.

    What has to be turned, converted or moved passes through one piece of memory, used again and again: taking a new one
    each time leaves holes that cost a third of the model.
    """
    as_stored = {name: _is_final(*place, dtype, device) for name, place in survey.places.items()}
    sizes = (stored.size for name, (stored, _) in survey.places.items() if not as_stored[name])
    scratch = torch.empty(max(sizes, default=0), dtype=torch.uint8)
    state = {}
    for name, (stored, form) in survey.places.items():
        tensor = form.to_ours(stored.read(None if as_stored[name] else scratch))
        if not as_stored[name]:
            tensor = torch.empty(tensor.shape, dtype=dtype or stored.dtype, device=device).copy_(tensor)
        state[name] = tensor
    for name, integers in survey.integers.items():
        state[name] = torch.from_numpy(integers.read().floats()).to(dtype=dtype, device=device)
    return state


def _is_final(stored: Stored, form: Form, dtype: torch.dtype | None, device: torch.device) -> bool:
    return form is Form.SAME and dtype in (None, stored.dtype) and device.type == "cpu"


def disassemble(model: GPT2, layout: Layout) -> dict[str, Tensor]:
    """The model's tensors under their stored names and shapes, as views."""
    return lay_out(model.config, dict(model.named_parameters()), layout)


def lay_out(config: GPT2Config, weights: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Weights under their stored names and shapes, as views.

    No format can leave out the bias of queries, keys and values: where the model has none, zeros stand in for it.
    """
    tensors = {}
    for row in tally(replace(config, qkv_bias=True)):
        theirs, form = _place(row.name, layout)
        absent = not config.qkv_bias and row.name.endswith(QKV_BIAS)
        ours = weights["wte.weight"].new_zeros(row.shape) if absent else weights[row.name]
        tensors[theirs] = form.to_theirs(ours.detach())
    return tensors


def survey(
    config: GPT2Config,
    found: Mapping[str, Stored],
    layout: Layout,
    origin: str,
    integers: Mapping[str, StoredIntegers] | None = None,
) -> Survey:
    """Match files and config; every name that is missing, left over or of another shape is listed."""
    integers = integers or {}
    expected = {name: row for name, row in _expected(config, layout).items() if row[0] not in integers}
    wrong = [
        f"{name} is {_sizes(found[name].shape)}, should be {_sizes(shape)}"
        for name, (_, _, shape) in expected.items()
        if name in found and found[name].shape != shape
    ]
    wrong += [f"{name} holds {found[name].dtype}" for name in expected if name in found and not _is_real(found[name])]
    problems = {
        "missing": [name for name in expected if name not in found],
        "unknown": [name for name in found if name not in expected],
        "wrong": wrong,
    }
    if any(problems.values()):
        parts = [f"\n  {kind}: {_some(names)}" for kind, names in problems.items() if names]
        raise CheckpointError(
            f"The tensors in {origin} are not those that its configuration describes:{''.join(parts)}"
        )
    places = {ours: (found[theirs], form) for theirs, (ours, form, _) in expected.items()}
    return Survey(config, places, integers)


def _expected(config: GPT2Config, layout: Layout) -> dict[str, tuple[str, Form, tuple[int, ...]]]:
    expected = {}
    for tensor in tally(config):
        theirs, form = _place(tensor.name, layout)
        expected[theirs] = (tensor.name, form, form.shape(tensor.shape))
    return expected


def _place(name: str, layout: Layout) -> tuple[str, Form]:
    place = layout.theirs(name)
    if place is None:
        raise CheckpointError(f"{layout.title} files have no place for {name}.")
    return place


def _is_real(stored: Stored) -> bool:
    return stored.dtype.is_floating_point


def _sizes(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _some(items: list[str]) -> str:
    listed = ", ".join(shown(item) for item in items[:_MOST_LISTED])
    return listed + (f" and {len(items) - _MOST_LISTED:,} more" if len(items) > _MOST_LISTED else "")
