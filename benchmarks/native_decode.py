"""How fast one more token is written by our own CPU kernels and by PyTorch's: one process, taking turns, medians.

    python benchmarks/native_decode.py                             # GPT-2 small, batch 1 and 8, all formats
    python benchmarks/native_decode.py --weights int8 int4 --kv-cache int8 --places 16 900
    python benchmarks/native_decode.py --prompt 512                # reading a prompt instead
    python benchmarks/native_decode.py --tiny                      # a smoke run of a few seconds

All sides hold the same random weights. GB/s are the weights a step must read over its time; the machine's own reading
speed, measured in between by NumPy, stands beside it. On a busy machine only the ratios mean anything. The last line is
JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from glassgpt.engine import Backend, NativeBackend, Piece, TorchBackend
from glassgpt.engine.native_backend import KV_CACHES
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize

TINY = GPT2Config(vocab_size=211, context_length=64, emb_dim=48, n_heads=4, n_layers=2)
FORMATS = ("float32", "bfloat16", "int8", "int4")
READ_BYTES = 256 * 2**20


def make(config: GPT2Config, formats: list[str], caches: list[str], threads: int) -> dict[str, Backend]:
    """A backend for each row of a table."""
    model = initialize(GPT2(config), seed=0).eval()
    backends: dict[str, Backend] = {
        f"native {name}": NativeBackend.of(model, weights=name, threads=threads) for name in formats
    }
    for cache in caches:
        for name in formats:
            backend = NativeBackend.of(model, weights=name, kv_cache=cache, threads=threads)
            backends[f"native {name}, cache {cache}"] = backend
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        if name in formats:
            backends[f"torch {name}"] = TorchBackend(initialize(GPT2(config), seed=0).eval().to(dtype))
    return backends


def decoding(backend: Backend, batch: int, place: int, room: int) -> Callable[[], None]:
    """Write one token in each of `batch` texts that hold `place` tokens."""
    memory = backend.memory(batch, room)
    for row in range(batch):
        backend.extend(memory, [Piece(row, [1] * place, 0)])

    def run() -> None:
        backend.extend(memory, [Piece(row, [2]) for row in range(batch)])
        for row in range(batch):
            memory.cut(row, place)

    return run


def reading(backend: Backend, count: int) -> Callable[[], None]:
    """Read a prompt."""
    memory = backend.memory(1, count)

    def run() -> None:
        memory.cut(0, 0)
        backend.extend(memory, [Piece(0, [3] * count)])

    return run


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(runs: dict[str, Callable[[], None]], rounds: int, each: int) -> tuple[dict[str, float], float]:
    """Median seconds of each, taking turns; and the median speed of reading memory in between, in GB/s."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    memory, speeds = np.ones(READ_BYTES // 8, np.float64), []
    for turn in range(rounds + 1):
        for name, run in runs.items():
            run()  # whoever ran before has emptied the caches
            if turn:
                times[name] += [seconds(run) for _ in range(each)]
        speeds.append(memory.nbytes / seconds(memory.sum) / 1e9)
    return {name: statistics.median(values) for name, values in times.items()}, statistics.median(speeds)


def show(title: str, tokens: int, medians: dict[str, float], speed: float, backends: dict[str, Backend]) -> dict:
    """Print one table."""
    print(f"\n{title}; NumPy reads {speed:.1f} GB/s on one thread\n")
    print("| kernels | ms | tokens/s | GB/s | against torch |")
    print("|---|---|---|---|---|")
    slowest = max((medians[name] for name in medians if name.startswith("torch")), default=float("nan"))
    for name, median in medians.items():
        backend = backends[name]
        rate = f"{backend.bytes_read_each_step / median / 1e9:.1f}" if isinstance(backend, NativeBackend) else "–"
        peer = medians.get(name.replace("native", "torch").partition(",")[0], slowest)
        print(f"| {name} | {median * 1e3:.2f} | {tokens / median:.0f} | {rate} | {peer / median:.2f} |", flush=True)
    return {"row": title, "read_gbs": round(speed, 1), "ms": {name: round(t * 1e3, 3) for name, t in medians.items()}}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--kv-cache", nargs="+", choices=KV_CACHES, default=[], help="further rows with such caches")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--places", type=int, nargs="+", default=[16], help="tokens that each text holds already")
    parser.add_argument("--prompt", type=int, default=0, help="read a prompt of so many tokens instead")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--each", type=int, default=8, help="steps of each side in a round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--tiny", action="store_true", help="a tiny model and few steps: checks that this program runs")
    args = parser.parse_args(arguments)
    if args.tiny:
        args.batches, args.rounds, args.each, args.weights = [1, 3], 1, 2, ["float32", "int8"]
    return args


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    torch.set_num_threads(args.threads)
    config = TINY if args.tiny else SIZES[args.size]
    backends, rows = make(config, args.weights, args.kv_cache, args.threads), []
    if args.prompt:
        runs = {name: reading(backend, args.prompt) for name, backend in backends.items()}
        medians, speed = compare(runs, args.rounds, 1)
        rows.append(show(f"A prompt of {args.prompt} tokens", args.prompt, medians, speed, backends))
    for batch in [] if args.prompt else args.batches:
        for place in args.places:
            room = min(config.context_length, place + 64)
            runs = {name: decoding(backend, batch, place, room) for name, backend in backends.items()}
            medians, speed = compare(runs, args.rounds, args.each)
            rows.append(show(f"Batch {batch}, {place} tokens before", batch, medians, speed, backends))
    print(json.dumps({"benchmark": "native_decode", "torch": torch.__version__, "threads": args.threads, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
