"""The four sizes of GPT-2 from nothing, as llm.c reproduced them (karpathy/llm.c, scripts/run_gpt2_*.sh).

Half a million tokens a step, AdamW at 0.9 and 0.95, decay 0.1, 700 steps of warm-up, a cosine, no dropout. The losses
are those of OpenAI's own weights on OpenWebText (karpathy/nanoGPT, README), which these runs match or pass; times are
llm.c's. Text: some billions of tokens of web pages such as FineWeb, tokenizer gpt2.
"""

from dataclasses import replace

from glassgpt.model import SIZES
from glassgpt.train import Optimizer, Recipe, Saving, Schedule


def gpt2(vocab_size: int = 50257) -> Recipe:
    """GPT-2 small: 12 layers of width 768.

    124.4 M parameters, 18,865 steps of 524,288 tokens: 9.9 billion.
    Expect: 3.28 nats a token on FineWeb, where OpenAI's weights have 3.29 (3.12 on OpenWebText);
    94 minutes on eight A100 80 GB.
    """
    return _size("small", vocab_size, steps=18_865, lr=6e-4, micro_rows=64)


def gpt2_medium(vocab_size: int = 50257) -> Recipe:
    """GPT-2 medium: 24 layers of width 1,024.

    354.8 M parameters, 60,000 steps of 524,288 tokens: 31.5 billion.
    Expect: OpenAI's weights have 2.84 nats a token on OpenWebText; 13.7 hours on eight A100 80 GB.
    """
    return _size("medium", vocab_size, steps=60_000, lr=3e-4, micro_rows=64)


def gpt2_large(vocab_size: int = 50257) -> Recipe:
    """GPT-2 large: 36 layers of width 1,280.

    774.0 M parameters, 286,102 steps of 524,288 tokens: 150 billion.
    Expect: OpenAI's weights have 2.67 nats a token on OpenWebText; 135 hours on eight A100 80 GB.
    """
    return _size("large", vocab_size, steps=286_102, lr=2.5e-4, micro_rows=32)


def gpt2_xl(vocab_size: int = 50257) -> Recipe:
    """GPT-2 XL: 48 layers of width 1,600.

    1,557.6 M parameters, 32,000 steps of 1,048,576 tokens: 33.6 billion, of FineWeb-Edu.
    Expect: OpenAI's weights have 2.54 nats a token on OpenWebText; 24 hours on eight H100 80 GB.
    """
    recipe = _size("xl", vocab_size, steps=32_000, lr=6e-4, micro_rows=16)
    return replace(recipe, rows=1_024, schedule=replace(recipe.schedule, final=0.1))


def _size(name: str, vocab_size: int, *, steps: int, lr: float, micro_rows: int) -> Recipe:
    return Recipe(
        model=replace(SIZES[name], vocab_size=vocab_size, drop_rate=0.0),
        steps=steps,
        rows=512,
        micro_rows=micro_rows,
        compile=True,
        optimizer=Optimizer(lr=lr),
        schedule=Schedule(warmup_steps=700, final=0.0),
        saving=Saving(every=1_000),
    )
