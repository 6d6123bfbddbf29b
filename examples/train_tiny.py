"""Train a GPT-2 from nothing on a nursery rhyme, in seconds, and let it recite.

python examples/train_tiny.py
"""

import tempfile
from pathlib import Path

import glassgpt
from glassgpt.data import Source, prepare
from glassgpt.tokens import learn
from glassgpt.train import Optimizer, Recipe, Schedule, train

RHYME = """\
This is the house that Jack built.
This is the malt that lay in the house that Jack built.
This is the rat that ate the malt that lay in the house that Jack built.
This is the cat that killed the rat that ate the malt that lay in the house that Jack built.
This is the dog that worried the cat that killed the rat that ate the malt that lay in the house that Jack built.
"""

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    (folder / "rhyme.txt").write_text(RHYME * 20)
    tokenizer = learn([RHYME], vocab_size=300)
    prepare([Source(folder / "rhyme.txt")], folder / "data", tokenizer)

    shape = glassgpt.GPT2Config(
        vocab_size=tokenizer.vocab_size, context_length=32, emb_dim=64, n_heads=4, n_layers=2, drop_rate=0.0
    )
    recipe = Recipe(
        model=shape, steps=150, rows=16, micro_rows=16, optimizer=Optimizer(lr=3e-3), schedule=Schedule(warmup_steps=10)
    )
    train(recipe, folder / "run", folder / "data")

    lm = glassgpt.load(folder / "run")
    print("This is the" + lm.generate("This is the", max_new_tokens=60, temperature=0.0))
