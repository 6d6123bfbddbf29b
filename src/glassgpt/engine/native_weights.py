"""From PyTorch's model to the layout of the native kernels."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from glassgpt.checkpoints.integers_file import StoredIntegers
from glassgpt.errors import InvalidParameter
from glassgpt.kernels import FORMATS, Integers, Shape, Unavailable, Weights, pack_model, unavailable
from glassgpt.model import GPT2
from glassgpt.model.gpt2 import Attention


def why_not_native(model: GPT2) -> Unavailable | None:
    """Why this model cannot run on the kernels here, if so."""
    weight = model.wte.weight
    if weight.device.type != "cpu":
        return Unavailable(f"the model lies on {weight.device}", "move it to the CPU")
    if weight.dtype not in (torch.float32, torch.bfloat16):
        return Unavailable(f"the model is {weight.dtype}", "load it as float32 or bfloat16")
    return unavailable()


def pack(
    model: GPT2,
    body: str | None = None,
    head: str | None = None,
    integers: Mapping[str, StoredIntegers] | None = None,
) -> Weights:
    """The model's weights in the kernels' layout; embeddings that are no matrix are shared with the model.

    `body` is a name of `FORMATS`, by default that of the `integers` which the model's files hold, or its own type;
    `head` likewise for the last matrix. Integers of that format are packed as they are, all else is rounded to nearest.
    """
    reason = why_not_native(model)
    if reason is not None:
        raise InvalidParameter("backend", "native", f"{reason.reason}: {reason.advice}")
    integers = integers or {}
    last = "wte.weight" if model.config.tie_embeddings else "lm_head.weight"
    body, head = _formats(model, body, head, integers, last)
    config, state = model.config, model.state_dict()

    def get(name: str) -> np.ndarray:
        if name not in state:  # a query-key-value projection without bias
            return np.zeros(3 * config.emb_dim, np.float32)
        return state[name].float().numpy()

    def get_matrix(name: str) -> np.ndarray | Integers:
        found = integers.get(name)
        kept = found is not None and found.format == (head if name == last else body)
        return found.read() if found is not None and kept else get(name)

    shape = Shape(
        vocabulary=config.vocab_size,
        positions=config.context_length,
        width=config.emb_dim,
        heads=config.n_heads,
        layers=config.n_layers,
        mlp=config.mlp_width,
        activation=config.activation,
        epsilon=config.layer_norm_eps,
        factors=tuple(module.scale for module in model.modules() if isinstance(module, Attention)),
    )
    words = None if config.tie_embeddings else _table(state["wte.weight"])
    return pack_model(get, shape, words, _table(state["wpe.weight"]), FORMATS[body], FORMATS[head], get_matrix)


def _formats(
    model: GPT2, body: str | None, head: str | None, integers: Mapping[str, StoredIntegers], last: str
) -> tuple[str, str]:
    """What was asked for; else what is stored; else the model's own type."""
    own = str(model.wte.weight.dtype).removeprefix("torch.")
    stored = next((found.format for name, found in integers.items() if name.startswith("h.")), None)
    body = stored or own if body is None else body
    if head is None:
        as_stored = integers[last].format if last in integers else own
        head = as_stored if body == stored else body
    for name, value in (("weights", body), ("head", head)):
        if value not in FORMATS:
            raise InvalidParameter(name, value, f"must be one of {', '.join(FORMATS)}")
    return body, head


def _table(tensor: Tensor) -> np.ndarray:
    """The tensor's own memory; bfloat16, which NumPy does not know, as 16-bit numbers."""
    tensor = tensor.contiguous()
    return tensor.numpy() if tensor.dtype == torch.float32 else tensor.view(torch.int16).numpy().view(np.uint16)
