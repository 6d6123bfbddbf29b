"""Characters of Shakespeare at nanoGPT's setting for a CPU: AdamW and Muon at equal steps, several seeds each.

    python -m benchmarks.shakespeare --text input.txt

The setting is `glassgpt recipes shakespeare-char`; nanoGPT publishes 1.88 nats a character for it, an average over
random windows of 64. Here the whole last tenth of the text is predicted once, in windows of 64 side by side, so a
character has 31.5 before it on average, as there. Muon takes the matrices inside the blocks and AdamW the rest;
nothing else differs. Give --records FILE to be able to stop and go on.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.records import Records, table
from glassgpt.data import Source, prepare
from glassgpt.recipes import shakespeare_char
from glassgpt.tokens import Tokenizer
from glassgpt.train import Optimizer, Recipe, Saving, Watching, train

PUBLISHED = 1.88
OPTIMIZERS = {
    "AdamW, nanoGPT's rate": Optimizer(method="adamw", lr=1e-3, beta2=0.99),
    "AdamW": Optimizer(method="adamw", lr=4e-3, beta2=0.99),
    "Muon": Optimizer(method="muon", lr=4e-3, beta2=0.99, muon_lr=0.02),
}
"""nanoGPT's rate of 0.001, a higher one, and the same for what Muon leaves to AdamW. Nothing else differs."""


def prepare_characters(text: Path, out: Path) -> Path:
    """The first nine tenths to train on, the last to validate with, every byte a token: nanoGPT's split."""
    whole = text.read_text(encoding="utf-8")
    cut = int(len(whole) * 0.9)
    out.mkdir(parents=True, exist_ok=True)
    parts = {"train": whole[:cut], "valid": whole[cut:]}
    for name, part in parts.items():
        (out / f"{name}.txt").write_text(part, encoding="utf-8")
    prepare([Source(out / "train.txt")], out / "data", Tokenizer.of_bytes(), valid=[Source(out / "valid.txt")])
    return out / "data"


def setting(method: str, seed: int, steps: int, precision: str = "float32") -> Recipe:
    """nanoGPT's, with one of the two optimizers; evaluated on the whole split at the end, and only then."""
    recipe = shakespeare_char(Tokenizer.of_bytes().vocab_size)
    return replace(
        recipe,
        steps=steps,
        seed=seed,
        precision=precision,
        optimizer=OPTIMIZERS[method],
        saving=Saving(every=0),
        watching=Watching(evaluate_every=0, evaluate_tokens=2**31),
    )


def measure(recipe: Recipe, data: Path) -> dict[str, object]:
    """Train once; nats a character on the whole validation split."""
    with tempfile.TemporaryDirectory() as run:
        loss = train(recipe, Path(run), data, device="cpu").validation
    assert loss is not None
    return {"nats": loss.nats_per_token, "characters": loss.tokens}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train every seed with both optimizers, print the table, and one JSON line last."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--text", type=Path, required=True, help="the plays in one file, 1,115,394 characters")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=[*OPTIMIZERS], default=[*OPTIMIZERS], help="these optimizers")
    parser.add_argument("--records", type=Path, help="where to keep the rows that are done")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    records = Records(options.records)
    with tempfile.TemporaryDirectory() as folder:
        data = prepare_characters(options.text, Path(folder))
        for seed in range(options.seeds):
            for method in options.only:
                recipe = setting(method, seed, options.steps)
                asked = {"method": method, "seed": seed, "steps": options.steps}
                records.measure(asked, lambda recipe=recipe: measure(recipe, data))
    print(summary(records, options.steps))


def summary(records: Records, steps: int) -> str:
    """One line an optimizer: mean and standard deviation over the seeds, and every seed."""
    rows: list[list[object]] = [["nanoGPT, as published", "", f"{PUBLISHED:.2f}", "", "about 180"]]
    facts: dict[str, object] = {"steps": steps}
    for method in OPTIMIZERS:
        found = [row for row in records.rows if row["method"] == method and row["steps"] == steps]
        if not found:
            continue
        nats = [row["nats"] for row in found]
        spread = statistics.stdev(nats) if len(nats) > 1 else 0.0
        seconds = statistics.median(row["seconds"] for row in found)
        mean = statistics.mean(nats)
        rows.append([method, len(nats), f"{mean:.4f} ± {spread:.4f}", f"{min(nats):.4f}–{max(nats):.4f}", seconds])
        facts[method] = {"mean": mean, "deviation": spread, "nats": nats}
    headings = ["optimizer", "seeds", "nats a character, mean ± deviation", "lowest–highest", "seconds a run"]
    return f"{table(headings, rows)}\n{json.dumps(facts)}"


if __name__ == "__main__":
    main()
