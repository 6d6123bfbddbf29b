"""How fast GPT-2 is written by GlassGPT and by other programs: the same weights, one run, taking turns, medians.

    pip install -r benchmarks/writers/requirements.txt              # those missing are left out
    CMAKE_ARGS=-DGGML_NATIVE=ON pip install --no-binary llama-cpp-python llama-cpp-python
    python benchmarks/against_peers.py                              # GPT-2 small, everything: half an hour
    python benchmarks/against_peers.py --size medium --widths int8 int4 --llama-bench PATH
    python benchmarks/against_peers.py --tiny                       # a smoke run with what is installed

Every program runs in a process of its own, which is stopped while another's turn lasts, so that no thread of it waits
in a loop on our cores. A turn is a text of new random tokens, or a batch of them: the time until the first token is
what reading costs, the further time for `--new` more tokens is what writing costs; long texts have both thrice. All
rows of one width of weights are measured together. What float32 programs write must agree. `peak` is what a process has
used of memory at most. The last line of stdout is JSON.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from writers import KINDS, Ids, Kind, prepared
from writers.worker import command

NEEDS = {
    "ours": ("glassgpt",),
    "transformers_writer": ("torch", "transformers"),
    "llama_cpp_writer": ("llama_cpp", "gguf"),
    "ctranslate2_writer": ("ctranslate2",),
    "openvino_writer": ("openvino_genai", "openvino_tokenizers", "optimum"),
    "onnx_writer": ("onnxruntime", "optimum"),
}
WIDTHS = ("float32", "bfloat16", "int8", "int4")
FILES = {"F32": "f32.gguf", "BF16": "bf16.gguf", "Q8_0": "q8_0.gguf", "Q4_0": "q4_0.gguf", "Q4_K_M": "q4_k_m.gguf"}
"""What llama-bench is given for the program of that name."""
LOUDER = 4.0


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    batch: int
    prompt: int
    new: int
    """0: only reading is measured."""

    @property
    def title(self) -> str:
        """In words."""
        if not self.new:
            return f"read {self.prompt} tokens"
        return f"write, batch {self.batch}" + (f", after {self.prompt} tokens" if self.prompt > 100 else "")

    def rate(self, answer: dict) -> float:
        """Tokens a second."""
        return self.batch * self.new / answer["more"] if self.new else self.prompt / answer["first"]


@dataclass
class Child:
    """One program's process: stopped but for its turns."""

    kind: Kind
    process: subprocess.Popen[str]
    peak: int = 0
    rates: dict[str, list[float]] = field(default_factory=dict)
    written: list[Ids] = field(default_factory=list)

    def turn(self, row: Row, prompts: list[Ids], keep: bool) -> None:
        """Let it write; keep how fast it was, unless it warms up."""
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"prompts": prompts, "count": row.new}) + "\n")
        self.process.stdin.flush()
        answer = self.listen()
        self.process.send_signal(signal.SIGSTOP)
        self.peak, self.written = answer["peak"], answer.get("written", [])
        if keep:
            self.rates.setdefault(row.title, []).append(row.rate(answer))

    def listen(self) -> dict:
        """Its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.kind.name} has ended; its last words are above")
        return json.loads(line)

    def end(self) -> None:
        """Let it go."""
        self.process.send_signal(signal.SIGCONT)
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self.process.communicate(timeout=30)
        self.process.kill()


def main(arguments: Sequence[str]) -> int:
    """Prepare, measure width by width, print."""
    options = parse(arguments)
    rows = [Row(1, 16, options.new), Row(1, 900, options.new), Row(8, 16, options.new), Row(32, 16, options.new)]
    rows += [Row(1, 512, 0), Row(1, 1023, 0)]
    if options.tiny:
        rows = [Row(1, 8, 4), Row(3, 8, 4), Row(1, 20, 0)]
    folder = options.folder / ("tiny" if options.tiny else options.size)
    vocab_size = make_source(folder / "source", "tiny" if options.tiny else options.size)
    kinds = [kind for kind in KINDS if kind.width in options.widths and usable(kind, folder)]
    if options.prepare:
        return 0
    found = []
    for width in options.widths:
        with running([kind for kind in kinds if kind.width == width], folder, options.threads) as children:
            measure(children, rows, vocab_size, options)
            found += [report(width, row, children) for row in rows]
            peaks = {child.kind.name: round(child.peak / 1e6) for child in children}
            print("\npeak memory, MB: " + ", ".join(f"{name} {peak}" for name, peak in peaks.items()), flush=True)
            found.append({"width": width, "row": "peak memory, MB", "medians": peaks})
    summarize(found)
    print(json.dumps({"benchmark": "against_peers", "size": folder.name, "threads": options.threads, "rows": found}))
    return 0


def make_source(folder: Path, size: str) -> int:
    """Random weights in Hugging Face's format, once; the size of the vocabulary.

    As GPT-2 starts, the next token is the last one again, whatever the blocks compute, and all programs would agree. So
    the blocks get a greater voice.
    """
    import torch

    from glassgpt.checkpoints import save_model
    from glassgpt.model import GPT2, SIZES, GPT2Config, initialize
    from glassgpt.tokens import Tokenizer

    tokenizer = Tokenizer.gpt2()
    tiny = GPT2Config(vocab_size=tokenizer.vocab_size, context_length=64, emb_dim=128, n_heads=2, n_layers=2)
    config = tiny if size == "tiny" else SIZES[size]
    if not (folder / "config.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        model = initialize(GPT2(config), seed=0).eval()
        with torch.no_grad():
            for weight in model.h.parameters():
                weight.mul_(LOUDER if weight.dim() == 2 else 1)
        save_model(model, folder, tokenizer=tokenizer)
    return config.vocab_size


def usable(kind: Kind, folder: Path) -> bool:
    """Whether the program is installed and has its file; a line on stderr where not."""
    missing = [name for name in NEEDS[kind.module] if find_spec(name) is None]
    if missing:
        print(f"{kind.name} is left out: {', '.join(missing)} not installed", file=sys.stderr)
        return False
    if not prepared(kind, folder).exists():
        print(f"{kind.name}: preparing {prepared(kind, folder).name}", file=sys.stderr, flush=True)
        done = subprocess.run(command("prepare", kind, folder, 0), cwd=Path(__file__).parent, check=False)
        if done.returncode:
            print(f"{kind.name} is left out: its weights could not be made", file=sys.stderr)
            return False
    return True


@contextlib.contextmanager
def running(kinds: Sequence[Kind], folder: Path, threads: int) -> Iterator[list[Child]]:
    """A loaded, stopped process of each."""
    children: list[Child] = []
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    try:
        for kind in kinds:
            process = subprocess.Popen(
                command("serve", kind, folder, threads),
                cwd=Path(__file__).parent,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            child = Child(kind, process)
            children.append(child)
            print(f"{kind.name}: loaded in {child.listen()['seconds']:.2f} s", file=sys.stderr, flush=True)
            process.send_signal(signal.SIGSTOP)
        yield children
    finally:
        for child in children:
            child.end()


def measure(children: Sequence[Child], rows: Sequence[Row], vocab_size: int, options: argparse.Namespace) -> None:
    """Round by round, every program writes the same texts; the first round warms up and compares what they write."""
    chance = random.Random(0)
    for row in rows:
        for number in range(options.rounds + 1):
            prompts = [[chance.randrange(vocab_size - 1) for _ in range(row.prompt)] for _ in range(row.batch)]
            for child in children:
                child.turn(row, prompts, keep=number > 0)
                if number and options.llama_bench and child.kind.name.startswith("llama.cpp"):
                    bench(options, child, row)
            if number == 0 and row.new:
                compare(row, children)
        print(f"{children[0].kind.width}: {row.title} measured", file=sys.stderr, flush=True)


def compare(row: Row, children: Sequence[Child]) -> None:
    """Say how much is the same as ours: in float32 all but near ties (some keep keys and values in 16 bits)."""
    ours = children[0]
    for child in children[1:]:
        pairs = [
            (a, b)
            for mine, other in zip(ours.written, child.written, strict=True)
            for a, b in zip(mine, other, strict=False)
        ]
        alike = sum(a == b for a, b in pairs) / len(pairs)
        print(f"{row.title}: {child.kind.name} writes {alike:.0%} as {ours.kind.name}", file=sys.stderr)
        first = sum(a[0] == b[0] for a, b in zip(ours.written, child.written, strict=True)) / len(ours.written)
        if ours.kind.width == "float32" and first < 0.75:
            sys.exit(f"{child.kind.name} writes something else than {ours.kind.name}: no speed is worth reporting.")


def bench(options: argparse.Namespace, child: Child, row: Row) -> None:
    """llama.cpp's own measure of the same row, where it has one: the batch of one."""
    file = FILES.get(child.kind.name.removeprefix("llama.cpp "))
    if row.batch > 1 or file is None:
        return
    what = ["-n", str(row.new), "-d", str(row.prompt), "-p", "0"] if row.new else ["-p", str(row.prompt), "-n", "0"]
    model = options.folder / ("tiny" if options.tiny else options.size) / file
    command = [options.llama_bench, "-m", model, "-t", options.threads, "-fa", 1, "-r", 1, "-o", "json", *what]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    child.rates.setdefault(f"{row.title} (llama-bench)", []).append(json.loads(done.stdout)[0]["avg_ts"])


