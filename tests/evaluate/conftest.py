"""A small model with a small vocabulary of its own, for every measure."""

import pytest


@pytest.fixture(scope="session")
def tokenizer(small_tokenizer):
    """290 tokens that know a few words."""
    return small_tokenizer


@pytest.fixture(scope="session")
def small(tokenizer):
    """A random model with a window of 48, and a head of its own: with a tied one it would repeat the last token."""
    import torch

    from glassgpt.model import GPT2, GPT2Config, initialize

    shape = GPT2Config(
        vocab_size=tokenizer.vocab_size, context_length=48, emb_dim=24, n_heads=3, n_layers=2, tie_embeddings=False
    )
    model = initialize(GPT2(shape), seed=3).eval()
    with torch.no_grad():
        model.wte.weight.mul_(20)
        model.lm_head.weight.mul_(20)
    return model
