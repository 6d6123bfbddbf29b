"""What optimizers remember in, flat named tensors out, as a safetensors file holds them; and back, bit for bit."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

COUNTERS = ("k", "weight_sum", "lr_max")
"""Numbers that the schedule-free optimizer keeps for a group of weights."""


def flatten(optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """`0.3.exp_avg` is the first optimizer's memory of its fourth weight, `0.group1.k` a count of its second group."""
    tensors: dict[str, Tensor] = {}
    for number, optimizer in enumerate(optimizers):
        for index, memory in optimizer.state_dict()["state"].items():
            tensors |= {f"{number}.{index}.{name}": value for name, value in memory.items()}
        for index, group in enumerate(optimizer.param_groups):
            counters = {name: torch.tensor(group[name], dtype=torch.float64) for name in COUNTERS if name in group}
            tensors |= {f"{number}.group{index}.{name}": value for name, value in counters.items()}
    return tensors


def unflatten(optimizers: Sequence[Optimizer], tensors: dict[str, Tensor]) -> None:
    """The inverse of `flatten`; names it does not know are somebody else's."""
    memories: dict[str, dict[int, dict[str, Tensor]]] = {}
    for key, value in tensors.items():
        number, index, name = key.split(".", 2)
        if index.isdigit():
            memories.setdefault(number, {}).setdefault(int(index), {})[name] = value
    for number, optimizer in enumerate(optimizers):
        optimizer.load_state_dict({**optimizer.state_dict(), "state": memories.get(str(number), {})})
        for index, group in enumerate(optimizer.param_groups):
            for name in COUNTERS:
                if name in group:
                    group[name] = type(group[name])(tensors[f"{number}.group{index}.{name}"].item())
