"""Matrices of integers in a Hugging Face folder: what `glassgpt quantize` writes.

In `model.safetensors` two tensors stand for the weight of each quantized matrix, outputs first:

    NAME.weight.numbers   int8: (N, K) of I8;  int4: (N, ⌈K/2⌉) of U8, two numbers + 8 a byte, the first in the low half
    NAME.weight.scales    int8: (N, 1) of F32; int4: (N, groups) of BF16

Everything else is stored as in any folder. A tied head is stored once, in integers, for both its uses.
`quantization.py` has what `config.json` says about it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from glassgpt.checkpoints.quantization import Quantization
from glassgpt.checkpoints.stored import Stored
from glassgpt.errors import CheckpointError, InvalidParameter
from glassgpt.kernels import FORMATS, Integers
from glassgpt.kernels.integers import group_count
from glassgpt.kernels.layout import INT4
from glassgpt.model import GPT2Config

if TYPE_CHECKING:
    from torch import Tensor

NUMBERS, SCALES = ".numbers", ".scales"
HALF = 8
"""What is added to an int4 number, so that it is never negative."""


@dataclass(frozen=True, slots=True)
class StoredIntegers:
    """One matrix on disk, found to be of the right shape."""

    numbers: Stored
    scales: Stored
    format: str
    shape: tuple[int, int]
    segment: int

    def read(self) -> Integers:
        """Into memory; what is out of range is refused."""
        numbers, scales = self.numbers.read_array(), self.scales.read_floats()
        if FORMATS[self.format] is INT4:
            numbers = _taken_apart(numbers)[:, : self.shape[1]]
        try:
            return Integers(FORMATS[self.format], np.ascontiguousarray(numbers), scales, self.segment)
        except InvalidParameter as error:
            raise CheckpointError(f"{self.numbers.path} is damaged: {error}") from error


def take_out(
    quantization: Quantization, config: GPT2Config, found: Mapping[str, Stored], origin: str
) -> tuple[dict[str, Stored], dict[str, StoredIntegers]]:
    """Split what a folder holds into ordinary tensors, and integers by the name of the weight they stand for."""
    names = [name.removesuffix(NUMBERS) for name in found if name.endswith(NUMBERS)]
    integers = {name: _check(name, quantization, config, found, origin) for name in names}
    taken = {name + part for name in names for part in (NUMBERS, SCALES)}
    return {name: stored for name, stored in found.items() if name not in taken}, integers


def tensors_of(name: str, integers: Integers) -> "Iterator[tuple[str, Tensor]]":
    """What stands in the file for one matrix."""
    import torch

    four = integers.format is INT4
    numbers = _put_together(integers.numbers) if four else integers.numbers
    yield name + NUMBERS, torch.from_numpy(numbers)
    yield name + SCALES, torch.from_numpy(integers.scales).to(torch.bfloat16 if four else torch.float32)


def _check(
    name: str, quantization: Quantization, config: GPT2Config, found: Mapping[str, Stored], origin: str
) -> StoredIntegers:
    form = quantization.weights if name.startswith("h.") else quantization.head
    if form not in FORMATS:
        raise CheckpointError(f"{origin}: {name[:200]!r} is stored in integers, though config.json says otherwise.")
    shape, segment = _size(name, config, origin)
    four = form == "int4"
    numbers, scales = found[name + NUMBERS], found.get(name + SCALES)
    stored = (shape[0], -(-shape[1] // 2)) if four else shape
    wanted = ((stored, "uint8" if four else "int8"),)
    wanted += (((shape[0], group_count(shape[1], segment, FORMATS[form])), "bfloat16" if four else "float32"),)
    if scales is None or ((numbers.shape, numbers.dtype.name), (scales.shape, scales.dtype.name)) != wanted:
        raise CheckpointError(f"{origin}: the integers of {name[:200]!r} are incomplete or of another shape.")
    return StoredIntegers(numbers, scales, form, shape, segment)


def _size(name: str, config: GPT2Config, origin: str) -> tuple[tuple[int, int], int]:
    """(outputs, inner positions) of a weight, and after how many groups begin anew."""
    width, wide = config.emb_dim, config.mlp_width
    head = "wte.weight" if config.tie_embeddings else "lm_head.weight"
    sizes = {
        "attn.c_attn.weight": (3 * width, width),
        "attn.c_proj.weight": (width, width),
        "mlp.c_fc.weight": (wide, width),
        "mlp.c_proj.weight": (width, wide),
    }
    layer, _, rest = name.removeprefix("h.").partition(".")
    shape = sizes.get(rest) if layer.isdigit() and int(layer) < config.n_layers else None
    shape = (config.vocab_size, width) if name == head else shape
    if shape is None:
        raise CheckpointError(f"{origin}: {name[:200]!r} is no matrix that can be quantized.")
    return shape, config.head_dim if rest == "attn.c_proj.weight" else shape[1]


def _put_together(numbers: np.ndarray) -> np.ndarray:
    raised = np.pad(numbers + np.int8(HALF), ((0, 0), (0, numbers.shape[1] % 2)), constant_values=HALF).astype(np.uint8)
    return np.ascontiguousarray(raised[:, ::2] | raised[:, 1::2] << 4)


def _taken_apart(data: np.ndarray) -> np.ndarray:
    return np.stack([data & 15, data >> 4], axis=2).reshape(len(data), -1).astype(np.int8) - np.int8(HALF)
