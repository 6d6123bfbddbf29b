"""`glassgpt doctor`: is everything here that GlassGPT needs, and what can this machine do?"""

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from glassgpt.cli.bars import size
from glassgpt.cli.open_model import no_collection, open_model
from glassgpt.cli.options import Kernels, Place, Talk
from glassgpt.cli.prompt import EMBEDDED
from glassgpt.cli.terminal import Terminal

PACKAGES = ("glassgpt", "torch", "numpy", "llvmlite", "safetensors", "fastokens", "regex", "tyro", "rich")
LITTLE_DISK_BYTES = 2_000_000_000
MARKS = {"ok": ("✓", "green"), "note": ("·", "dim"), "warning": ("!", "yellow"), "failed": ("✗", "bold red")}


@dataclass(frozen=True, kw_only=True)
class Doctor(Talk):
    """Check this installation and this machine: versions, devices, threads, folders, and the model that ships.

    Exit code 1 if something that GlassGPT needs does not work.
    """

    EXAMPLES: ClassVar = ("glassgpt doctor", "glassgpt doctor --json", "glassgpt doctor --quiet")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: how it is (ok, note, warning, failed) and what was seen."""

    topic: str
    state: str
    seen: str


def main(options: Doctor) -> int:
    """Look at everything, report each, and fail if one of them failed."""
    out = Terminal(options)
    found = []
    for finding in examine():
        found.append(finding)
        if not options.json:
            mark, style = MARKS[finding.state]
            out.result(f"{out.paint(mark, style)} {finding.topic:<12} {finding.seen}")
    healthy = all(finding.state != "failed" for finding in found)
    if options.json:
        out.json("doctor", {"healthy": healthy, "findings": [asdict(finding) for finding in found]})
    return 0 if healthy else 1


def examine() -> Iterator[Finding]:
    """Every finding, quick ones first."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("machine", _machine),
        ("folders", _folders),
        ("torch", _torch),
        ("kernels", _kernels),
        ("tokens", _tokens),
        ("model", _model),
    )
    for topic, check in checks:
        try:
            yield from check()
        except Exception as error:  # whatever is wrong is what a doctor is asked to report
            yield Finding(topic, "failed", f"{type(error).__name__}: {error}")


def _python() -> Iterator[Finding]:
    state = "ok" if sys.version_info >= (3, 11) else "failed"
    yield Finding("python", state, f"{platform.python_version()} ({platform.python_implementation()})")


def _packages() -> Iterator[Finding]:
    seen = []
    for name in PACKAGES:
        try:
            seen.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            seen.append(f"{name} (not installed)")
    state = "warning" if any("not installed" in each for each in seen) else "ok"
    yield Finding("packages", state, ", ".join(seen))


def _machine() -> Iterator[Finding]:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("machine", "ok", f"{platform.system()} {platform.machine()}, {allowed} CPU cores to use")


def _folders() -> Iterator[Finding]:
    with no_collection():
        from glassgpt.checkpoints.download import own_cache

    for topic, wanted in (("temporary", Path(tempfile.gettempdir())), ("here", Path.cwd()), ("cache", own_cache())):
        folder = next(place for place in (wanted, *wanted.parents) if place.exists())  # the rest is made when needed
        free = shutil.disk_usage(folder).free
        writable = os.access(folder, os.W_OK)
        state = "warning" if not writable or free < LITTLE_DISK_BYTES else "ok"
        yield Finding(topic, state, f"{wanted}: {size(free)} free{'' if writable else ', not writable'}")


def _torch() -> Iterator[Finding]:
    with no_collection():
        import torch

    from glassgpt.device import resolve

    place = resolve()
    yield Finding("device", "ok", f"{place.device}, {str(place.dtype).removeprefix('torch.')} ({place.reason})")
    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("threads", "ok", f"{torch.get_num_threads()} for PyTorch, CPU features {capability}")


def _kernels() -> Iterator[Finding]:
    from glassgpt.kernels import host, unavailable, usable_cores

    reason = unavailable()
    seen = f"our own for {host().name}, {usable_cores()} cores" if reason is None else str(reason)
    yield Finding("kernels", "ok" if reason is None else "note", seen)


def _tokens() -> Iterator[Finding]:
    from glassgpt.tokens import Tokenizer

    tokenizer, text = Tokenizer.gpt2(), "Hello, world! 🤖"
    ids = tokenizer.encode(text)
    good = ids[:4] == [15496, 11, 995, 0] and tokenizer.decode(ids) == text
    yield Finding(
        "tokens", "ok" if good else "failed", f"GPT-2's {tokenizer.vocab_size:,} tokens, {ids[:4]} as it should"
    )


def _model() -> Iterator[Finding]:
    start = time.perf_counter()
    lm = open_model(EMBEDDED, Place(), Terminal(Talk(quiet=True)), Kernels())
    loaded = time.perf_counter() - start
    start = time.perf_counter()
    first = lm.complete("Once upon a time", max_new_tokens=24, temperature=0.0)[0]
    pace = len(first.ids) / (time.perf_counter() - start)
    same = first.ids == lm.complete("Once upon a time", max_new_tokens=24, temperature=0.0)[0].ids
    yield Finding("model", "ok", f"the model that ships: read in {loaded:.2f} s, writes {pace:,.0f} tokens/s")
    said = "the same request writes the same text" if same else "the same request wrote two different texts"
    yield Finding("self-check", "ok" if same else "failed", said)
