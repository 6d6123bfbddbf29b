"""How the embedded model's size, vocabulary and learning rate were chosen: short runs of equal compute.

    python -m benchmarks.pilots --corpus corpus

`--corpus` is a folder of documents: `train/` and `valid/`, each of .txt, .jsonl or .csv files. Vocabularies are learned
on a sample of the first, shards made of a part of it that no run reads twice. One thing at a time differs from the
setting of `glassgpt recipes embedded`; every run gets the same arithmetic, so a larger model reads fewer tokens. The
loss is in bits per byte of the held-back text, which does not depend on the vocabulary.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch

from benchmarks.records import Records, table
from glassgpt.data import Source, prepare, read_documents
from glassgpt.model import parameter_count
from glassgpt.model.cost import forward_flops
from glassgpt.recipes import embedded
from glassgpt.tokens import Tokenizer, learn
from glassgpt.train import Recipe, Saving, Watching, train


@dataclass(frozen=True, slots=True)
class Pilot:
    """One run: what differs from the middle of the table."""

    layers: int = 6
    width: int = 384
    vocabulary: int = 4096
    muon_lr: float = 0.02


MIDDLE = Pilot()
PILOTS = (
    MIDDLE,
    replace(MIDDLE, layers=4, width=256),
    replace(MIDDLE, layers=8, width=512),
    replace(MIDDLE, vocabulary=2048),
    replace(MIDDLE, vocabulary=8192),
    replace(MIDDLE, muon_lr=0.01),
    replace(MIDDLE, muon_lr=0.04),
)


def setting(pilot: Pilot, budget: float, rows: int) -> Recipe:
    """The embedded recipe at this size, as long as the budget of arithmetic lasts."""
    start = embedded(pilot.vocabulary)
    heads = pilot.width // 64
    model = replace(start.model, emb_dim=pilot.width, n_layers=pilot.layers, n_heads=heads)
    # A backward pass is two forward passes; an average token sees half a context.
    flops = 3 * forward_flops(model, model.context_length // 2)
    steps = max(2, round(budget / flops / (rows * model.context_length)))
    return replace(
        start,
        model=model,
        steps=steps,
        rows=rows,
        micro_rows=rows,
        optimizer=replace(start.optimizer, muon_lr=pilot.muon_lr),
        schedule=replace(start.schedule, warmup_steps=min(10, steps // 2)),
        saving=Saving(every=0),
        watching=Watching(evaluate_every=0, evaluate_tokens=2**31),
    )


def shards(corpus: Path, vocabulary: int, folder: Path, train_bytes: int, valid_bytes: int) -> Path:
    """The corpus in tokens of a vocabulary of this size, learned on the part of it that is read."""
    out = folder / f"v{vocabulary}"
    if not (out / "data.json").exists():
        texts = {
            name: first_bytes(corpus / name, limit) for name, limit in (("train", train_bytes), ("valid", valid_bytes))
        }
        for name, text in texts.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
        tokenizer = learn([texts["train"]], vocabulary)
        prepare([Source(folder / "train.txt")], out, tokenizer, valid=[Source(folder / "valid.txt")])
    return out


def first_bytes(folder: Path, limit: int) -> str:
    """An equal share of each of the first hundred documents, so that no author fills it alone."""
    documents = list(islice((text for path in sorted(folder.iterdir()) for text in read_documents(path)), 100))
    share = limit // len(documents)
    return "\n\n".join(text[:share] for text in documents)


def measure(pilot: Pilot, recipe: Recipe, data: Path) -> dict[str, object]:
    """Train once; bits per byte of the held-back text."""
    recipe = replace(recipe, model=replace(recipe.model, vocab_size=Tokenizer.load(data / "tokenizer").vocab_size))
    with tempfile.TemporaryDirectory() as run:
        loss = train(recipe, Path(run), data, device="cpu").validation
    assert loss is not None
    tokens = recipe.steps * recipe.tokens_per_step
    facts = {"bits_per_byte": loss.bits_per_byte, "nats": loss.nats_per_token}
    return {**facts, "tokens": tokens, "parameters": parameter_count(recipe.model)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every pilot, print the table, and one JSON line last."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder with train/ and valid/")
    parser.add_argument("--budget", type=float, default=3e13, help="floating-point operations of each run")
    parser.add_argument("--rows", type=int, default=16, help="rows of 256 tokens in a step")
    parser.add_argument("--train-bytes", type=int, default=12_000_000)
    parser.add_argument("--valid-bytes", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--records", type=Path, help="where to keep the rows that are done")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    records, rows = Records(options.records), []
    with tempfile.TemporaryDirectory() as folder:
        for pilot in PILOTS:
            asked = {
                "layers": pilot.layers,
                "width": pilot.width,
                "vocabulary": pilot.vocabulary,
                "muon_lr": pilot.muon_lr,
                "budget": options.budget,
                "rows": options.rows,
            }

            def run(pilot: Pilot = pilot) -> dict[str, object]:
                data = shards(options.corpus, pilot.vocabulary, Path(folder), options.train_bytes, options.valid_bytes)
                return measure(pilot, setting(pilot, options.budget, options.rows), data)

            row = records.measure(asked, run)
            name = f"L{pilot.layers} d{pilot.width}"
            shown = [name, f"{pilot.vocabulary:,}", f"{pilot.muon_lr:g}", f"{row['parameters'] / 1e6:.1f} M"]
            rows.append([*shown, f"{row['tokens']:,}", f"{row['bits_per_byte']:.4f}", row["seconds"]])
    headings = ["model", "vocabulary", "Muon's rate", "parameters", "tokens read", "bits per byte", "seconds"]
    print(table(headings, rows))
    print(json.dumps({"budget": options.budget, "rows": records.rows}))


if __name__ == "__main__":
    main()
