"""Weights divided among ranks: FSDP2 by rows of each matrix, tensor parallel by heads, or both on a grid.

FSDP2 (`fully_shard`) keeps a slice of every weight, gradient and moment on each rank, and gathers a block's weights
just before the block needs them. Tensor parallel (Shoeybi et al. 2019) splits the matrices of a block so that each rank
computes some of the heads and some of the inner width: `c_attn` and `c_fc` by output, `c_proj` by input, with one sum
over the ranks after each. On a grid, neighbours share rows and divide heads; columns of the grid read different rows.

GPT-2 keeps queries, keys and values in one matrix, one third after the other. A rank that is to own whole heads needs
rows of all three, so its rows are brought together before dividing (`by_rank`) and sent back when a tensor is fetched:
files always have the published order.
"""

from collections.abc import Callable, Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, Replicate, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, ParallelStyle, RowwiseParallel, parallelize_module

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2
from glassgpt.model.gpt2 import Block
from glassgpt.train.copies import add_up, copy_from_first, gradient
from glassgpt.train.ranks import Parts, shorten
from glassgpt.train.settings import Parallel
from glassgpt.train.together import Together

FUSED = ".attn.c_attn."
"""In the names of the weights that hold three thirds."""


class Divided(Together):
    """A rank of a grid: its row reads its rows of the batch, its column computes its heads."""

    def __init__(self, device: torch.device, parallel: Parallel) -> None:
        """Ranks that share rows are neighbours, so on one host where it can be."""
        world, self.tensor = dist.get_world_size(), parallel.tensor
        if world % self.tensor:
            raise InvalidParameter("parallel.tensor", self.tensor, f"must divide the number of ranks, {world}")
        shape, names = (world // self.tensor, self.tensor), ("data", "tensor")
        self.mesh = init_device_mesh(device.type, shape, mesh_dim_names=names)
        self.is_sharded = parallel.shard == "fsdp"
        self.weights: Parts = {}
        self.parts: Parts = {}
        super().__init__(device, self.mesh["data"].get_group())

    def spread(self, model: GPT2) -> Parts:
        """Divide by heads, then by rows; each part shares its memory with the divided weight."""
        copy_from_first(model)
        if self.tensor > 1:
            self._divide_heads(model)
        if self.is_sharded:
            self._shard(model)
        self.weights = dict(model.named_parameters())
        self.parts = {name: nn.Parameter(local(weight.detach())) for name, weight in self.weights.items()}
        return self.parts

    def begin(self, model: GPT2) -> None:
        """Forget what an evaluation gathered and left in place."""
        if isinstance(model, FSDPModule):
            model.reshard()

    def settle(self, model: GPT2, limit: float) -> Tensor:
        """Move each gradient to its part, summed over rows; where neighbours computed the same, they agree on it.

        FSDP2 has summed its own over the rows already. What neighbours computed twice may differ in the last bit on a
        GPU; taking their mean keeps their copies from drifting apart.
        """
        for name, weight in self.weights.items():
            self.parts[name].grad, weight.grad = local(gradient(weight)), None
        if not self.is_sharded:
            add_up([gradient(part) for part in self.parts.values()], self.readers)
        if self.tensor > 1:
            twice = [gradient(part) for name, part in self.parts.items() if not self._has_heads(name)]
            add_up(twice, self.mesh["tensor"].get_group(), 1 / self.tensor)
        norm = self._norm()
        shorten(self.parts.values(), limit, norm)
        return norm

    def cut(self, tensor: Tensor, weight: str) -> Tensor:
        """The slice this rank holds; what is not of the weight's shape, such as a counter of steps, stays whole."""
        divided = self.weights.get(weight)
        if divided is None or tensor.shape != divided.shape:
            return tensor
        if self._is_arranged(weight):
            tensor = by_rank(tensor, self.tensor)
        if not isinstance(divided, DTensor):
            return tensor
        mesh, places = divided.device_mesh, divided.placements
        return local(distribute_tensor(tensor.to(self.device), mesh, places, src_data_rank=None))

    def collect(self, tensors: Mapping[str, Tensor], owner: Callable[[str], str]) -> dict[str, Tensor]:
        """All ranks gather each in turn; rank 0 keeps it."""
        wholes = {}
        for name, tensor in tensors.items():
            whole = self._whole(tensor, owner(name))
            if self.leads:
                wholes[name] = whole.to("cpu")
        return wholes

    def _whole(self, part: Tensor, weight: str) -> Tensor:
        """Every rank's slice, in the published order."""
        divided = self.weights.get(weight)
        if not isinstance(divided, DTensor) or part.shape != self.parts[weight].shape:
            return part
        mesh, places = divided.device_mesh, divided.placements
        whole = gather(DTensor.from_local(part.detach(), mesh, places, shape=divided.shape, stride=divided.stride()))
        return by_third(whole, self.tensor) if self._is_arranged(weight) else whole

    def _norm(self) -> Tensor:
        """Squares added up over all ranks, each divided by how many ranks hold it."""
        squares = [gradient(part).float().square().sum() / self._holders(name) for name, part in self.parts.items()]
        total = torch.stack(squares).sum()
        dist.all_reduce(total)
        return total.sqrt()

    def _divide_heads(self, model: GPT2) -> None:
        config = model.config
        for name, size in (("n_heads", config.n_heads), ("mlp_width", config.mlp_width)):
            if size % self.tensor:
                raise InvalidParameter("parallel.tensor", self.tensor, f"must divide the model's {name}, {size}")
        plan: dict[str, ParallelStyle] = {
            "attn.c_attn": ColwiseParallel(),
            "attn.c_proj": RowwiseParallel(),
            "mlp.c_fc": ColwiseParallel(),
            "mlp.c_proj": RowwiseParallel(),
        }
        for block in model.h:
            assert isinstance(block, Block)
            for weight in block.attn.c_attn.parameters():
                weight.data = by_rank(weight.data, self.tensor)
            block.attn.n_heads //= self.tensor
            parallelize_module(block, self.mesh["tensor"], plan)

    def _shard(self, model: GPT2) -> None:
        for block in model.h:
            fully_shard(block, mesh=self.mesh["data"])
        # The loss uses the head after the forward pass, so what the root holds must still be there.
        fully_shard(model, mesh=self.mesh["data"], reshard_after_forward=False)
        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.set_gradient_divide_factor(1.0)  # losses are weighted by tokens: sums, not means
                module.set_force_sum_reduction_for_comms(True)
        register_fsdp_forward_method(model, "hidden")

    def _has_heads(self, name: str) -> bool:
        """Whether ranks of a row of the grid hold different slices."""
        weight = self.weights[name]
        if not isinstance(weight, DTensor) or "tensor" not in (weight.device_mesh.mesh_dim_names or ()):
            return False
        return not weight.placements[-1].is_replicate()

    def _holders(self, name: str) -> int:
        """How many ranks hold the same slice."""
        rows = 1 if self.is_sharded else self.mesh["data"].size()
        return rows if self._has_heads(name) else rows * self.tensor

    def _is_arranged(self, name: str) -> bool:
        return self.tensor > 1 and FUSED in name


def local(tensor: Tensor) -> Tensor:
    """What this rank holds."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def gather(tensor: DTensor) -> Tensor:
    """The whole, fetched along one side of the grid after the other: PyTorch warns where it has to find that order."""
    places = list(tensor.placements)
    for side in range(len(places)):
        places[side] = Replicate()
        tensor = tensor.redistribute(placements=places)
    return tensor.to_local()


def by_rank(tensor: Tensor, ranks: int) -> Tensor:
    """From one third after the other to one rank after the other, each with its rows of all three thirds."""
    axis = long_axis(tensor)
    return tensor.unflatten(axis, (3, ranks, -1)).transpose(axis, axis + 1).flatten(axis, axis + 2).contiguous()


def by_third(tensor: Tensor, ranks: int) -> Tensor:
    """The inverse of `by_rank`."""
    axis = long_axis(tensor)
    return tensor.unflatten(axis, (ranks, 3, -1)).transpose(axis, axis + 1).flatten(axis, axis + 2).contiguous()


def long_axis(tensor: Tensor) -> int:
    """The one that the thirds lie along: three times as long as the other, in our layout and in the stored one."""
    return max(range(tensor.dim()), key=lambda axis: tensor.shape[axis])
