"""What a model costs: parameters, storage and arithmetic, by pure arithmetic on its config.

Why GPT-2 small is 124 M and not the paper's 117 M: summing the matrices below gives 124,439,808, with the head counted
once because it is the token embedding; OpenAI corrected its figures later. All four of the paper's (117, 345, 762 and
1,542 M) are what the same sum gives with the 40,478 words of the first GPT's vocabulary in place of 50,257.
"""

from dataclasses import dataclass
from math import prod

from glassgpt.model.config import GPT2Config


@dataclass(frozen=True, slots=True)
class Tensor:
    """One parameter: its name in a checkpoint and its shape, matrices as (out, in)."""

    name: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


def tally(config: GPT2Config) -> list[Tensor]:
    """Every parameter of the model, in the order of the forward pass."""
    d = config.emb_dim
    head = [] if config.tie_embeddings else [Tensor("lm_head.weight", (config.vocab_size, d))]
    return [
        Tensor("wte.weight", (config.vocab_size, d)),
        Tensor("wpe.weight", (config.context_length, d)),
        *(tensor for layer in range(config.n_layers) for tensor in _block(config, f"h.{layer}.")),
        *_pair("ln_f", d),
        *head,
    ]


def parameter_count(config: GPT2Config) -> int:
    """How many numbers the model holds, each stored once."""
    return sum(tensor.count for tensor in tally(config))


def storage_bytes(config: GPT2Config, bytes_per_parameter: int = 4) -> int:
    """Size of the weights on disk or in memory; GPT-2 small in float32 is 498 MB."""
    return parameter_count(config) * bytes_per_parameter


def past_bytes(config: GPT2Config, tokens: int, bytes_per_number: int = 4) -> int:
    """Size of the remembered keys and values of one text."""
    return 2 * config.n_layers * config.emb_dim * tokens * bytes_per_number


def forward_flops(config: GPT2Config, context: int) -> int:
    """Floating-point operations to read one token at position `context` (a multiply and an add are two)."""
    d = config.emb_dim
    matrices = 4 * d * d + 2 * d * config.mlp_width
    return 2 * (config.n_layers * (matrices + 2 * context * d) + config.vocab_size * d)


def _block(config: GPT2Config, prefix: str) -> list[Tensor]:
    d, wide = config.emb_dim, config.mlp_width
    qkv_bias = [Tensor(f"{prefix}attn.c_attn.bias", (3 * d,))] if config.qkv_bias else []
    return [
        *_pair(f"{prefix}ln_1", d),
        Tensor(f"{prefix}attn.c_attn.weight", (3 * d, d)),
        *qkv_bias,
        *_pair(f"{prefix}attn.c_proj", d, d),
        *_pair(f"{prefix}ln_2", d),
        *_pair(f"{prefix}mlp.c_fc", wide, d),
        *_pair(f"{prefix}mlp.c_proj", d, wide),
    ]


def _pair(name: str, *shape: int) -> list[Tensor]:
    return [Tensor(f"{name}.weight", shape), Tensor(f"{name}.bias", shape[:1])]
