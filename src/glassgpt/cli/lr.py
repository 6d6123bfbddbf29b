"""`glassgpt lr`: which learning rate suits a recipe, found by raising it until the loss breaks."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import arg

from glassgpt.cli.braille import picture
from glassgpt.cli.chart import Axis, Chart, Series
from glassgpt.cli.options import Talk
from glassgpt.cli.progress import progress
from glassgpt.cli.recipe_flags import RecipeFlags, resolve
from glassgpt.cli.svg import drawing
from glassgpt.cli.terminal import Terminal


@dataclass(frozen=True, kw_only=True)
class Lr(RecipeFlags, Talk):
    """Find a learning rate: raise it from step to step on a fresh model until the loss rises with it.

    Nothing is kept of the model. Muon's rate climbs along with AdamW's, at the recipe's ratio.
    """

    EXAMPLES: ClassVar = (
        "glassgpt lr ./data --recipe embedded",
        "glassgpt lr ./data --model.emb-dim 64 --climb-steps 30 --svg climb.svg",
        "glassgpt lr ./data --climb-steps 20 --json",
    )

    low: Annotated[float, arg(metavar="X")] = 1e-6
    """Where the climb begins."""
    high: Annotated[float, arg(metavar="X")] = 1.0
    """Where it ends, unless the loss breaks before."""
    climb_steps: Annotated[int, arg(metavar="N")] = 100
    """Steps of the climb."""
    svg: Annotated[Path | None, arg(metavar="FILE")] = None
    """Draw the climb into this file too."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def main(options: Lr) -> None:
    """Climb, show, suggest."""
    from glassgpt.data import open_data
    from glassgpt.train.finder import find_lr

    out = Terminal(options)
    recipe = resolve(options)
    data = open_data(
        options.data, context=recipe.model.context_length, rows=recipe.rows, seed=recipe.seed, **asdict(recipe.reading)
    )
    with progress(out) as report:
        found = find_lr(
            recipe,
            data,
            low=options.low,
            high=options.high,
            climb_steps=options.climb_steps,
            device=options.device,
            listen=lambda step, rate, loss: report("steps of the climb", step, options.climb_steps),
        )
    climb = Chart(
        "loss while the learning rate climbs",
        Axis("learning rate", log=True),
        Axis("nats a token"),
        [Series("each step", found.rates, found.losses, line=False), Series("averaged", found.rates, found.smoothed)],
    )
    if options.svg:
        options.svg.expanduser().write_text(drawing(climb), encoding="utf-8")
    if options.json:
        out.json("lr", {**asdict(found), "reason": found.reason})
        return
    out.talk(picture(climb))
    muon = f" --optimizer.muon-lr {found.muon_suggestion:g}" if recipe.optimizer.method == "muon" else ""
    out.result(f"--lr {found.suggestion:g}{muon}")
    out.talk(found.reason)
