"""How much memory writing takes on the native kernels, as a Markdown table.

    python benchmarks/memory.py FOLDER [--formats int8 int4]

For each format three programs run one after the other, with a cache folder that is empty at first: one that packs the
weights and compiles the kernels, one that finds both, and one that then reads 900 tokens instead of 8. Each writes 32
tokens. Counted is VmHWM of /proc/self/status: the most that a process has held in memory at once, Python, libraries,
tokenizer and all, pages of files that it had mapped among them. Linux only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import sys
from glassgpt.language_model import load
def most():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
start = most()
lm = load(sys.argv[1], backend="native", weights=sys.argv[2])
prompt = "It was a dark night, and the captain" if sys.argv[3] == "short" else "the ship went on " * 225
lm.generate(prompt, max_new_tokens=32, seed=1)
print(start, most(), "torch" in sys.modules)
"""
RUNS = ("short", "short", "long")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--formats", nargs="+", default=["float32", "bfloat16", "int8", "int4"])
    options = parser.parse_args()
    if (options.folder / ".glassgpt").exists():
        raise SystemExit(f"{options.folder / '.glassgpt'} holds packed weights already: delete it first")
    print("| weights | the first time, MB | later | later, 900 tokens |\n|---|---:|---:|---:|")
    for weights in options.formats:
        print(f"| {weights} | {' | '.join(f'{peak / 1e6:.0f}' for _, peak in peaks(options.folder, weights))} |")


def peaks(folder: Path, weights: str, runs: tuple[str, ...] = RUNS) -> list[tuple[int, int]]:
    """Of each run: bytes held when it began, and at most."""
    found: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as cache:
        for run in runs:
            command = [sys.executable, "-c", PROGRAM, str(folder), weights, run]
            environment = {**os.environ, "GLASSGPT_CACHE": cache}
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            start, peak, torch_is_there = done.stdout.split()
            assert torch_is_there == "False", "PyTorch was imported"
            found.append((int(start), int(peak)))
    return found


if __name__ == "__main__":
    main()
