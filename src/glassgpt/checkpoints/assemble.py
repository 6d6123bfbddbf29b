"""Stored tensors in, a model out, at the memory of the model plus one tensor.

The model is built without memory ("meta" device), every name and shape is checked (`survey.py`), and only then are
tensors read one by one and put in place.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from glassgpt.checkpoints.layout import Form
from glassgpt.checkpoints.stored import Stored
from glassgpt.checkpoints.survey import Survey
from glassgpt.model import GPT2


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


def _read(survey: Survey, dtype: torch.dtype | None, device: torch.device) -> dict[str, torch.Tensor]:
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
            tensor = torch.empty(tensor.shape, dtype=dtype or stored.dtype.torch, device=device).copy_(tensor)
        state[name] = tensor
    for name, integers in survey.integers.items():
        state[name] = torch.from_numpy(integers.read().floats()).to(dtype=dtype, device=device)
    return state


def _is_final(stored: Stored, form: Form, dtype: torch.dtype | None, device: torch.device) -> bool:
    return form is Form.SAME and dtype in (None, stored.dtype.torch) and device.type == "cpu"
