"""Stored tensors in, a model out, at the memory of the model plus one tensor.

The model is built without memory ("meta" device), every name and shape is checked, and only then are tensors read one
by one and put in place.
"""

from collections.abc import Iterable, Mapping

import torch

from glassgpt.checkpoints.layout import Form, Layout
from glassgpt.checkpoints.stored import Stored
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2, GPT2Config, tally

_MOST_LISTED = 20


def assemble(
    config: GPT2Config,
    found: Mapping[str, Stored],
    layout: Layout,
    origin: str,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> GPT2:
    """Build the model from tensors named as `layout` says; `dtype` None keeps the numbers as stored."""
    places = match(config, found, layout, origin)
    with torch.device("meta"):
        model = GPT2(config)
    state = {}
    for name, (stored, form) in places.items():
        # `contiguous` after `to`: a narrow type is widened before it is turned, and nothing is copied twice.
        state[name] = form.to_ours(stored.read()).to(device=device, dtype=dtype or stored.dtype).contiguous()
    model.load_state_dict(state, strict=True, assign=True)
    return model.eval()


def match(
    config: GPT2Config, found: Mapping[str, Stored], layout: Layout, origin: str
) -> dict[str, tuple[Stored, Form]]:
    """Where each of the model's tensors is stored; every name that is missing, left over or misshapen is listed."""
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
    return {ours: (found[theirs], form) for theirs, (ours, form, _) in expected.items()}


def _expected(config: GPT2Config, layout: Layout) -> dict[str, tuple[str, Form, tuple[int, ...]]]:
    expected = {}
    for tensor in tally(config):
        place = layout.theirs(tensor.name)
        if place is None:
            raise CheckpointError(f"{layout.title} files have no place for {tensor.name}.")
        theirs, form = place
        expected[theirs] = (tensor.name, form, form.shape(tensor.shape))
    return expected


def _is_real(stored: Stored) -> bool:
    return stored.dtype.is_floating_point


def _sizes(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape)) or "a single number"


def _some(items: list[str]) -> str:
    listed = ", ".join(item[:200] for item in items[:_MOST_LISTED])
    return listed + (f" and {len(items) - _MOST_LISTED:,} more" if len(items) > _MOST_LISTED else "")
