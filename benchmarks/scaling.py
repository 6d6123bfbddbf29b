"""Five sizes at equal tokens: does the loss fall strictly with size, and by which law?

    glassgpt data prepare NOVELS --valid OTHERS --tokenizer bytes --out data
    python -m benchmarks.scaling --corpus data

Every byte is a token, so that almost all parameters are in the blocks. All sizes share one pair of learning rates:
Muon's, which does not depend on the width, for the matrices inside the blocks, and AdamW's for the rest.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks.records import Records, table
from glassgpt.model import GPT2Config, parameter_count
from glassgpt.tokens import Tokenizer
from glassgpt.train import Optimizer, Recipe, Saving, Schedule, Watching, train
from glassgpt.train.scaling import body_parameters, fit

SHAPES = ((2, 64), (2, 96), (3, 128), (3, 192), (4, 256))
"""Layers and width: 0.1 to 3.2 million parameters in the blocks."""
CONTEXT, ROWS = 128, 16


def setting(layers: int, width: int, vocabulary: int, steps: int) -> Recipe:
    """The same for every size, but for the size; heads are 32 wide."""
    return Recipe(
        model=GPT2Config(
            vocab_size=vocabulary,
            context_length=CONTEXT,
            emb_dim=width,
            n_heads=width // 32,
            n_layers=layers,
            drop_rate=0.0,
        ),
        steps=steps,
        rows=ROWS,
        micro_rows=ROWS,
        optimizer=Optimizer(method="muon", lr=3e-3, muon_lr=0.02, weight_decay=0.05),
        schedule=Schedule(shape="trapezoid", warmup_steps=20, final=0.05, cooldown=0.5),
        saving=Saving(every=0),
        watching=Watching(evaluate_every=0, evaluate_tokens=131_072),
    )


def measure(recipe: Recipe, corpus: Path) -> dict[str, object]:
    """Train once; bits a byte on text held back."""
    with tempfile.TemporaryDirectory() as run:
        loss = train(recipe, Path(run), corpus, device="cpu").validation
    assert loss is not None, "the corpus needs a validation shard"
    return {"nats": loss.nats_per_token, "bits_per_byte": loss.bits_per_byte}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the sizes, print the table and the law, and one JSON line last."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder that `glassgpt data prepare` wrote")
    parser.add_argument("--steps", type=int, default=500, help=f"of {ROWS * CONTEXT:,} tokens")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--records", type=Path, help="where to keep the rows that are done")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    records = Records(options.records)
    vocabulary = Tokenizer.load(options.corpus / "tokenizer").vocab_size
    rows, sizes, losses = [], [], []
    for layers, width in SHAPES:
        recipe = setting(layers, width, vocabulary, options.steps)
        asked = {"layers": layers, "width": width, "tokens": recipe.steps * recipe.tokens_per_step}
        row = records.measure(asked, lambda recipe=recipe: measure(recipe, options.corpus))
        body = body_parameters(recipe.model)
        sizes.append(body)
        losses.append(row["nats"])
        shown = [f"L{layers} d{width}", f"{body:,}", f"{parameter_count(recipe.model):,}", f"{row['nats']:.4f}"]
        rows.append([*shown, f"{row['bits_per_byte']:.4f}", row["seconds"]])
    headings = ["model", "N, in the blocks", "all parameters", "nats a token", "bits per byte", "seconds"]
    law = fit(sizes, losses)
    falls = all(larger < smaller for smaller, larger in pairwise(losses))
    print(table(headings, rows))
    print(f"\n{law}; 95 % interval of the exponent {law.low:.4f} to {law.high:.4f}; strictly falling: {falls}")
    facts = {"sizes": sizes, "nats": losses, "exponent": law.exponent, "low": law.low, "high": law.high}
    print(json.dumps({**facts, "scale": law.scale, "floor": law.floor, "strictly_falling": falls}))


if __name__ == "__main__":
    main()
