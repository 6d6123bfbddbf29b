"""How fast a model trains, side by side with other projects' steps: tokens a second and peak memory.

    python -m benchmarks.train_step                            # GPT-2 small, 4 rows of 256 tokens, two threads
    python -m benchmarks.train_step --rounds 7 --only "glassgpt bfloat16_weights compiled" "nanogpt bfloat16 compiled"
    python -m benchmarks.train_step --tiny                     # a smoke run of seconds

A step is forward, backward, clipping and the optimizer. Every system runs in a process of its own, so that what one
does to its memory is not another's gain; the processes take turns, round after round, and a ratio is the median over
rounds of two neighbours in time. The first steps of each process, which compile and fault memory in, are not counted.
The last line is JSON.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.records import table
from glassgpt.data import Batch
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize
from glassgpt.train import Recipe
from glassgpt.train.allocator import keep_large_blocks
from glassgpt.train.optimizer import Updater
from glassgpt.train.peak import measure_peak, utilisation
from glassgpt.train.step import train_step
from glassgpt.train.working import Worker

Step = Callable[[Tensor, Tensor], float]
SMALL = replace(SIZES["small"], drop_rate=0.0)
TINY = GPT2Config(vocab_size=211, context_length=64, emb_dim=48, n_heads=4, n_layers=2, drop_rate=0.0)


def glassgpt(config: GPT2Config, rows: int, precision: str, *, fuse: bool = False) -> Step:
    """The trainer's own step."""
    keep_large_blocks()
    recipe = Recipe(
        model=config, steps=1, rows=rows, micro_rows=rows, precision=precision, compile=fuse, loss_rows=1024
    )
    model = initialize(GPT2(config), 0).train()
    worker, updater = Worker(model, recipe), Updater(dict(model.named_parameters()), recipe.optimizer)
    return lambda ids, targets: train_step(worker, updater, Batch(ids, targets), 1.0)[0].item()


def systems(config: GPT2Config, rows: int) -> dict[str, Callable[[], Step]]:
    """By name, how to set each up; the first is compared with all others."""
    return {
        "glassgpt bfloat16_weights compiled": partial(glassgpt, config, rows, "bfloat16_weights", fuse=True),
        "nanogpt bfloat16 compiled": partial(peers.nanogpt, config, half=True, fuse=True),
        "transformers bfloat16": partial(peers.transformers, config, half=True),
        "nanogpt bfloat16": partial(peers.nanogpt, config, half=True),
        "glassgpt bfloat16_weights": partial(glassgpt, config, rows, "bfloat16_weights"),
        "glassgpt bfloat16": partial(glassgpt, config, rows, "bfloat16"),
        "glassgpt float32": partial(glassgpt, config, rows, "float32"),
        "nanogpt float32": partial(peers.nanogpt, config, half=False),
        "transformers float32": partial(peers.transformers, config, half=False),
    }


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """In a process of its own: speed, peak memory, last loss, and the peak of the machine at that moment."""
    config, rows, length = (TINY, 2, 16) if args.tiny else (SMALL, args.rows, args.length)
    torch.set_num_threads(args.threads)
    clock = time.process_time if args.busy else time.perf_counter
    peak = measure_peak("cpu", "float32" if "float32" in name else "bfloat16")
    torch.manual_seed(0)
    step = systems(config, rows)[name]()
    seconds, loss = [], 0.0
    for turn in range(args.warmup + args.steps):
        ids = torch.randint(config.vocab_size, (rows, length + 1), generator=torch.Generator().manual_seed(turn))
        began = clock()
        loss = step(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
        seconds.append(clock() - began)
    speed = rows * length / statistics.median(seconds[args.warmup :])
    return {
        "tokens_per_second": speed,
        "best": rows * length / min(seconds[args.warmup :]),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "mfu": utilisation(config, speed, peak),
        "peak_gflops": peak / 1e9,
        "loss": loss,
    }


def in_its_own_process(arguments: list[str], name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.train_step", *arguments, "--one", name]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(answer.splitlines()[-1])


def summary(name: str, first: str, rounds: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The medians of one system, and how much faster the first is, round by round."""
    mine, ours = rounds[name], rounds[first]
    ratios = [a["tokens_per_second"] / b["tokens_per_second"] for a, b in zip(ours, mine, strict=True)]
    return {
        "system": name,
        "tokens_per_second": round(statistics.median(row["tokens_per_second"] for row in mine), 1),
        "best": round(max(row["best"] for row in mine), 1),
        "peak_mb": round(max(row["peak_mb"] for row in mine)),
        "mfu": round(statistics.median(row["mfu"] for row in mine), 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_from": round(min(ratios), 2),
        "ratio_to": round(max(ratios), 2),
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="counted steps of each process")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=[*systems(TINY, 1)], default=[*systems(TINY, 1)])
    parser.add_argument("--busy", action="store_true", help="count processor time, for a machine others use too")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    if args.one:
        print(json.dumps(measure(args.one, args)))
        return 0
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in args.only}
    for turn in range(args.rounds):
        for name, rows in rounds.items():
            rows.append(in_its_own_process(arguments, name))
            print(f"round {turn + 1}: {name}: {rows[-1]['tokens_per_second']:.0f} tokens/s", file=sys.stderr)
    found = [summary(name, args.only[0], rounds) for name in args.only]
    columns = ["system", "tokens/s", "best", "peak MB", "MFU", "ratio", "ratios seen"]
    cells = [[*list(row.values())[:6], f"{row['ratio_from']}–{row['ratio_to']}"] for row in found]
    print(table(columns, cells))
    facts = {"torch": torch.__version__, "threads": args.threads, "rounds": args.rounds, "steps": args.steps}
    print(json.dumps({"benchmark": "train_step", **facts, "rows": found, "all": rounds}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
