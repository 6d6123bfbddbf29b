"""`glassgpt train`: train a model from scratch, or go on with a run."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import UseAppendAction, arg

from glassgpt.cli.exit_codes import DONE, TRAINING_CODES, of_signal
from glassgpt.cli.options import Talk, UsageError
from glassgpt.cli.recipe_flags import RecipeFlags, resolve

if TYPE_CHECKING:
    from glassgpt.train import Recipe


@dataclass(frozen=True, kw_only=True)
class Train(RecipeFlags, Talk):
    """Train a model from scratch on prepared data, or go on with a run that was stopped.

    Ctrl-C finishes the step, saves and ends; the same command goes on from there, bit for bit. The run folder holds
    the recipe, a log and checkpoints, each of which every verb takes as MODEL.
    """

    EXAMPLES: ClassVar = (
        "glassgpt train ./data --out runs/small --steps 3",
        "glassgpt train ./data --out runs/other --steps 2 --model.emb-dim 64 --lr 0.002 --schedule.shape linear",
        "glassgpt train ./data --recipe embedded --out runs/big --dry-run",
        "glassgpt train './data*0.7' './data*0.3' --out runs/mixed --steps 2",
    )
    EXIT_CODES: ClassVar = TRAINING_CODES

    out: Annotated[Path | None, arg(aliases=("-o",), metavar="RUN")] = None
    """The run's folder."""
    resume: bool = True
    """Go on with the run in that folder; --no-resume refuses to."""
    force: bool = False
    """Go on although recipe, data, vocabulary or versions are not those the run began with; the log says so."""
    start: Annotated[str, arg(aliases=("--from",), metavar="MODEL")] = ""
    """Begin with the weights of this model instead of random ones."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    threads: Annotated[int, arg(metavar="N")] = 0
    """CPU threads; 0 lets PyTorch choose. The same number resumes bit for bit."""
    track: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = ()
    """Also tell tensorboard, wandb or trackio; pip install 'glassgpt[track]'."""
    dry_run: bool = False
    """Show every setting and what the run would cost (parameters, arithmetic, memory, time), and stop."""

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        super().__post_init__()
        if self.out is None and not self.dry_run:
            raise UsageError("--out RUN missing: say which folder the run is to live in")
        if not 0 <= self.threads <= 1024:
            raise UsageError(f"--threads {self.threads} is not allowed: must be from 0 to 1024")


def main(options: Train) -> int:
    """Train, with a bar on the terminal, and say where the model is."""
    from glassgpt.cli.training_view import TrainingView
    from glassgpt.train import train
    from glassgpt.train.events import both
    from glassgpt.train.tracking import Tracking

    recipe = resolve(options)
    if options.start:
        recipe = _shaped_as(options.start, recipe)
    if options.dry_run:
        from glassgpt.cli.plan_view import show_plan

        show_plan(options, recipe, options.data, options.device)
        return 0
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    assert options.out is not None
    is_heard = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    run = options.out.expanduser()
    talk, names = (options, options.track) if is_heard else (replace(options, quiet=True), ())
    with (
        TrainingView(talk, recipe, _utilisation(recipe, options.device)) as view,
        Tracking(names, run, recipe, view.say) as trackers,
    ):
        result = train(
            recipe,
            run,
            options.data,
            start=options.start or None,
            resume=options.resume,
            force=options.force,
            device=options.device,
            listen=both(view.tell, trackers.tell),
        )
    if is_heard:
        view.finish(result)
    return DONE if result.signal is None else of_signal(result.signal)


def _utilisation(recipe: "Recipe", device: str) -> Callable[[float], float] | None:
    """What share of this machine's arithmetic a speed amounts to; the peak is measured when it is first asked for."""
    from glassgpt.device import resolve as place
    from glassgpt.train.peak import SIDES, measure_peak, utilisation

    kind = place(device).device.type
    if kind not in SIDES:
        return None
    return lambda speed: utilisation(recipe.model, speed, measure_peak(kind, recipe.precision))


def _shaped_as(start: str, recipe: "Recipe") -> "Recipe":
    """The recipe with the shape of the model it starts from; dropout stays the recipe's."""
    from glassgpt.checkpoints import find, read_config

    return replace(recipe, model=replace(read_config(find(start)), drop_rate=recipe.model.drop_rate))
