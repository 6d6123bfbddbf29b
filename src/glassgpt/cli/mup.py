"""`glassgpt mup`: how large activations get as a model widens, with muP and without."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import arg

from glassgpt.cli.chart import Axis, Chart, Series
from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.svg import drawing
from glassgpt.cli.table import show_table
from glassgpt.cli.terminal import Terminal


@dataclass(frozen=True, kw_only=True)
class Mup(Talk):
    """Check the coordinates: train small models of growing width and show the size of their activations.

    With muP (`--optimizer.mup-base W` when training) a learning rate found at width W serves wider models, because
    activations keep their size. Without it they grow, which the same table shows.
    """

    EXAMPLES: ClassVar = (
        "glassgpt mup --widths 32,64 --steps 4",
        "glassgpt mup --method muon",
        "glassgpt mup --svg coordinates.svg --json",
    )

    widths: Annotated[str, arg(metavar="N,N,…")] = "64,128,256,512"
    """Widths to train; the first is the one the rates are tuned at."""
    steps: Annotated[int, arg(metavar="N")] = 10
    """Updates before the activations are measured."""
    lr: Annotated[float, arg(metavar="X")] = 1e-3
    """AdamW's learning rate."""
    method: Annotated[str, arg(metavar="NAME")] = "adamw"
    """adamw or muon."""
    svg: Annotated[Path | None, arg(metavar="FILE")] = None
    """Draw the logits by width into this file."""

    def __post_init__(self) -> None:
        """Refuse widths that are none."""
        words = self.widths.split(",")
        if len(words) < 2 or not all(word.strip().isdigit() and int(word) > 0 for word in words):
            raise UsageError(f"--widths {self.widths} is not allowed: give two or more whole numbers, such as 64,128")


def main(options: Mup) -> None:
    """Train with and without, and show both."""
    from glassgpt.train import Optimizer
    from glassgpt.train.coordinates import NAMES, check, spread

    out = Terminal(options)
    widths = [int(word) for word in options.widths.split(",")]
    plain = Optimizer(method=options.method, lr=options.lr, weight_decay=0.0)
    mup = Optimizer(method=options.method, lr=options.lr, weight_decay=0.0, mup_base=widths[0])
    found = {name: check(each, widths, steps=options.steps) for name, each in (("muP", mup), ("usual", plain))}
    if options.svg:
        series = [Series(name, widths, [each.logits for each in rows]) for name, rows in found.items()]
        chart = Chart(
            "size of the logits by width", Axis("width", log=True), Axis("root mean square", log=True), series
        )
        options.svg.expanduser().write_text(drawing(chart), encoding="utf-8")
    if options.json:
        out.json("mup", {name: [asdict(each) for each in rows] for name, rows in found.items()})
        return
    rows = [
        [f"{name}, {each.width} wide", *(f"{getattr(each, where):.4f}" for where in NAMES)]
        for name, each_width in found.items()
        for each in each_width
    ]
    ratios = [
        [f"{name}, largest / smallest", *(f"{spread(rows, n):.2f}" for n in NAMES)] for name, rows in found.items()
    ]
    show_table(out, ["root mean square", *NAMES], [*rows, *ratios])
