"""What the files of a model hold: every name and shape checked, before any number is read.

Layouts (`layout.py`) say what a format calls each tensor; here the tensors that were found are matched with those that
a configuration describes, and a model's own are given the names of a format.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from glassgpt.checkpoints.integers_file import StoredIntegers
from glassgpt.checkpoints.json_file import shown
from glassgpt.checkpoints.layout import Form, Layout
from glassgpt.checkpoints.stored import Stored
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2Config, tally

if TYPE_CHECKING:
    from torch import Tensor

    from glassgpt.model import GPT2

QKV_BIAS = ".attn.c_attn.bias"
_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Survey:
    """What the files of a model hold, found complete and of the right shapes, before any tensor is read."""

    config: GPT2Config
    places: Mapping[str, tuple[Stored, Form]]
    integers: Mapping[str, StoredIntegers] = field(default_factory=dict)
    """Matrices that are stored as integers; a model computes with the numbers they stand for."""

    def tensors(self) -> "Iterator[tuple[str, Tensor]]":
        """Our names, and views in our shapes, one tensor in memory at a time."""
        import torch

        for name, (stored, form) in self.places.items():
            yield name, form.to_ours(stored.read())
        for name, integers in self.integers.items():
            yield name, torch.from_numpy(integers.read().floats())


def disassemble(model: "GPT2", layout: Layout) -> "dict[str, Tensor]":
    """The model's tensors under their stored names and shapes, as views."""
    return lay_out(model.config, dict(model.named_parameters()), layout)


def lay_out(config: GPT2Config, weights: "Mapping[str, Tensor]", layout: Layout) -> "dict[str, Tensor]":
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
