"""The model that ships with GlassGPT: novels, textbooks and speeches, on two CPU cores or one GPU.

12.3 M parameters; 1,350 steps of 8,192 tokens are 11.1 M tokens, a bit more than a quarter of the corpus once.
"""

from glassgpt.model import GPT2Config
from glassgpt.train import Optimizer, Recipe, Saving, Schedule, Watching


def embedded(vocab_size: int) -> Recipe:
    """Six layers of width 384 that see 256 tokens, by Muon, with a long straight fall of the learning rate."""
    return Recipe(
        model=GPT2Config(vocab_size=vocab_size, context_length=256, emb_dim=384, n_heads=6, n_layers=6, drop_rate=0.0),
        steps=1_350,
        rows=32,
        micro_rows=32,
        optimizer=Optimizer(method="muon", lr=3e-3, muon_lr=0.02, weight_decay=0.05),
        schedule=Schedule(shape="trapezoid", warmup_steps=30, final=0.05, cooldown=0.5),
        watching=Watching(evaluate_every=200, evaluate_tokens=24_576),
        saving=Saving(every=50),
    )
