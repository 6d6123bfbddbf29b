"""How close to GPT-2 this is: every rung of the fidelity ladder, measured, as a Markdown table; JSON in the last line.

    python benchmarks/fidelity.py [--fast] [--only 1 --only 2]

The claims, and the code that measures them, are those the tests hold to their tolerances (`tests/oracle/ladder.py`).
Needs what the tests need, such as transformers. On two idle cores it takes about a minute.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `tests`, which is not installed

from tests.oracle.ladder import LADDER, Rung


def main() -> int:
    """Measure, print, and fail if a rung does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="leave out what takes more than three seconds")
    parser.add_argument("--only", type=int, action="append", metavar="NUMBER", help="only rungs of this number")
    options = parser.parse_args()
    chosen = [r for r in LADDER if not (options.fast and r.is_slow) and r.number in (options.only or [r.number])]
    results = [(rung, timed(rung)) for rung in chosen]
    print("| # | difference | measured | allowed |\n| ---: | --- | ---: | ---: |")
    for rung, value in results:
        print(f"| {rung.number} | {rung.claim} | {short(value)} | {short(rung.tolerance)} |")
    rows = [
        {"rung": rung.number, "claim": rung.claim, "measured": value, "allowed": rung.tolerance}
        for rung, value in results
    ]
    print(json.dumps({"torch": torch.__version__, "machine": platform.machine(), "rungs": rows}))
    return 0 if all(value <= rung.tolerance for rung, value in results) else 1


def timed(rung: Rung) -> float:
    """The difference; the time goes to stderr."""
    start = time.perf_counter()
    value = float(rung.measure())
    print(f"{time.perf_counter() - start:6.1f} s  {rung}", file=sys.stderr)
    return value


def short(value: float) -> str:
    """`0`, `0.025` or `1.1e-6`: two digits that matter."""
    if value == 0:
        return "0"
    if value >= 1e-3:
        return f"{value:.2g}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


if __name__ == "__main__":
    sys.exit(main())
