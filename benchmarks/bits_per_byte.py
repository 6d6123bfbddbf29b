"""How well a model foresees texts it was not trained on, in bits per byte: comparable between vocabularies.

    python benchmarks/bits_per_byte.py --valid books-valid.jsonl.gz --valid textbooks-valid.jsonl.gz

Each document is read after one end-of-text token and ends with one that is predicted, as `ngram_baseline.py` does it.
Windows overlap by half, so every token but a document's first ones has at least half a context before it.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from glassgpt.checkpoints import load_model
from glassgpt.data import read_documents
from glassgpt.evaluate import Loss, losses_of
from glassgpt.evaluate.loss import together
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer


def measure(model: GPT2, tokenizer: Tokenizer, file: Path) -> Loss:
    """All the surprise of a file's documents, added up."""
    return together(losses_of(model, tokenizer, read_documents(file)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each file, print a table, and one JSON line last."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="embedded", help="a folder, run, or name; default: the one that ships")
    parser.add_argument("--valid", action="append", type=Path, metavar="FILE", help="may be repeated")
    options = parser.parse_args(arguments)
    if not options.valid:
        print("nothing to measure: give --valid FILE (see --help)", file=sys.stderr)
        return
    loaded = load_model(options.model)
    print("| text | tokens | bits per byte | nats a token | perplexity a token |\n|---|---|---|---|---|")
    rows = []
    for file in options.valid:
        start = time.perf_counter()
        loss = measure(loaded.model, loaded.tokenizer, file)
        name = file.name.removesuffix(".gz").removesuffix(".jsonl")
        print(
            f"| {name} | {loss.tokens:,} | {loss.bits_per_byte:.4f} | {loss.nats_per_token:.4f} | "
            f"{loss.perplexity:.2f} |",
            flush=True,
        )
        row = {"text": name, "bits_per_byte": loss.bits_per_byte, "nats_per_token": loss.nats_per_token}
        rows.append({**row, "tokens": loss.tokens, "seconds": round(time.perf_counter() - start, 1)})
    print(json.dumps({"model": options.model, "rows": rows}))


if __name__ == "__main__":
    main()
