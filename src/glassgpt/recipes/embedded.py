"""The model that ships with GlassGPT: novels, textbooks and speeches, on two CPU cores or one GPU."""

from glassgpt.model import GPT2Config
from glassgpt.train import Optimizer, Recipe, Saving, Schedule, Watching


def embedded(vocab_size: int = 4096) -> Recipe:
    """The model in the box: six layers of width 384 that see 256 tokens, by Muon, with a long fall of the rate.

    12.3 M parameters, 2,750 steps of 8,192 tokens: 22.5 M, a bit more than half of the corpus once.
    Expect: 1.44 bits per byte on novels it never saw; two hours on two CPU cores.
    Text: 143 MB of novels, textbooks and speeches; a vocabulary of 4,096 learned on it.
    """
    return Recipe(
        model=GPT2Config(vocab_size=vocab_size, context_length=256, emb_dim=384, n_heads=6, n_layers=6, drop_rate=0.0),
        steps=2_750,
        rows=32,
        micro_rows=32,
        optimizer=Optimizer(method="muon", lr=3e-3, muon_lr=0.02, weight_decay=0.05),
        schedule=Schedule(shape="trapezoid", warmup_steps=30, final=0.05, cooldown=0.5),
        watching=Watching(evaluate_every=200, evaluate_tokens=24_576),
        saving=Saving(every=50),
    )


def embedded_gpu(vocab_size: int = 8192) -> Recipe:
    """The same for one large GPU: eight layers of width 512 that see 512 tokens.

    29.7 M parameters, 3,000 steps of 131,072 tokens: 393 M, eleven passes over the corpus, hence dropout.
    Expect: 1.2 to 1.45 bits per byte on novels it never saw; 10 minutes on an H200: reckoned, not measured.
    Text: as for embedded, with a vocabulary of 8,192.
    """
    return Recipe(
        model=GPT2Config(vocab_size=vocab_size, context_length=512, emb_dim=512, n_heads=8, n_layers=8, drop_rate=0.1),
        steps=3_000,
        rows=256,
        micro_rows=256,
        compile=True,
        optimizer=Optimizer(method="muon", lr=3e-3, muon_lr=0.02, weight_decay=0.1),
        schedule=Schedule(shape="trapezoid", warmup_steps=100, final=0.05, cooldown=0.6),
        saving=Saving(keep_best=1),
    )
