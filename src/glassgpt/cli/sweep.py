"""`glassgpt sweep`: try settings of a recipe, and keep the best."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import UseAppendAction, arg

from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.recipe_flags import RecipeFlags, resolve
from glassgpt.cli.table import show_table
from glassgpt.cli.terminal import Terminal

if TYPE_CHECKING:
    from glassgpt.train.sweep import Trial

INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class SweepOptions(RecipeFlags, Talk):
    """Try settings of a recipe by training with each, and write the best as a recipe.

    optuna chooses what to try next (pip install 'glassgpt[sweep]'). Ctrl-C stops; the same command goes on, in the
    middle of a trial too. The data need a validation shard. OUT/best.toml is what `glassgpt train --recipe` takes.
    """

    EXAMPLES: ClassVar = (
        "glassgpt sweep ./data --out sweep --try optimizer.lr=1e-4..1e-2:log --trials 2 --steps 3",
        "glassgpt sweep ./data -o sweep --try model.n_layers=2..6 --try schedule.shape=cosine,linear",
        "glassgpt sweep ./data -o sweep --recipe embedded --try optimizer.muon_lr=0.005..0.05:log --json",
    )

    out: Annotated[Path | None, arg(aliases=("-o",), metavar="FOLDER")] = None
    """Where the trials and their runs live."""
    try_: Annotated[UseAppendAction[tuple[str, ...]], arg(name="try", metavar="KEY=RANGE")] = ()
    """What to try: KEY=LOW..HIGH, KEY=LOW..HIGH:log or KEY=A,B,C."""
    trials: Annotated[int, arg(metavar="N")] = 20
    """How many, those of an earlier call counted."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda, cuda:N or mps."""

    def __post_init__(self) -> None:
        """Refuse a sweep of nothing."""
        super().__post_init__()
        if self.out is None:
            raise UsageError("--out FOLDER missing: say where the trials are to live")
        if not self.try_:
            raise UsageError("--try KEY=RANGE missing: say what to try, such as --try optimizer.lr=1e-4..1e-2:log")
        if self.trials < 1:
            raise UsageError(f"--trials {self.trials} is not allowed: must be at least 1")


def main(options: SweepOptions) -> int:
    """Sweep, show the trials from best to worst, write the best recipe."""
    from glassgpt.recipes import as_toml
    from glassgpt.train.recipe import changed
    from glassgpt.train.sweep import Try, sweep

    assert options.out is not None
    out, folder = Terminal(options), options.out.expanduser()
    recipe = resolve(options)

    def tell(trial: "Trial") -> None:
        loss = "impossible" if trial.loss is None else f"{trial.loss:.4f} nats a token"
        out.talk(f"trial {trial.number}: {_words(trial)}: {loss}")

    tries = [Try.parse(text) for text in options.try_]
    found = sweep(recipe, options.data, folder, tries, trials=options.trials, device=options.device, listen=tell)
    if found.best:
        (folder / "best.toml").write_text(as_toml(changed(recipe, found.best.settings)), encoding="utf-8")
    if options.json:
        best = found.best and asdict(found.best)
        out.json("sweep", {"trials": [asdict(each) for each in found.trials], "best": best})
    else:
        ranked = sorted(found.trials, key=lambda trial: (trial.loss is None, trial.loss or 0.0))
        losses = ["-" if each.loss is None else f"{each.loss:.4f}" for each in ranked]
        rows = [[str(each.number), _words(each), loss] for each, loss in zip(ranked, losses, strict=True)]
        show_table(out, ["trial", "settings", "nats a token"], rows)
        if found.best:
            out.talk(f"the best recipe: {folder / 'best.toml'}")
    return INTERRUPTED if found.interrupted else 0


def _words(trial: "Trial") -> str:
    return ", ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}" for key, value in trial.settings.items()
    )
