"""The collected plays, one megabyte: nanoGPT's published settings (karpathy/nanoGPT, README and config/).

Its characters are a vocabulary of 65; here every byte is a token (`glassgpt data prepare --tokenizer bytes`), which for
this text is every character, so nats a token are the same measure. The model only has more ids to learn never to use.
"""

from dataclasses import replace

from glassgpt.model import SIZES, GPT2Config
from glassgpt.train import Optimizer, Recipe, Saving, Schedule, Watching


def shakespeare_char(vocab_size: int = 257) -> Recipe:
    """NanoGPT's setting for a CPU: four layers of width 128 that see 64 characters.

    0.8 M parameters, 2,000 steps of 768 tokens: 1.5 passes over the text.
    Expect: 1.88 nats a character on the last tenth of the text, as nanoGPT publishes; 3 minutes on a laptop.
    Text: input.txt of karpathy/char-rnn, its first 90 % to train on, tokenizer bytes.
    """
    return Recipe(
        model=GPT2Config(vocab_size=vocab_size, context_length=64, emb_dim=128, n_heads=4, n_layers=4, drop_rate=0.0),
        steps=2_000,
        rows=12,
        micro_rows=12,
        optimizer=Optimizer(lr=1e-3, beta2=0.99),
        schedule=Schedule(warmup_steps=100),
    )


def shakespeare_char_gpu(vocab_size: int = 257) -> Recipe:
    """NanoGPT's setting for a GPU: six layers of width 384 that see 256 characters, with dropout.

    10.8 M parameters, 5,000 steps of 16,384 tokens: 82 passes over the text, so the best is kept.
    Expect: 1.4697 nats a character at its best, as nanoGPT publishes; 3 minutes on an A100.
    Text: as for shakespeare-char.
    """
    return Recipe(
        model=GPT2Config(vocab_size=vocab_size, context_length=256, emb_dim=384, n_heads=6, n_layers=6, drop_rate=0.2),
        steps=5_000,
        rows=64,
        micro_rows=64,
        optimizer=Optimizer(lr=1e-3, beta2=0.99),
        schedule=Schedule(warmup_steps=100),
        saving=Saving(keep_best=1),
    )


def shakespeare_bpe(vocab_size: int = 50257) -> Recipe:
    """NanoGPT's fine-tuning setting: OpenAI's largest weights, nudged towards the plays.

    1,557.6 M parameters, 20 steps of 32,768 tokens: two passes over the text at a small constant rate.
    Expect: no loss is published; "a few minutes" on a GPU. Start with `--from gpt2-xl`, or a smaller one.
    Text: as for shakespeare-char, tokenizer gpt2.
    """
    return Recipe(
        model=replace(SIZES["xl"], vocab_size=vocab_size, drop_rate=0.0),
        steps=20,
        rows=32,
        micro_rows=1,
        optimizer=Optimizer(lr=3e-5),
        schedule=Schedule(shape="constant", warmup_steps=0),
        watching=Watching(evaluate_every=5),
        saving=Saving(every=5, keep_best=1),
    )
