"""Where the time of a step goes: each kernel on its own, beside what the same threads reach in registers.

    python benchmarks/where_time_goes.py                                 # a prompt of 512, int8, one thread
    python benchmarks/where_time_goes.py --weights bfloat16 --rows 1 --place 900
    python benchmarks/where_time_goes.py --tiny                          # a smoke run

Each kernel counts with the fastest of some rounds, so that other programs disturb little. The last line is JSON.
"""

import argparse
import json
import sys
import time

import numpy as np

from glassgpt.engine.native_weights import pack
from glassgpt.kernels import FORMATS, Crew, Design, Stepper, host, load
from glassgpt.kernels.ceiling import measure_ceiling
from glassgpt.kernels.operation import Words
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize

TINY = GPT2Config(vocab_size=211, context_length=64, emb_dim=48, n_heads=4, n_layers=2)
LAYER = ("normalize", "query, key, value", "attend", "project", "normalize", "widen", "narrow")
PRIVATE = 4
"""Where a line of a program says whether each thread runs it for itself."""


class TimedCrew(Crew):
    """Runs a program line by line, and notes the time of each."""

    def run(self, program: Words, state: Words) -> None:
        """The same as one run; `times` are its seconds, line by line."""
        self.times = []
        for line in program:
            alone = line[None].copy()
            alone[0, PRIVATE] = 0
            start = time.perf_counter()
            super().run(alone, state)
            self.times.append(time.perf_counter() - start)


def names_of(layers: int) -> list[str]:
    return ["embed", *LAYER * layers, "normalize", "logits"]


def operations(config: GPT2Config, rows: int, place: int) -> dict[str, float]:
    """Multiplications and additions of the kernels that consist of them."""
    width, layers = config.emb_dim, config.n_layers
    square = 2 * rows * layers * width * width
    inner = config.mlp_width / width
    seen = rows * place + rows * (rows + 1) / 2
    kinds = {"query, key, value": 3 * square, "project": square, "widen": inner * square, "narrow": inner * square}
    return {**kinds, "attend": 4 * layers * width * seen}


def profile(model: GPT2, args: argparse.Namespace) -> dict[str, float]:
    """Seconds of each kind of kernel, all layers together."""
    config, form = model.config, FORMATS[args.weights]
    cache_form = FORMATS["float32" if args.weights == "float32" else "bfloat16"]
    design = Design(form, form, cache_form, config.activation)
    library = load(host(), design)
    crew = TimedCrew(library, args.threads)
    stepper = Stepper(pack(model, args.weights, None), design, library, crew, max(args.rows, args.place, 1))
    cache = stepper.cache(1, args.rows + args.place)
    if args.place:
        stepper.step(cache, [1] * args.place, range(args.place), [0] * args.place, [])
    rounds = []
    for _ in range(args.rounds):
        places = range(args.place, args.place + args.rows)
        stepper.step(cache, [2] * args.rows, places, [0] * args.rows, [args.rows - 1])
        rounds.append(crew.times)
    seconds: dict[str, float] = {}
    for name, best in zip(names_of(config.n_layers), np.min(rounds, axis=0), strict=True):
        seconds[name] = seconds.get(name, 0.0) + float(best)
    return seconds


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", choices=FORMATS, default="int8")
    parser.add_argument("--rows", type=int, default=512, help="tokens that are read in the step")
    parser.add_argument("--place", type=int, default=0, help="tokens that stand before them")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(arguments)
    if args.tiny:
        args.rows, args.rounds = min(args.rows, 20), 2
    return args


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    config = TINY if args.tiny else SIZES[args.size]
    seconds = profile(initialize(GPT2(config), seed=0).eval(), args)
    peak = measure_ceiling(args.threads, (args.weights,)).operations_per_second[args.weights]
    work, total = operations(config, args.rows, args.place), sum(seconds.values())
    print(f"{args.rows} tokens after {args.place}: {1e3 * total:.2f} ms; registers reach {peak / 1e9:.0f} GFLOP/s\n")
    print("| kernel | ms | share | GFLOP/s |\n|---|---:|---:|---:|")
    for name, time_ in seconds.items():
        rate = f"{work[name] / time_ / 1e9:.0f}" if name in work else ""
        print(f"| {name} | {1e3 * time_:.2f} | {100 * time_ / total:.0f} % | {rate} |")
    milliseconds = {name: round(1e3 * each, 3) for name, each in seconds.items()}
    facts = {"weights": args.weights, "rows": args.rows, "place": args.place, "threads": args.threads}
    print(json.dumps({"benchmark": "where_time_goes", **facts, "peak_gflops": round(peak / 1e9), "ms": milliseconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
