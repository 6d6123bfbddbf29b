"""A model for a first try."""

from glassgpt.model import GPT2Config
from glassgpt.train import Optimizer, Recipe, Schedule


def tiny(vocab_size: int = 50257) -> Recipe:
    """A first try on any text: four layers of width 128 that see 64 tokens.

    0.8 M parameters and 128 for each token of the vocabulary, 2,000 steps of 768 tokens: 1.5 M.
    Expect: words that look like the text's; a minute or two on a laptop with a small vocabulary.
    Text: anything from some hundred kilobytes on.
    """
    return Recipe(
        model=GPT2Config(vocab_size=vocab_size, context_length=64, emb_dim=128, n_heads=4, n_layers=4, drop_rate=0.0),
        steps=2_000,
        rows=12,
        micro_rows=12,
        optimizer=Optimizer(lr=1e-3, beta2=0.99),
        schedule=Schedule(warmup_steps=100),
    )
