"""Which recipe a verb works with: a name or a file, the data's vocabulary, and every key as a flag."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from glassgpt.cli.flags import KeysOf
from glassgpt.cli.options import UsageError
from glassgpt.cli.parse import fill_in
from glassgpt.train.recipe import Recipe

TYPED_OFTEN = (("rows", ("--batch-size",)), ("seed", ("-s",)), ("optimizer.lr", ("--lr",)))


@dataclass(frozen=True, kw_only=True)
class RecipeFlags:
    """Data and recipe"""

    data: Annotated[Positional[tuple[str, ...]], arg(metavar="DATA...")] = ()
    """A folder that `glassgpt data prepare` wrote, or token files of nanoGPT or llm.c; or several, read in proportion
    to their sizes, or to weights: DATA*0.3."""
    recipe: Annotated[str, arg(aliases=("--config",), metavar="NAME|FILE")] = "tiny"
    """Settings to start from: a name of `glassgpt recipes`, a .toml or .json file, or the folder of another run."""
    settings: Annotated[UseAppendAction[tuple[str, ...]], KeysOf(Recipe, TYPED_OFTEN)] = ()
    """Keys of the recipe to change."""

    def __post_init__(self) -> None:
        """Refuse what reads nothing."""
        if not self.data:
            raise UsageError("DATA missing: name a folder that `glassgpt data prepare` wrote")


def resolve(options: RecipeFlags) -> Recipe:
    """The recipe with all its keys: what the file or name says, the data's vocabulary, the flags last."""
    from glassgpt.data import Share, open_folder
    from glassgpt.recipes import named_or_read

    folder = open_folder(Share.parse(options.data[0]).path)
    start = named_or_read(options.recipe, folder.tokenizer.vocab_size)
    return fill_in(start, options.settings)
