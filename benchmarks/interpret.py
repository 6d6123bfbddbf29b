"""How long looking inside takes, and how much memory a trace holds: medians, for GPT-2 small with random weights.

    python benchmarks/interpret.py                # 20, 32 and 1,024 tokens
    python benchmarks/interpret.py --tiny         # a smoke run of a second

What a page that answers at once would allow is printed beside each figure. The last line is JSON.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch

from glassgpt.interpret import (
    Head,
    Trace,
    attention,
    attribute,
    effect,
    lens,
    looks,
    promoted,
    saliency,
    score_heads,
    sweep,
    thumbnails,
    trace,
    zero,
)
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize

TINY = GPT2Config(vocab_size=211, context_length=64, emb_dim=48, n_heads=4, n_layers=2)
ALLOWED = {
    ("one head in full", 1024): 0.150,
    ("thumbnails of one layer", 1024): 0.400,
    ("thumbnails of all layers", 1024): 3.0,
    ("sweep", 32): 15.0,
}
"""Seconds."""


def tasks(model: GPT2, seen: Trace) -> dict[str, Callable[[], object]]:
    layers, heads = model.config.n_layers, model.config.n_heads
    last = Head(layers - 1, heads - 1)
    return {
        "trace": lambda: trace(model, seen.ids),
        "one head in full": lambda: attention(seen, layers // 2, 1),
        "one token in every head": lambda: looks(seen, -1),
        "thumbnails of one layer": lambda: thumbnails(seen, 0),
        "thumbnails of all layers": lambda: [thumbnails(seen, layer) for layer in range(layers)],
        "lens": lambda: lens(seen),
        "attribution": lambda: attribute(seen, 7),
        "words of a head": lambda: promoted(seen, last),
        "effect of one head": lambda: effect(seen, seen.under(zero(last))),
        "saliency": lambda: saliency(seen),
    }


def seconds(task: Callable[[], object], times: int) -> float:
    task()  # the first call also allocates
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        task()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a small model and short texts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    model = initialize(GPT2(TINY if asked.tiny else SIZES["small"]), seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    rows: list[dict[str, object]] = []
    held = 0

    def show(name: str, length: int, taken: float) -> None:
        limit = ALLOWED.get((name, length))
        beside = "" if limit is None else f"   {'within' if taken <= limit else 'OVER'} {1000 * limit:,.0f} ms"
        print(f"{length:>5} tokens  {name:<26}{1000 * taken:>10,.1f} ms{beside}", flush=True)
        rows.append({"task": name, "tokens": length, "seconds": taken, "allowed": limit})

    for length in (5, 8, 64) if asked.tiny else (20, 32, 1024):
        ids = torch.randint(model.config.vocab_size, (length,), generator=generator).tolist()
        seen = trace(model, ids)
        for name, task in tasks(model, seen).items():
            show(name, length, seconds(task, asked.times))
        held = sum(tensor.nbytes for tensor in (seen.stream, *seen.kept))
        print(f"{length:>5} tokens  held by a trace           {held / 1e6:>10,.1f} MB")
        if length < 64:
            show("sweep", length, seconds(lambda seen=seen: sweep(seen), 1))
    show("scores of all heads", 0, seconds(lambda: score_heads(model), 1))
    print(json.dumps({"threads": asked.threads, "trace_bytes": held, "rows": rows}))


if __name__ == "__main__":
    main()
