"""`glassgpt bench`: how fast this machine reads and writes with a model, and how near that is to what it can do."""

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.bars import size
from glassgpt.cli.open_model import no_collection, open_model
from glassgpt.cli.options import Kernels, Place, Talk, UsageError
from glassgpt.cli.progress import progress
from glassgpt.cli.table import show_table
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.engine import Backend
    from glassgpt.engine.speed import Work
    from glassgpt.kernels.ceiling import Ceiling

NOTE = """\
To write a token, all weights come through the memory bus: GB/s is what limits it, and fewer bytes (--weights int8) or
more texts at once (--batch 8) is what helps. A prompt's tokens share one reading: there GFLOP/s is the limit.
More than 100 % of GB/s means that the weights fit into the CPU's cache and need not come from memory."""


@dataclass(frozen=True, kw_only=True)
class BenchOptions(Place, Kernels, Talk):
    """Measure how fast this machine reads prompts and writes with a model, beside what it can do at best.

    Each row is one kind of work: a prompt read at once, or tokens written one by one, in one text or in several side by
    side. GB/s are the bytes that it must at least read from memory, over its time; GFLOP/s its multiplications and
    additions. Beside them stand the limits of the same threads, measured in the same minute: reading memory in order,
    and multiplying in registers. Medians of some rounds, in which all kinds of work take turns. Choosing tokens is not
    timed. On a machine that does other things too, only rows of one run can be compared.
    """

    EXAMPLES: ClassVar = (
        "glassgpt bench",
        "glassgpt bench --weights int8 --threads 2 --batch 1 --batch 8",
        "glassgpt bench embedded --prompt 200 --context 100 --new 20 --json",
    )

    model: Annotated[Positional[str], arg(metavar="MODEL")] = "embedded"
    """A folder, a run, or a name such as gpt2."""
    batch: Annotated[tuple[int, ...], arg(metavar="N"), UseAppendAction] = ()
    """Write N texts side by side; 1 and 8 if not given."""
    prompt: Annotated[int, arg(metavar="N")] = 0
    """Read a prompt of N tokens; 0 takes 512, or half of what the model sees."""
    context: Annotated[int, arg(metavar="N")] = 16
    """Each text holds N tokens before the writing begins."""
    new: Annotated[int, arg(aliases=("-n",), metavar="N")] = 64
    """Write N tokens in each text."""
    rounds: Annotated[int, arg(metavar="N")] = 3
    """Rounds of which the median counts."""

    def __post_init__(self) -> None:
        """Refuse counts that measure nothing."""
        super().__post_init__()
        least = {"prompt": 0, "context": 0, "new": 1, "rounds": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise UsageError(f"--{name} {getattr(self, name)} is not allowed: must be ≥ {low}")
        if any(count < 1 for count in self.batch):
            raise UsageError(f"--batch {min(self.batch)} is not allowed: must be ≥ 1")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of work, and how fast it went."""

    work: "Work"
    seconds: float
    bytes_per_second: float
    operations_per_second: float

    @property
    def title(self) -> str:
        """What it is, in the table."""
        if not self.work.one_by_one:
            return f"read a prompt of {self.work.count:,}"
        return f"write {self.work.count:,} after {self.work.start:,}, batch {self.work.batch}"

    @property
    def tokens_per_second(self) -> float:
        """Of all texts together."""
        return self.work.tokens / self.seconds


def main(options: BenchOptions) -> None:
    """Measure, then print the table."""
    out = Terminal(options)
    lm = open_model(options.model, options, out)
    rows = _measure(lm.backend, _works(lm.config.context_length, options), options.rounds, out)
    memory, ceiling = _peak_memory(), _ceiling(lm.backend)
    if options.json:
        out.json("bench", {"model": lm.name, **_setting(lm.backend), **_facts(rows, ceiling), "peak_bytes": memory})
        return
    setting = ", ".join(f"{name} {value}" for name, value in _setting(lm.backend).items())
    peak = f", at most {size(memory)} of memory" if memory else ""
    out.result(f"{lm.name}: {setting}{peak}\n")
    header, cells = _table(rows, ceiling)
    show_table(out, header, cells, bold_last=ceiling is not None)
    out.talk(out.paint_talk(f"\n{NOTE}", "dim"))


def _works(context: int, options: BenchOptions) -> "list[Work]":
    from glassgpt.engine.speed import Work

    prompt = options.prompt or min(512, max(1, context // 2))
    writing = [Work(batch, options.context, options.new, one_by_one=True) for batch in options.batch or (1, 8)]
    works = [Work(1, 0, prompt, one_by_one=False), *writing]
    longest = max(work.start + work.count for work in works)
    if longest > context:
        raise UsageError(f"{longest:,} tokens are too many: the model sees {context:,}. Ask for fewer")
    return works


def _measure(backend: "Backend", works: "Sequence[Work]", rounds: int, out: Terminal) -> list[Row]:
    from glassgpt.engine.speed import seconds

    times: list[list[float]] = [[] for _ in works]
    with progress(out) as report:
        for turn in range(rounds + 1):  # the first is for warming up
            report("rounds", turn, rounds + 1)
            for work, measured in zip(works, times, strict=True):
                took = seconds(backend, work)
                if turn:
                    measured.append(took)
    rows: list[Row] = []
    for work, measured in zip(works, times, strict=True):
        median = max(statistics.median(measured), 1e-9)
        rows.append(Row(work, median, work.bytes(backend) / median, work.operations(backend) / median))
    return rows


def _setting(backend: "Backend") -> dict[str, object]:
    from glassgpt.engine import NativeBackend

    if isinstance(backend, NativeBackend):
        return {"backend": "native", "weights": backend.weights, "threads": backend.threads}
    with no_collection():
        import torch

        from glassgpt.engine import TorchBackend

    assert isinstance(backend, TorchBackend)
    dtype = str(backend.dtype).removeprefix("torch.")
    return {"backend": "torch", "weights": dtype, "threads": torch.get_num_threads(), "device": str(backend.device)}


def _ceiling(backend: "Backend") -> "Ceiling | None":
    """What the threads can do; None where there are no kernels to measure it with, or a GPU computes."""
    from glassgpt.kernels import FORMATS, unavailable
    from glassgpt.kernels.ceiling import measure_ceiling

    setting = _setting(backend)
    if unavailable() is not None or setting.get("device", "cpu") != "cpu" or setting["weights"] not in FORMATS:
        return None
    return measure_ceiling(int(str(setting["threads"])), (str(setting["weights"]),))


def _table(rows: Sequence[Row], ceiling: "Ceiling | None") -> tuple[list[str], list[list[str]]]:
    header = ["", "ms/token", "tokens/s", "GB/s", "of best", "GFLOP/s", "of best"]
    best = (ceiling.bytes_per_second, *ceiling.operations_per_second.values()) if ceiling else (0.0, 0.0)
    cells: list[list[str]] = []
    for row in rows:
        each = 1000 * row.seconds / row.work.count
        line = [row.title, f"{each:,.2f}", f"{row.tokens_per_second:,.0f}"]
        for speed, limit in zip((row.bytes_per_second, row.operations_per_second), best, strict=True):
            line += [f"{speed / 1e9:,.1f}", f"{100 * speed / limit:.0f} %" if limit else "–"]
        cells.append(line)
    if ceiling:
        cells.append(["this machine at best", "", "", f"{best[0] / 1e9:,.1f}", "", f"{best[1] / 1e9:,.1f}", ""])
    return header, cells


def _facts(rows: Sequence[Row], ceiling: "Ceiling | None") -> dict[str, object]:
    measured = [
        {
            "kind": "decode" if row.work.one_by_one else "prefill",
            "batch": row.work.batch,
            "context": row.work.start,
            "tokens": row.work.count,
            "seconds": round(row.seconds, 6),
            "tokens_per_second": round(row.tokens_per_second, 3),
            "gigabytes_per_second": round(row.bytes_per_second / 1e9, 3),
            "gigaflops": round(row.operations_per_second / 1e9, 3),
        }
        for row in rows
    ]
    if ceiling is None:
        return {"rows": measured, "best": None}
    (peak,) = ceiling.operations_per_second.values()
    best = {"gigabytes_per_second": round(ceiling.bytes_per_second / 1e9, 3), "gigaflops": round(peak / 1e9, 3)}
    return {"rows": measured, "best": best}


def _peak_memory() -> int | None:
    """The most memory that this process has held so far, in bytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
