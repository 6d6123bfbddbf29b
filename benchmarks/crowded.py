"""What becomes of the native kernels when another program wants a core: tokens a second, with and without a neighbour.

    python benchmarks/crowded.py                       # GPT-2 small in int8, one and two threads, one busy neighbour
    python benchmarks/crowded.py --nice 10             # the neighbour is ten steps more important than we are
    python benchmarks/crowded.py --tiny --seconds 0.2  # a smoke run

The neighbour is a Python process that counts and never waits. Two threads should never be slower than one, and without
a neighbour they should be almost twice as fast as one where the memory bus allows it. The last line is JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from glassgpt.engine import NativeBackend, Piece
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize

TINY = GPT2Config(vocab_size=211, context_length=64, emb_dim=48, n_heads=4, n_layers=2)
PLACE = 16
"""Tokens that stand before the one that is written."""


@contextmanager
def neighbours(count: int, nice: int) -> Iterator[None]:
    """Some processes that take a core each, `nice` steps more important than we are."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    if nice and count:
        os.nice(nice)  # there is no way back, so this case comes last
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def step_times(backend: NativeBackend, seconds: float) -> list[float]:
    """Write one token over and over; seconds of each step."""
    memory = backend.memory(1, 64)
    backend.extend(memory, [Piece(0, [1] * PLACE, 0)])
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        backend.extend(memory, [Piece(0, [2])])
        memory.cut(0, PLACE)
        times.append(time.perf_counter() - start)
    return times


def measure(backends: dict[int, NativeBackend], rounds: int, seconds: float) -> dict[int, dict[str, float]]:
    """For each number of threads, taking turns: tokens a second over all, and the slower steps in milliseconds."""
    times: dict[int, list[float]] = {threads: [] for threads in backends}
    for _ in range(rounds):
        for threads, backend in backends.items():
            times[threads] += step_times(backend, seconds)
    return {
        threads: {
            "tokens_per_second": round(len(each) / sum(each), 1),
            "median_ms": round(1e3 * statistics.median(each), 2),
            "p99_ms": round(1e3 * sorted(each)[int(len(each) * 0.99)], 2),
            "worst_ms": round(1e3 * max(each), 2),
        }
        for threads, each in times.items()
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", default="int8", choices=("float32", "bfloat16", "int8", "int4"))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--neighbours", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--nice", type=int, default=0, help="how much more important the neighbour is")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each number of threads in a round")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    model = initialize(GPT2(TINY if args.tiny else SIZES[args.size]), seed=0).eval()
    backends = {n: NativeBackend.of(model, weights=args.weights, threads=n) for n in args.threads}
    rows = []
    for count in args.neighbours:
        with neighbours(count, args.nice):
            for threads, row in measure(backends, args.rounds, args.seconds).items():
                rows.append({"neighbours": count, "threads": threads, **row})
                print(rows[-1], flush=True)
    print(json.dumps({"benchmark": "crowded", "nice": args.nice, "weights": args.weights, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
