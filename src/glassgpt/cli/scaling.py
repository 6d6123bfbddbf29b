"""`glassgpt scaling`: train several sizes on equal tokens, and fit the law by which the loss falls."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import arg

from glassgpt.cli.braille import picture
from glassgpt.cli.chart import Axis, Chart, Series
from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.recipe_flags import RecipeFlags, resolve
from glassgpt.cli.svg import drawing
from glassgpt.cli.table import show_table
from glassgpt.cli.terminal import Terminal

INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Scaling(RecipeFlags, Talk):
    """Train a recipe at several sizes on equal tokens, and fit L = a · N^-b to the losses.

    N counts the parameters without the embeddings. The exponent comes with its 95 % interval; a floor is added where
    the points support one. The data need a validation shard. With --optimizer.mup-base the sizes can share one
    learning rate.
    """

    EXAMPLES: ClassVar = (
        "glassgpt scaling ./data --out sizes --sizes 1x32,2x32,2x64 --steps 3",
        "glassgpt scaling ./data -o muon-sizes --sizes 2x64,2x96,3x128,3x192,4x256 --optimizer.method muon",
        "glassgpt scaling ./data -o sizes --sizes 2x64,2x96,3x128 --svg law.svg --json",
    )

    out: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER")] = None
    """Where the runs live; those that are there already are not repeated."""
    sizes: Annotated[str, arg(metavar="LxD,LxD,…")] = "2x64,2x96,3x128,3x192,4x256"
    """Layers and width of each size, at least three; heads are 32 wide where that divides the width."""
    svg: Annotated[Path | None, arg(metavar="FILE")] = None
    """Draw points and law into this file."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda, cuda:N or mps."""

    def __post_init__(self) -> None:
        """Refuse what makes no law."""
        super().__post_init__()
        if self.out is None:
            raise UsageError("--out FOLDER missing: say where the runs are to live")
        sizes = [word.split("x") for word in self.sizes.split(",")]
        if len(sizes) < 3 or not all(len(size) == 2 and all(part.isdigit() for part in size) for size in sizes):
            raise UsageError(f"--sizes {self.sizes} is not allowed: give three or more as LAYERSxWIDTH, such as 2x64")


def main(options: Scaling) -> int:
    """Train, fit, show."""
    from glassgpt.train.scaling import fit
    from glassgpt.train.sizes import train_sizes

    assert options.out is not None
    out = Terminal(options)
    recipe = resolve(options)
    shapes = [(int(layers), int(width)) for layers, width in (size.split("x") for size in options.sizes.split(","))]
    found = train_sizes(
        recipe,
        shapes,
        options.data,
        options.out.expanduser(),
        device=options.device,
        listen=lambda each: out.talk(f"{each.layers}x{each.width}: {each.nats:.4f} nats a token"),
    )
    if len(found) < len(shapes):
        return INTERRUPTED
    sizes, losses = [each.parameters for each in found], [each.nats for each in found]
    law = fit(sizes, losses)
    series = [Series("models", sizes, losses, line=False), Series(str(law), sizes, [law.loss(size) for size in sizes])]
    chart = Chart(
        "loss by size", Axis("parameters without embeddings", log=True), Axis("nats a token", log=True), series
    )
    if options.svg:
        options.svg.expanduser().write_text(drawing(chart), encoding="utf-8")
    if options.json:
        out.json("scaling", {"sizes": [asdict(each) for each in found], "law": asdict(law)})
        return 0
    rows = [[f"{each.layers}x{each.width}", f"{each.parameters:,}", f"{each.nats:.4f}"] for each in found]
    show_table(out, ["size", "parameters without embeddings", "nats a token"], rows)
    out.talk(picture(chart))
    out.result(f"{law}    95 % interval of the exponent: {law.low:.4f} to {law.high:.4f}")
    return 0
