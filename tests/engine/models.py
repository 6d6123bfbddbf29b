"""Small models with sharp opinions, their twins in transformers, and a vocabulary of single letters."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Letters:
    """A tokenizer of single bytes: id 0 ends a text, id i is the i-th byte of `alphabet`."""

    alphabet: bytes = b"abcdefghijklmnopqrstuvwxyz ,."

    @property
    def vocab_size(self) -> int:
        return len(self.alphabet) + 1

    @property
    def end_of_text(self) -> int:
        return 0

    def token_bytes(self, token: int) -> bytes:
        return b"<|endoftext|>" if token == 0 else self.alphabet[token - 1 : token]


def sharp_model(seed: int = 0, scale: float = 8.0, **shape):
    """A random model whose matrices are large, so that its next-token distributions are far from flat."""
    from glassgpt.model import GPT2, GPT2Config, initialize

    shape = {"vocab_size": 61, "context_length": 24, "emb_dim": 24, "n_heads": 3, "n_layers": 2, **shape}
    model = initialize(GPT2(GPT2Config(drop_rate=0.0, **shape)), seed=seed).eval()
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1, generator=generator)
    return model


def twin_of(model):
    """The same weights in transformers' implementation."""
    from transformers import GPT2Config as HFConfig
    from transformers import GPT2LMHeadModel

    c = model.config
    config = HFConfig(
        vocab_size=c.vocab_size,
        n_positions=c.context_length,
        n_embd=c.emb_dim,
        n_head=c.n_heads,
        n_layer=c.n_layers,
        n_inner=c.mlp_dim,
        activation_function=c.activation,
        bos_token_id=0,
        eos_token_id=0,
    )
    twin = GPT2LMHeadModel(config).eval()
    matrices = ("c_attn.weight", "c_proj.weight", "c_fc.weight")  # transposed in that implementation
    weights = {
        f"transformer.{name}": value.t() if name.endswith(matrices) else value
        for name, value in model.state_dict().items()
    }
    twin.load_state_dict({**weights, "lm_head.weight": model.wte.weight}, strict=True)
    return twin
