"""A model in, the same model in integers out, block by block.

Calibration texts run through the blocks as they become: the inputs of a block are those that quantized blocks before it
give, so that its rounding answers to what it will meet.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from glassgpt.errors import InvalidParameter
from glassgpt.kernels import FORMATS, Format, Integers
from glassgpt.kernels.integers import group_slices
from glassgpt.model import GPT2
from glassgpt.model.gpt2 import Block
from glassgpt.quantize.balance import balancing, move_from_norm, move_from_values
from glassgpt.quantize.gptq import compensate
from glassgpt.quantize.inputs import matrices_of, watching
from glassgpt.quantize.scales import best_scales, whole
from glassgpt.quantize.scheme import Method, Scheme

Report = Callable[[int, int], None]
"""Told how many matrices are done, and how many there are."""
ROWS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized model: integers, and a float32 model that computes with the numbers they stand for."""

    model: GPT2
    integers: Mapping[str, Integers]
    """By the published name of the weight: those of every block, and the head's if it was asked for."""
    scheme: Scheme


@torch.no_grad()
def quantize(
    model: GPT2,
    scheme: Scheme,
    ids: Int[Tensor, "S T"] | None = None,
    *,
    report: Report = lambda done, goal: None,
) -> Quantized:
    """Quantize a copy of a model on the CPU; `ids` are calibration texts of equal length, which most schemes need."""
    if scheme.needs_text and (ids is None or not ids.numel()):
        raise InvalidParameter("ids", None, "this scheme looks at what the model makes of a text: give it some")
    model = copy.deepcopy(model).float().cpu().eval()
    integers: dict[str, Integers] = {}
    stream = None if ids is None else model.wte(ids) + model.wpe.weight[: ids.shape[1]]
    goal = 4 * len(model.h) + (scheme.head != "float")
    for layer, block in enumerate(model.h):
        assert isinstance(block, Block)
        hessians = _balance(block, scheme, _look(block, stream)) if stream is not None else {}
        for name, linear in matrices_of(block).items():
            segment = model.config.head_dim if name == "attn.c_proj" else linear.in_features
            found = to_integers(linear.weight, FORMATS[scheme.body], scheme.method, segment, hessians.get(name))
            integers[f"h.{layer}.{name}.weight"] = found
            linear.weight.copy_(torch.from_numpy(found.floats()))
            report(len(integers), goal)
        stream = stream if stream is None else torch.cat([block(part) for part in stream.split(ROWS_AT_ONCE)])
    if scheme.head != "float":
        name = "wte.weight" if model.config.tie_embeddings else "lm_head.weight"
        seen = None if stream is None else _hessian(model.ln_f(stream))
        integers[name] = to_integers(model.head, FORMATS[scheme.head], scheme.method, model.config.emb_dim, seen)
        model.head.copy_(torch.from_numpy(integers[name].floats()))
        report(goal, goal)
    return Quantized(model, integers, scheme)


def to_integers(
    weight: Float[Tensor, "N K"], form: Format, method: Method, segment: int, hessian: Float[Tensor, "K K"] | None
) -> Integers:
    """Round one matrix."""
    groups = group_slices(weight.shape[1], segment, form)
    if method == "gptq" and hessian is not None:
        numbers, scales = compensate(weight.detach(), hessian, form, groups)
    else:
        importance = hessian.diagonal() if method == "clip" and hessian is not None else None
        numbers, scales = _round(weight.detach(), form, groups, importance)
    return Integers(form, numbers.numpy().astype(np.int8), np.ascontiguousarray(scales.numpy()), segment)


def _round(
    weight: Float[Tensor, "N K"], form: Format, groups: list[slice], importance: Float[Tensor, " K"] | None
) -> tuple[Float[Tensor, "N K"], Float[Tensor, "N G"]]:
    numbers, scales = torch.empty_like(weight), weight.new_empty(len(weight), len(groups))
    for n, group in enumerate(groups):
        scales[:, n] = best_scales(weight[:, group], form, None if importance is None else importance[group])
        numbers[:, group] = whole(weight[:, group], scales[:, n, None], form)
    return numbers, scales


def _look(block: Block, stream: Float[Tensor, "S T D"]) -> dict[str, Tensor]:
    with watching(matrices_of(block)) as hessians:
        for part in stream.split(ROWS_AT_ONCE):
            block(part)
    return hessians


def _balance(block: Block, scheme: Scheme, hessians: dict[str, Tensor]) -> dict[str, Tensor]:
    """Move sizes where they can be moved, and give the Hessians of the inputs as they are now."""
    if not scheme.balance:
        return hessians
    form, heads = FORMATS[scheme.body], block.attn.n_heads
    hessians = dict(hessians)

    def factors(name: str, linear: nn.Linear, segment: int) -> Tensor:
        groups = group_slices(linear.in_features, segment, form)

        def rounding(weight: Tensor, importance: Tensor) -> Tensor:
            numbers, scales = _round(weight, form, groups, importance if scheme.method != "nearest" else None)
            widths = torch.tensor([group.stop - group.start for group in groups])
            return numbers * scales.repeat_interleave(widths, dim=1)

        found = balancing(linear.weight, hessians[name], rounding)
        hessians[name] = hessians[name] / found / found[:, None]
        return found

    attn, mlp = block.attn, block.mlp
    width = attn.c_proj.in_features
    move_from_norm(block.ln_1, attn.c_attn, factors("attn.c_attn", attn.c_attn, width))
    move_from_norm(block.ln_2, mlp.c_fc, factors("mlp.c_fc", mlp.c_fc, width))
    move_from_values(attn.c_attn, attn.c_proj, factors("attn.c_proj", attn.c_proj, width // heads))
    return hessians


def _hessian(x: Float[Tensor, "*rows K"]) -> Float[Tensor, "K K"]:
    flat = x.flatten(0, -2)
    return flat.T @ flat
