"""From PyTorch's model to the layout of the native kernels."""

import numpy as np
import torch
from torch import Tensor

from glassgpt.errors import InvalidParameter
from glassgpt.kernels import FORMATS, Shape, Unavailable, Weights, pack_model, unavailable
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


def pack(model: GPT2, body: str | None = None, head: str | None = None) -> Weights:
    """The model's weights in the kernels' layout; embeddings are shared with the model.

    `body` is a name of `FORMATS`, by default the model's own type; `head` likewise for the last matrix.
    """
    reason = why_not_native(model)
    if reason is not None:
        raise InvalidParameter("backend", "native", f"{reason.reason}: {reason.advice}")
    body = str(model.wte.weight.dtype).removeprefix("torch.") if body is None else body
    head = body if head is None else head
    for name, value in (("weights", body), ("head", head)):
        if value not in FORMATS:
            raise InvalidParameter(name, value, f"must be one of {', '.join(FORMATS)}")
    config, state = model.config, model.state_dict()

    def get(name: str) -> np.ndarray:
        if name not in state:  # a query-key-value projection without bias
            return np.zeros(3 * config.emb_dim, np.float32)
        return state[name].float().numpy()

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
    tables = _table(state["wte.weight"]), _table(state["wpe.weight"])
    return pack_model(get, shape, tables, FORMATS[body], FORMATS[head], config.tie_embeddings)


def _table(tensor: Tensor) -> np.ndarray:
    """The tensor's own memory; bfloat16, which NumPy does not know, as 16-bit numbers."""
    tensor = tensor.contiguous()
    return tensor.numpy() if tensor.dtype == torch.float32 else tensor.view(torch.int16).numpy().view(np.uint16)
