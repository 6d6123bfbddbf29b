"""What sharing the machine costs and brings: streams side by side, a long prompt among them, guesses.

    python benchmarks/batching.py                       # the model in the box, and GPT-2 small with random weights
    python benchmarks/batching.py --models embedded --native int8
    python benchmarks/batching.py --tiny                # a smoke run of a few seconds

Three questions, each answered by a ratio of two figures measured in turns in one process. Clients that come and go,
each with a request of another length: how fast beside a batch that begins and ends together? A long prompt arriving
while texts are written: how much longer is the wait for a token (p99 against the median)? Guesses by prompt lookup: how
much faster is a text that repeats itself, how much slower one that does not? Texts are compared too. The last line is
JSON.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import torch

from glassgpt.checkpoints import load_model
from glassgpt.engine import Backend, Event, Limits, NativeBackend, Request, Scheduler, TorchBackend, generate
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize
from glassgpt.sampling import SamplingParams

TINY = GPT2Config(vocab_size=211, context_length=96, emb_dim=48, n_heads=4, n_layers=2)
MODELS: dict[str, Callable[[], GPT2]] = {
    "tiny": lambda: initialize(GPT2(TINY), seed=0).eval(),
    "embedded": lambda: load_model("embedded").model.eval(),
    "small": lambda: initialize(GPT2(SIZES["small"]), seed=0).eval(),
}
GREEDY, DRAWN = 0.0, 1.0


def prompt(backend: Backend, length: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(backend.config.vocab_size, (length,), generator=generator).tolist()


def ask(backend: Backend, length: int, new: int, seed: int, **params: object) -> Request:
    return Request(prompt(backend, length, seed), SamplingParams(max_new_tokens=new, seed=seed, **params))


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def together(backend: Backend, args: argparse.Namespace) -> float:
    """Tokens a second of a batch that begins and ends together."""
    requests = [ask(backend, args.prompt, args.new, seed) for seed in range(args.streams)]
    return args.streams * args.new / seconds(lambda: generate(backend, requests))


def come_and_go(backend: Backend, args: argparse.Namespace) -> float:
    """Tokens a second of clients that each make a request when their last one is answered, while all are busy."""
    lengths = [args.new // 2 + (seed * 7919) % args.new for seed in range(args.streams * args.turns)]
    waiting = iter([ask(backend, args.prompt, new, seed) for seed, new in enumerate(lengths)])
    scheduler = Scheduler(backend, limits=Limits(rows=args.streams, room=args.prompt + 2 * args.new))
    written, busy = 0, True

    def told(event: Event | Exception) -> None:
        nonlocal written, busy
        if isinstance(event, Exception):
            raise event
        written += 1
        if event.finish_reason:
            request = next(waiting, None)
            busy &= request is not None
            if request:
                scheduler.submit(request, told)

    for _ in range(args.streams):
        scheduler.submit(next(waiting), told)
    start = time.perf_counter()
    while busy:
        scheduler.step()
    return written / (time.perf_counter() - start)


def waits(backend: Backend, args: argparse.Namespace) -> Iterator[float]:
    """Seconds between two tokens of texts that are being written while long prompts arrive one after another."""
    context = backend.config.context_length
    long, new = min(1000, context - 8), min(args.waiting, context - args.prompt)
    scheduler = Scheduler(backend, limits=Limits(rows=args.streams + 1, shortest=None))
    last: dict[int, float] = {}
    gaps: list[float] = []

    def told(event: Event | Exception) -> None:
        assert isinstance(event, Event)
        now = time.perf_counter()
        if event.request in last:
            gaps.append(now - last[event.request])
        last[event.request] = now

    for seed in range(args.streams):
        scheduler.submit(ask(backend, args.prompt, new, seed), told)
    for step in range(new):
        if step == new // 2:
            scheduler.submit(ask(backend, long, 1, 99), lambda event: None)
        scheduler.step()
    while scheduler.step():
        pass
    yield from gaps


def guessing(backend: Backend, args: argparse.Namespace, temperature: float, repeats: int) -> tuple[float, bool]:
    """One text with and without guesses: tokens a second, and whether the ids are the same."""
    ids = prompt(backend, max(4, args.prompt // 4), 5) * repeats
    new = min(args.waiting, backend.config.context_length - len(ids))
    ratios, same = [], True
    for turn in range(args.rounds + 1):
        taken, written = [], []
        for speculate in (False, True):
            params = SamplingParams(max_new_tokens=new, temperature=temperature, seed=turn, speculate=speculate)
            start = time.perf_counter()
            written.append(generate(backend, [Request(ids, params)])[0][0].ids)
            taken.append(time.perf_counter() - start)
        same &= written[0] == written[1]
        if turn:
            ratios.append(taken[0] / taken[1])
    return round(statistics.median(ratios), 3), same


def measure(name: str, args: argparse.Namespace) -> dict[str, object]:
    model = MODELS[name]()
    backend = NativeBackend.of(model, weights=args.native) if args.native else TorchBackend(model)
    ratios = []
    for turn in range(args.rounds + 1):
        rates = come_and_go(backend, args), together(backend, args)
        if turn:
            ratios.append(rates[0] / rates[1])
    gaps = sorted(gap for _ in range(args.rounds) for gap in waits(backend, args))
    repeating, same = guessing(backend, args, GREEDY, 4)
    not_repeating, still_same = guessing(backend, args, DRAWN, 1)
    return {
        "model": name,
        "come_and_go": round(statistics.median(ratios), 3),
        "median_ms": round(1000 * statistics.median(gaps), 2),
        "p99_ms": round(1000 * gaps[int(0.99 * (len(gaps) - 1))], 2),
        "p99_to_median": round(gaps[int(0.99 * (len(gaps) - 1))] / statistics.median(gaps), 2),
        "repeating": repeating,
        "not_repeating": not_repeating,
        "same_ids": same and still_same,
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["embedded", "small"])
    parser.add_argument("--native", metavar="WEIGHTS", help="our own kernels: float32, bfloat16, int8 or int4")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--prompt", type=int, default=16, help="tokens of each prompt")
    parser.add_argument("--new", type=int, default=64, help="tokens to write, on average")
    parser.add_argument("--waiting", type=int, default=200, help="tokens to write while a long prompt arrives")
    parser.add_argument("--turns", type=int, default=4, help="requests of each client")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--tiny", action="store_true", help="a tiny model and few tokens: checks that this program runs"
    )
    args = parser.parse_args(arguments)
    if args.tiny:
        args.models, args.streams, args.new, args.waiting, args.turns, args.rounds = ["tiny"], 3, 8, 24, 2, 1
    return args


def main(arguments: list[str]) -> int:
    args = parse(arguments)
    torch.set_num_threads(args.threads)
    rows = []
    print(
        "| model | come and go : together | p99 : median wait | lookup, repeating | lookup, not repeating | same ids |"
    )
    print("|---|---|---|---|---|---|")
    for name in args.models:
        row = measure(name, args)
        rows.append(row)
        ratios = [row[key] for key in ("come_and_go", "p99_to_median", "repeating", "not_repeating")]
        same = "yes" if row["same_ids"] else "no"
        print(f"| {name} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} | {same} |", flush=True)
    setting = {
        key: getattr(args, key)
        for key in ("native", "streams", "prompt", "new", "waiting", "turns", "rounds", "threads")
    }
    print(json.dumps({"benchmark": "batching", "torch": torch.__version__, **setting, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
