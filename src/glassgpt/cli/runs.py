"""`glassgpt runs list|show|plot|compare|export`: look after runs, finished or still training."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.braille import sparkline
from glassgpt.cli.curves import Curves, ago, clock, csv_of, json_of, show_chart, svg_of
from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.table import show_table
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.train.history import History

MOST_SPARKS, TAIL = 60, 5


@dataclass(frozen=True, kw_only=True)
class RunsList(Talk):
    """List runs: how far each is, and how good.

    A run that still trains is listed as far as its log has come; nothing here disturbs it.
    """

    EXAMPLES: ClassVar = ("glassgpt runs list", "glassgpt runs list runs", "glassgpt runs list runs --json")

    folders: Annotated[Positional[tuple[Path, ...]], arg(metavar="[FOLDER…]")] = (Path(),)
    """Where to look, folders within folders too."""


def list_runs(options: RunsList) -> None:
    """A row for each run."""
    from glassgpt.train.history import find_runs, read_history

    out = Terminal(options)
    found = [read_history(path) for path in find_runs([path.expanduser() for path in options.folders])]
    if options.json:
        out.json("runs.list", {"runs": [_summary(run) for run in found]})
        return
    if not found:
        out.talk("no runs here; glassgpt train --out RUN begins one")
        return
    rows = [
        [
            str(run.path),
            run.state,
            f"{run.step:,}/{run.steps:,}",
            *map(_number, _newest(run)),
            ago(run.touched),
        ]
        for run in found
    ]
    header = ("run", "state", "step", "loss", "validation", "bits/byte", "tokens/s", "written")
    show_table(out, header, rows)


@dataclass(frozen=True, kw_only=True)
class RunsShow(Talk):
    """Show one run: settings, loss, evaluations, troubles, and the last sample."""

    EXAMPLES: ClassVar = (
        "glassgpt runs show runs/first",
        "glassgpt runs show runs/first --settings",
        "glassgpt runs show runs/first --json",
    )

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """The folder of a run."""
    settings: bool = False
    """List every setting of its recipe."""


def show(options: RunsShow) -> None:
    """A page about the run."""
    from glassgpt.train.history import read_history

    out, run = Terminal(options), read_history(options.run.expanduser())
    if options.json:
        out.json("runs.show", {**_summary(run), "recipe": run.recipe, "events": list(run.events)})
        return
    seconds = run.seconds().last or 0.0
    out.result(f"{out.paint(run.name, 'bold')}: {run.state}, step {run.step:,} of {run.steps:,}, {clock(seconds)}")
    out.result(f"  {run.step * run.tokens_per_step:,} tokens read, log written {ago(run.touched)}")
    for name in ("loss", "validation", "norm", "speed"):
        curve = run.curve(name)
        if curve:
            drawn = out.paint(sparkline(curve.values, MOST_SPARKS), "cyan")
            out.result(f"  {name:<10}  {drawn}  {_number(curve.last)} (lowest {_number(curve.best)})")
    _show_events(run, out)
    if options.settings:
        out.result("")
        for key, value in run.recipe.items():
            out.result(f"  {key:<32} {value}")


def _show_events(run: "History", out: Terminal) -> None:
    evaluations = list(run.of("evaluation"))[-TAIL:]
    if evaluations:
        rows = [
            [f"  {event.get('step'):,}", _number(event.get("nats_per_token")), _number(event.get("bits_per_byte"))]
            for event in evaluations
        ]
        out.result("")
        show_table(out, ("  after step", "nats/token", "bits/byte"), rows)
    for trouble in list(run.of("trouble"))[-TAIL:]:
        out.result(f"\n  {out.paint('trouble', 'yellow')} at step {trouble.get('step')}: {trouble.get('message')}")
    for sample in list(run.of("sample"))[-1:]:
        out.result(f"\n  sample after step {sample.get('step')}:")
        out.text(f"  {sample.get('prompt')}{sample.get('text')}\n")


@dataclass(frozen=True, kw_only=True)
class RunsPlot(Curves, Talk):
    """Plot curves of one or several runs in the terminal, or into an SVG file."""

    EXAMPLES: ClassVar = (
        "glassgpt runs plot runs/first",
        "glassgpt runs plot runs/first runs/wide --curve loss --smooth 0.9 --x tokens",
        "glassgpt runs plot runs/first --svg loss.svg",
    )

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN…")] = ()
    """Folders of runs."""
    svg: Annotated[Path | None, arg(metavar="FILE")] = None
    """Write the plot there instead."""


def plot(options: RunsPlot) -> None:
    """The plot."""
    out, runs = Terminal(options), _read(options.runs, 1)
    if options.svg is not None:
        options.svg.expanduser().write_text(svg_of(runs, options), encoding="utf-8")
        if options.json:
            out.json("runs.plot", {"file": str(options.svg)})
        else:
            out.result(str(options.svg))
    elif options.json:
        out.json("runs.plot", {"lines": [asdict(line) for line in options.chart(runs).series]})
    else:
        show_chart(runs, options, out)


@dataclass(frozen=True, kw_only=True)
class RunsCompare(Curves, Talk):
    """Compare runs: the settings in which they differ, where they stand, and their curves in one plot."""

    EXAMPLES: ClassVar = (
        "glassgpt runs compare runs/first runs/wide",
        "glassgpt runs compare runs/first runs/wide --x time --smooth 0.9",
        "glassgpt runs compare runs/first runs/wide --json",
    )

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN…")] = ()
    """Folders of two or more runs."""


def compare(options: RunsCompare) -> None:
    """Two tables and a plot."""
    out, runs = Terminal(options), _read(options.runs, 2)
    differing = _differing(runs)
    if options.json:
        out.json("runs.compare", {"runs": [_summary(run) for run in runs], "differing": differing})
        return
    names = options.names(runs)
    rows = [[key, *map(str, values)] for key, values in differing.items()]
    if rows:
        show_table(out, ("setting", *names), rows)
    out.result("" if rows else "the recipes are the same\n")
    measures = ("loss", "validation", "bits/byte", "tokens/s")
    columns = [[_number(value) for value in _newest(run)] for run in runs]
    steps = ["step", *(f"{run.step:,}/{run.steps:,}" for run in runs)]
    show_table(out, ("now", *names), [steps, *([m, *(c[n] for c in columns)] for n, m in enumerate(measures))])
    out.result("")
    show_chart(runs, options, out)


@dataclass(frozen=True, kw_only=True)
class RunsExport(Curves, Talk):
    """Write what runs have logged into a file: .csv, .json, or .svg for a plot."""

    EXAMPLES: ClassVar = (
        "glassgpt runs export runs/first --out first.csv",
        "glassgpt runs export runs/first runs/wide --out both.json",
        "glassgpt runs export runs/first --out first.svg --smooth 0.9",
    )

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN…")] = ()
    """Folders of runs."""
    out: Annotated[Path | None, arg(aliases=("-o",), metavar="FILE")] = None
    """The file to write; its ending says how."""


def export(options: RunsExport) -> None:
    """The file."""
    if options.out is None:
        raise UsageError("--out FILE missing: say where to write, with the ending .csv, .json or .svg")
    kind, runs, out = options.out.suffix.lower(), _read(options.runs, 1), Terminal(options)
    if kind not in (".csv", ".json", ".svg"):
        raise UsageError(f"--out {options.out} is not allowed: the file must end in .csv, .json or .svg")
    text = svg_of(runs, options) if kind == ".svg" else (csv_of if kind == ".csv" else json_of)(runs)
    options.out.expanduser().write_text(text, encoding="utf-8", newline="")
    if options.json:
        out.json("runs.export", {"file": str(options.out), "runs": [str(run.path) for run in runs]})
    else:
        out.result(str(options.out))


def _read(paths: tuple[Path, ...], least: int) -> "list[History]":
    from glassgpt.train.history import read_history

    if len(paths) < least:
        raise UsageError("RUN missing: name " + ("a run's folder" if least == 1 else "the folders of two runs"))
    return [read_history(path.expanduser()) for path in paths]


def _newest(run: "History") -> list[float | None]:
    return [run.curve(name).last for name in ("loss", "validation", "bits_per_byte", "speed")]


def _summary(run: "History") -> dict[str, object]:
    names = ("loss", "validation", "bits_per_byte", "tokens_per_second")
    facts = {"run": str(run.path), "state": run.state, "step": run.step, "steps": run.steps}
    return {**facts, **dict(zip(names, _newest(run), strict=True)), "written": run.touched}


def _differing(runs: "list[History]") -> dict[str, list[object]]:
    """The settings that are not the same in all runs, each with its value in every run."""
    keys = dict.fromkeys(key for run in runs for key in run.recipe)
    every: dict[str, list[object]] = {key: [run.recipe.get(key) for run in runs] for key in keys}
    return {key: values for key, values in every.items() if any(value != values[0] for value in values)}


def _number(value: object) -> str:
    if not isinstance(value, int | float):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"
