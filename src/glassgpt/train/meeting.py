"""Where ranks meet: the environment torchrun sets in, this process's view of the others out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from glassgpt.errors import InvalidParameter
from glassgpt.train.ranks import ALONE, Ranks
from glassgpt.train.recipe import Recipe
from glassgpt.train.settings import require

BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}
"""Numbers that steer live on the CPU, so that agreeing never waits for the GPU."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What torchrun tells a process about itself, in its environment."""

    rank: int
    """Counted over all hosts."""
    world: int
    """Processes on all hosts."""
    local: int
    """Counted on this host: which GPU to take."""

    @classmethod
    def taken(cls) -> "Seat":
        """Read the environment; a process that nobody launched is the only one."""
        names = {"rank": ("RANK", "0"), "world": ("WORLD_SIZE", "1"), "local": ("LOCAL_RANK", "0")}
        return cls(**{field: int(os.environ.get(*name)) for field, name in names.items()})

    def device(self, wish: torch.device) -> torch.device:
        """The GPU that this rank alone uses, or what was wished for."""
        is_any_gpu = wish.type == "cuda" and wish.index is None and self.world > 1
        return torch.device("cuda", self.local) if is_any_gpu else wish


@contextmanager
def gathered(recipe: Recipe, device: torch.device) -> Iterator[Ranks]:
    """Meet the other ranks, if torchrun started any, and part from them at the end.

    What PyTorch has for several processes is imported only then. A process group that exists is used and kept.
    """
    if Seat.taken().world == 1:
        if recipe.parallel.tensor > 1:
            raise InvalidParameter(
                "parallel.tensor", recipe.parallel.tensor, "one process is alone: start it with torchrun"
            )
        yield ALONE
        return
    if device.type not in BACKENDS:
        raise InvalidParameter("device", device.type, f"several ranks need one of {', '.join(BACKENDS)}")
    import torch.distributed as dist

    if device.type == "cuda":
        torch.cuda.set_device(device)
    is_ours = not dist.is_initialized()
    if is_ours:
        dist.init_process_group(BACKENDS[device.type])
    try:
        yield _ranks(recipe, device)
    finally:
        if is_ours:
            dist.destroy_process_group()


def _ranks(recipe: Recipe, device: torch.device) -> Ranks:
    if recipe.parallel.shard == "none" and recipe.parallel.tensor == 1:
        from glassgpt.train.copies import Copies

        return Copies(device)
    allow(recipe)
    from glassgpt.train.divided import Divided

    return Divided(device, recipe.parallel)


def allow(recipe: Recipe) -> None:
    """Refuse what needs whole weights on every rank: Muon, working copies of the model, a compiled model."""
    for name, value, allowed in (
        ("optimizer.method", recipe.optimizer.method, ("adamw", "schedule_free")),
        ("precision", recipe.precision, ("float32", "bfloat16")),
        ("compile", recipe.compile, (False,)),
    ):
        rule = f"must be {' or '.join(map(str, allowed))} with divided weights (parallel.shard, parallel.tensor)"
        require(value in allowed, name, value, rule)
