"""A process with one program and one model: `python -m writers.worker prepare|serve KIND FOLDER THREADS`.

`serve` answers each line of JSON on stdin by one on stdout. Programs may print what they like; it goes to stderr.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from writers import KINDS, Ids, Kind, Writer, prepared

LONG, REPEATS = 500, 3
"""Prompts of so many tokens are read so many times in a turn."""


def main(what: str, name: str, folder: str, threads: int) -> None:
    """Make what the program reads, or write texts until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    kind = next(kind for kind in KINDS if kind.name == name)
    module, place = import_module(f"writers.{kind.module}"), prepared(kind, Path(folder))
    if what == "prepare":
        module.prepare(Path(folder) / "source", place, kind.form)
        return
    started = time.perf_counter()
    writer = module.open_writer(place, kind.form, threads)
    print(json.dumps({"seconds": time.perf_counter() - started}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answer(writer, request["prompts"], request["count"])), file=answers, flush=True)


def answer(writer: Writer, prompts: Sequence[Ids], count: int) -> dict:
    """The time until one token of each text is written, until `count` more are, and what was written.

    The latter is a difference, small where a prompt is long; so long ones are read several times, and medians are told.
    Each time the texts begin otherwise: some programs remember beginnings they have read.
    """
    firsts, wholes, written = [], [], []
    for _ in range(REPEATS if len(prompts[0]) >= LONG else 1):
        seconds, _ = timed(writer, prompts, 1)
        firsts.append(seconds)
        prompts = turned(prompts)
        if count:
            seconds, written = timed(writer, prompts, count + 1)
            wholes.append(seconds)
            prompts = turned(prompts)
    first = statistics.median(firsts)
    if not count:
        return {"first": first, "peak": peak()}
    return {"first": first, "more": statistics.median(wholes) - first, "written": written, "peak": peak()}


def timed(writer: Writer, prompts: Sequence[Ids], count: int) -> tuple[float, list[Ids]]:
    """Seconds, and what was written."""
    started = time.perf_counter()
    written = writer.write(prompts, count)
    return time.perf_counter() - started, written


def turned(prompts: Sequence[Ids]) -> list[Ids]:
    """The first token of each text at its end."""
    return [ids[1:] + ids[:1] for ids in prompts]


def peak() -> int:
    """Bytes of memory this process has used at most (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


def command(what: str, kind: Kind, folder: Path, threads: int) -> list[str]:
    """How to start such a process."""
    return [sys.executable, "-m", "writers.worker", what, kind.name, str(folder), str(threads)]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
