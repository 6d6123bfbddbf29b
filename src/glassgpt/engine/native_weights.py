"""A model's weights in the layout of the native kernels: from PyTorch's modules, or from files without PyTorch."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from glassgpt.checkpoints.integers_file import StoredIntegers
from glassgpt.checkpoints.survey import Survey
from glassgpt.errors import InvalidParameter
from glassgpt.kernels import FORMATS, Integers, Shape, Unavailable, Weights, pack_model, unavailable
from glassgpt.kernels.arithmetic import Floats, from_bfloat16_twin, to_bfloat16_twin
from glassgpt.model import GPT2Config

if TYPE_CHECKING:
    from glassgpt.model import GPT2

OWN = ("float32", "bfloat16")
"""Types of models that can be packed."""
Read = Callable[[str], Floats]
"""A tensor by its published name, as float32, matrices as (outputs, inputs)."""


def why_not_native(model: "GPT2") -> Unavailable | None:
    """Why this model cannot run on the kernels here, if so."""
    weight = model.wte.weight
    if weight.device.type != "cpu":
        return Unavailable(f"the model lies on {weight.device}", "move it to the CPU")
    if str(weight.dtype).removeprefix("torch.") not in OWN:
        return Unavailable(f"the model is {weight.dtype}", "load it as float32 or bfloat16")
    return unavailable()


def pack(model: "GPT2", body: str | None = None, head: str | None = None) -> Weights:
    """Pack a model that is in memory.

    `body` is a name of `FORMATS`, by default the model's own type; `head`, of the last matrix, by default the same.
    """
    reason = why_not_native(model)
    if reason is not None:
        raise InvalidParameter("backend", "native", f"{reason.reason}: {reason.advice}")
    state = model.state_dict()
    own = str(model.wte.weight.dtype).removeprefix("torch.")
    return _pack(model.config, lambda name: state[name].float().numpy(), own, {}, body, head)


def pack_stored(survey: Survey, own: str = "float32", body: str | None = None, head: str | None = None) -> Weights:
    """Pack what lies on disk, one tensor in memory at a time, as if it were read as `own`: float32 or bfloat16.

    `body` and `head` are by default as the files have them. Integers of that format are packed as they are, all else
    is rounded to nearest.
    """

    def read(name: str) -> Floats:
        if name in survey.integers:
            return survey.integers[name].read().floats()
        stored, form = survey.places[name]
        return form.to_ours(stored.read_floats())

    def rounded(name: str) -> Floats:
        return from_bfloat16_twin(to_bfloat16_twin(read(name)))

    return _pack(survey.config, read if own == "float32" else rounded, own, survey.integers, body, head)


def _pack(
    config: GPT2Config, read: Read, own: str, integers: Mapping[str, StoredIntegers], body: str | None, head: str | None
) -> Weights:
    last = "wte.weight" if config.tie_embeddings else "lm_head.weight"
    body, head = _formats(own, body, head, integers, last)

    def get(name: str) -> Floats:
        if not config.qkv_bias and name.endswith("c_attn.bias"):
            return np.zeros(3 * config.emb_dim, np.float32)
        return read(name)

    def get_matrix(name: str) -> Floats | Integers:
        found = integers.get(name)
        kept = found is not None and found.format == (head if name == last else body)
        return found.read() if found is not None and kept else get(name)

    def table(name: str) -> np.ndarray:
        return np.ascontiguousarray(read(name) if own == "float32" else to_bfloat16_twin(read(name)))

    words = None if config.tie_embeddings else table("wte.weight")
    return pack_model(get, _shape(config), words, table("wpe.weight"), FORMATS[body], FORMATS[head], get_matrix)


def _shape(config: GPT2Config) -> Shape:
    scale = config.head_dim**-0.5 if config.scale_attn_weights else 1.0
    inverse = config.scale_attn_by_inverse_layer_idx
    return Shape(
        vocabulary=config.vocab_size,
        positions=config.context_length,
        width=config.emb_dim,
        heads=config.n_heads,
        layers=config.n_layers,
        mlp=config.mlp_width,
        activation=config.activation,
        epsilon=config.layer_norm_eps,
        factors=tuple(scale / (layer + 1) if inverse else scale for layer in range(config.n_layers)),
    )


def _formats(
    own: str, body: str | None, head: str | None, integers: Mapping[str, StoredIntegers], last: str
) -> tuple[str, str]:
    """What was asked for; else what is stored; else the model's own type."""
    stored = next((found.format for name, found in integers.items() if name.startswith("h.")), None)
    body = stored or own if body is None else body
    if head is None:
        as_stored = integers[last].format if last in integers else own
        head = as_stored if body == stored else body
    for name, value in (("weights", body), ("head", head)):
        if value not in FORMATS:
            raise InvalidParameter(name, value, f"must be one of {', '.join(FORMATS)}")
    return body, head
