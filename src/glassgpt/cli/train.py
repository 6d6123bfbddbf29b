"""`glassgpt train`: train a model from scratch, or go on with a run."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.options import Talk, UsageError

if TYPE_CHECKING:
    from glassgpt.train import Recipe

INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Train(Talk):
    """Train a model from scratch on prepared data, or go on with a run that was stopped.

    Ctrl-C finishes the step, saves and ends; the same command goes on from there, bit for bit. The run folder holds
    the recipe, a log and checkpoints, each of which every verb takes as MODEL.
    """

    EXAMPLES: ClassVar = (
        "glassgpt train ./data --out runs/first --steps 3",
        "glassgpt train ./data --out runs/wide --steps 2 --set model.emb_dim=64 --set optimizer.lr=0.002",
        "glassgpt train ./data --recipe embedded --out runs/big --dry-run",
    )

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """A folder that `glassgpt data prepare` wrote."""
    out: Annotated[Path | None, arg(aliases=("-o",), metavar="RUN")] = None
    """The run's folder."""
    recipe: Annotated[str, arg(metavar="NAME")] = "tiny"
    """Settings to start from: tiny (0.8 M parameters and the vocabulary's) or embedded (the model that ships)."""
    steps: Annotated[int, arg(metavar="N")] = 0
    """Updates of the weights; 0 takes the recipe's."""
    rows: Annotated[int, arg(aliases=("--batch-size",), metavar="N")] = 0
    """Windows of text in one update; 0 takes the recipe's."""
    lr: Annotated[float, arg(metavar="X")] = 0.0
    """Peak learning rate of AdamW; 0 takes the recipe's."""
    seed: Annotated[int, arg(aliases=("-s",), metavar="N")] = 0
    """Decides initial weights, order of the data and dropout."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    """Change any other setting, such as model.n_layers=8; --dry-run shows them all."""
    resume: bool = True
    """Go on with the run in that folder; --no-resume refuses to."""
    device: Annotated[str, arg(metavar="NAME")] = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    threads: Annotated[int, arg(metavar="N")] = 0
    """CPU threads; 0 lets PyTorch choose. The same number resumes bit for bit."""
    dry_run: bool = False
    """Show the settings, the size and the memory, and stop."""

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.out is None and not self.dry_run:
            raise UsageError("--out RUN missing: say which folder the run is to live in")
        if self.steps < 0 or self.rows < 0 or self.lr < 0 or not 0 <= self.threads <= 1024:
            raise UsageError("--steps, --rows, --lr and --threads must not be negative")


def main(options: Train) -> int:
    """Train, with a bar on the terminal, and say where the model is."""
    from glassgpt.cli.training_view import TrainingView, show_recipe
    from glassgpt.train import train

    recipe = _recipe(options)
    if options.dry_run:
        show_recipe(options, recipe)
        return 0
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    assert options.out is not None
    with TrainingView(options, recipe) as view:
        result = train(
            recipe,
            options.out.expanduser(),
            options.data.expanduser(),
            resume=options.resume,
            device=options.device,
            listen=view.tell,
        )
    view.finish(result)
    return INTERRUPTED if result.interrupted else 0


def _recipe(options: Train) -> "Recipe":
    """The named recipe for the data's vocabulary, with what the command line changes."""
    from glassgpt.cli.verbs import nearest
    from glassgpt.errors import DataError
    from glassgpt.recipes import RECIPES
    from glassgpt.tokens import Tokenizer
    from glassgpt.train.recipe import override

    if options.recipe not in RECIPES:
        hint = nearest(options.recipe, RECIPES)
        raise UsageError(f"there is no recipe {options.recipe!r}: choose {' or '.join(RECIPES)}{hint}")
    folder = options.data.expanduser()
    if not (folder / "train.bin").exists():
        raise DataError(f"{folder} holds no train.bin. Make it first: glassgpt data prepare TEXT --out {folder}")
    recipe = RECIPES[options.recipe](Tokenizer.load(folder / "tokenizer").vocab_size)
    if options.rows:
        micro = max(size for size in range(1, recipe.micro_rows + 1) if options.rows % size == 0)
        recipe = replace(recipe, rows=options.rows, micro_rows=micro)
    named = {"steps": options.steps, "seed": options.seed, "optimizer.lr": options.lr}
    for setting in (*(f"{key}={value}" for key, value in named.items() if value), *options.set):
        recipe = override(recipe, setting)
    return recipe
