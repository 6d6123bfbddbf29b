"""Stored tensors in, a model out, at the memory of the model plus one tensor; and back.

The model is built without memory ("meta" device), every name and shape is checked, and only then are tensors read one
by one and put in place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

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

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Our names, and views in our shapes, one tensor in memory at a time."""
        for name, (stored, form) in self.places.items():
            yield name, form.to_ours(stored.read())


def assemble(survey: Survey, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu") -> GPT2:
    """Build the model in eval mode; `dtype` None keeps the numbers as stored."""
    with torch.device("meta"):
        model = GPT2(survey.config)
    # Each tensor in memory of its own, in row order: what a matrix product reads fastest.
    state = {name: tensor.to(device=device, dtype=dtype).contiguous() for name, tensor in survey.tensors()}
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()


def disassemble(model: GPT2, layout: Layout) -> dict[str, Tensor]:
    """The model's tensors under their stored names and shapes, as views.

    No format can leave out the bias of queries, keys and values: where the model has none, zeros stand in for it.
    """
    tensors = {}
    for row in tally(replace(model.config, qkv_bias=True)):
        theirs, form = _place(row.name, layout)
        absent = not model.config.qkv_bias and row.name.endswith(QKV_BIAS)
        ours = model.wte.weight.new_zeros(row.shape) if absent else model.get_parameter(row.name)
        tensors[theirs] = form.to_theirs(ours.detach())
    return tensors


def survey(config: GPT2Config, found: Mapping[str, Stored], layout: Layout, origin: str) -> Survey:
    """Match files and config; every name that is missing, left over or of another shape is listed."""
    expected = _expected(config, layout)
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
    return Survey(config, {ours: (found[theirs], form) for theirs, (ours, form, _) in expected.items()})


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
    listed = ", ".join(item[:200] for item in items[:_MOST_LISTED])
    return listed + (f" and {len(items) - _MOST_LISTED:,} more" if len(items) > _MOST_LISTED else "")
