"""A model for a first try: 0.8 M parameters besides the vocabulary's, 1.5 M tokens to read."""

from glassgpt.model import GPT2Config
from glassgpt.train import Optimizer, Recipe, Schedule


def tiny(vocab_size: int) -> Recipe:
    """Four layers of width 128 that see 64 tokens, 2,000 steps of 12 windows: nanoGPT's CPU setting for Shakespeare."""
    return Recipe(
        model=GPT2Config(vocab_size=vocab_size, context_length=64, emb_dim=128, n_heads=4, n_layers=4, drop_rate=0.0),
        steps=2_000,
        rows=12,
        micro_rows=12,
        optimizer=Optimizer(lr=1e-3, beta2=0.99),
        schedule=Schedule(warmup_steps=100),
    )