def report(width: str, row: Row, children: Sequence[Child]) -> dict:
    """Print one row: each program's median, and ours over the best of the others."""
    medians = {child.kind.name: statistics.median(child.rates[row.title]) for child in children}
    own = f"{row.title} (llama-bench)"
    medians |= {f"llama-bench {c.kind.name[10:]}": statistics.median(c.rates[own]) for c in children if own in c.rates}
    peers = {name: rate for name, rate in medians.items() if not name.startswith("GlassGPT")}
    best = max(peers, key=peers.__getitem__, default=None)
    print(f"\n{width}: {row.title}, tokens a second")
    for name, rate in sorted(medians.items(), key=lambda each: -each[1]):
        ratio = f"   {rate / peers[best]:.2f} of the best peer" if best and name not in peers else ""
        print(f"  {name:28}{rate:9.1f}{ratio}", flush=True)
    return {
        "width": width,
        "row": row.title,
        "best_peer": best,
        "medians": {k: round(v, 1) for k, v in medians.items()},
    }


def summarize(found: Sequence[dict]) -> None:
    """A table of ours beside the best of the others."""
    print("\n| tokens a second | weights | GlassGPT | best of the others | ratio |\n|---|---|---:|---|---:|")
    for row in found:
        ours = max((rate for name, rate in row["medians"].items() if name.startswith("GlassGPT")), default=0.0)
        best = row.get("best_peer")
        if best:
            other = row["medians"][best]
            print(f"| {row['row']} | {row['width']} | {ours:,.0f} | {other:,.0f} {best} | {ours / other:.2f} |")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("small", "medium"), default="small", help="124M or 355M")
    parser.add_argument("--widths", nargs="+", choices=WIDTHS, default=list(WIDTHS), help="of weights")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--new", type=int, default=96, help="tokens written in a turn")
    parser.add_argument("--folder", type=Path, default=Path("peers"), help="for weights in every form; kept")
    parser.add_argument("--prepare", action="store_true", help="make the weights in every form, and measure nothing")
    parser.add_argument("--llama-bench", type=Path, help="the program of that name, to be asked as well")
    parser.add_argument("--tiny", action="store_true", help="a tiny model and few steps: checks that this program runs")
    options = parser.parse_args(arguments)
    options.folder = options.folder.resolve()
    if options.tiny:
        options.rounds = 1
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
