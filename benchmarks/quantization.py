"""What integers cost: every scheme against float32 on the same windows of the same texts.

    python benchmarks/quantization.py --valid books-valid.jsonl.gz --valid textbooks-valid.jsonl.gz
    python benchmarks/quantization.py --valid text.txt --rows int4 "int4, cache int8" --tokens 4096
    python benchmarks/quantization.py --calibration books-train.jsonl.gz --valid books-valid.jsonl.gz
    python benchmarks/quantization.py --tiny                       # a smoke run of a few seconds

Texts are cut into windows of the model's context, spread evenly over each file, and every token but a window's first is
judged. A row whose name ends in "plain" computes with PyTorch in float32 and the numbers that the integers stand for;
all others run on the native kernels, which round the rows too. MB are the size of `model.safetensors`. The last line is
JSON.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from glassgpt.checkpoints import Loaded, Quantization, load_model, save_model, save_quantized
from glassgpt.cli.calibration import calibration_texts
from glassgpt.data import read_documents
from glassgpt.engine.score import read
from glassgpt.evaluate.difference import difference
from glassgpt.language_model import LanguageModel, load
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.quantize import SCHEMES, Scheme, quantize
from glassgpt.tokens import Tokenizer

INT8, INT4 = SCHEMES["int8"], SCHEMES["int4"]
PLAIN = replace(INT4, method="nearest", balance=False)
Logits = Callable[[torch.Tensor], torch.Tensor]


class Row(NamedTuple):
    """How one row of the table is made."""

    scheme: Scheme | None
    weights: str | None = None
    """Of a model that is not quantized: what the native kernels round it to."""
    cache: str | None = None
    native: bool = True


ROWS = {
    "float32": Row(None),
    "bfloat16": Row(None, "bfloat16"),
    "bfloat16, cache int8": Row(None, "bfloat16", "int8"),
    "int8": Row(INT8),
    "int8, plain": Row(INT8, native=False),
    "int8, cache int8": Row(INT8, cache="int8"),
    "int4": Row(INT4),
    "int4, plain": Row(INT4, native=False),
    "int4, cache int8": Row(INT4, cache="int8"),
    "int4, nearest": Row(PLAIN),
    "int4, nearest with balance": Row(replace(PLAIN, balance=True)),
    "int4, best scales": Row(replace(PLAIN, method="clip")),
    "int4, best scales with balance": Row(replace(PLAIN, method="clip", balance=True)),
    "int4, gptq without balance": Row(replace(INT4, balance=False)),
    "int4, head int4": Row(replace(INT4, head="int4")),
    "int4, head float": Row(replace(INT4, head="float")),
}
TINY = GPT2Config(vocab_size=4096, context_length=24, emb_dim=32, n_heads=2, n_layers=1)


def windows(loaded: Loaded, files: Sequence[Path], tokens: int) -> list[list[int]]:
    """About so many tokens in windows, the same number of each file."""
    length, found = loaded.model.config.context_length, []
    for file in files:
        ids = [token for text in read_documents(file) for token in loaded.tokenizer.encode(text)]
        pieces, wanted = len(ids) // length, max(1, tokens // length // len(files))
        starts = [number * pieces // wanted * length for number in range(min(wanted, pieces))]
        found += [ids[start : start + length] for start in starts]
    return found


def make(loaded: Loaded, row: Row, ids: torch.Tensor, folder: Path) -> tuple[Logits, float, float]:
    """What computes logits, the size of its file in MB, and the seconds that quantizing took."""
    start = time.perf_counter()
    if row.scheme is None:
        save_model(loaded.model, folder, tokenizer=loaded.tokenizer)
    else:
        made = quantize(loaded.model, row.scheme, ids)
        described = Quantization(row.scheme.body, row.scheme.head)
        save_quantized(made.model, made.integers, described, folder, tokenizer=loaded.tokenizer)
    seconds, size = time.perf_counter() - start, (folder / "model.safetensors").stat().st_size / 1e6
    if row.native:
        backend = load(folder, backend="native", weights=row.weights, kv_cache=row.cache).backend
        return lambda text: torch.cat([torch.as_tensor(part) for part in read(backend, text.tolist())]), size, seconds
    again = load(folder, backend="torch").model
    return lambda text: again(text[None])[0], size, seconds


@torch.inference_mode()
def measure(model: GPT2, sides: dict[str, Logits], texts: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
    """Sums of each side's difference from the model: its own surprise, the side's, divergence, agreements."""
    sums = {name: torch.zeros(4, dtype=torch.float64) for name in sides}
    for done, text in enumerate(torch.tensor(texts), start=1):
        wanted = model(text[None, :-1])[0].log_softmax(dim=-1)
        for name, logits in sides.items():
            sums[name] += difference(wanted, logits(text[:-1]).log_softmax(dim=-1), text[1:])
        print(f"\r{done} of {len(texts)} windows", end="", file=sys.stderr, flush=True)
    return sums


def report(
    name: str, sums: torch.Tensor, text_bytes: int, tokens: int, size: float, seconds: float
) -> dict[str, object]:
    """Print a row of the table."""
    first, second, divergence, agreed = sums.tolist()
    bits, before = (nats / math.log(2) / text_bytes for nats in (second, first))
    print(
        f"| {name} | {size:.1f} | {bits:.4f} | {bits - before:+.4f} | {divergence / tokens:.4f} | "
        f"{100 * agreed / tokens:.1f} % |"
    )
    facts = {"row": name, "mb": round(size, 2), "bits_per_byte": round(bits, 5), "more": round(bits - before, 5)}
    return {**facts, "divergence": divergence / tokens, "agreement": agreed / tokens, "seconds": round(seconds, 1)}


def open_model(options: argparse.Namespace) -> Loaded:
    if not options.tiny:
        return load_model(options.model)
    model = initialize(GPT2(TINY), seed=0).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)  # a fresh model finds everything equally likely, whatever it is rounded to
    return Loaded(model, load_model("embedded").tokenizer, Path(), "tiny")


def bytes_of(tokenizer: Tokenizer, texts: Sequence[Sequence[int]]) -> int:
    return sum(len(tokenizer.token_bytes(token)) for text in texts for token in text[1:])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="embedded", help="a folder, run, or name; default: the one that ships")
    parser.add_argument("--valid", action="append", type=Path, metavar="FILE", default=[], help="may be repeated")
    parser.add_argument("--calibration", type=Path, metavar="FILE", help="default: texts that the model writes")
    parser.add_argument("--texts", type=int, default=64, help="to calibrate by")
    parser.add_argument("--tokens", type=int, default=20_000, help="to judge")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--tiny", action="store_true", help="a tiny random model and few tokens")
    options = parser.parse_args(arguments)
    if options.tiny:
        options.texts, options.tokens = 2, 48
    elif not options.valid:
        parser.error("nothing to judge: give --valid FILE")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Make every row, judge all of them window by window, print a table, and one JSON line last."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    loaded = open_model(options)
    texts = [list(range(24)), list(range(24, 48))] if options.tiny else windows(loaded, options.valid, options.tokens)
    lm = LanguageModel(loaded.model, loaded.tokenizer)
    ids = calibration_texts(lm, options.calibration, options.texts, 0, lambda what, done, goal: None)
    with tempfile.TemporaryDirectory() as folder:
        made = {
            name: make(loaded, ROWS[name], ids, Path(folder) / str(number)) for number, name in enumerate(options.rows)
        }
        sums = measure(loaded.model, {name: logits for name, (logits, _, _) in made.items()}, texts)
    tokens, text_bytes = sum(len(text) - 1 for text in texts), bytes_of(loaded.tokenizer, texts)
    print(f"\n{loaded.name}: {len(texts)} windows, {tokens:,} tokens, {text_bytes:,} bytes\n")
    print("| scheme | MB | bits per byte | against float32 | divergence | same likeliest token |")
    print("|---|---|---|---|---|---|")
    rows = [report(name, sums[name], text_bytes, tokens, *made[name][1:]) for name in options.rows]
    print(json.dumps({"benchmark": "quantization", "model": loaded.name, "tokens": tokens, "rows": rows}))


if __name__ == "__main__":
    main()
