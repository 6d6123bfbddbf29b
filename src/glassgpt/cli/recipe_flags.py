"""Which recipe a verb works with: a name or a file, the data's vocabulary, and every key as a flag."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from glassgpt.cli.flags import KeysOf
from glassgpt.cli.parse import fill_in
from glassgpt.train.recipe import Recipe

TYPED_OFTEN = (("rows", ("--batch-size",)), ("seed", ("-s",)), ("optimizer.lr", ("--lr",)))


@dataclass(frozen=True, kw_only=True)
class RecipeFlags:
    """The recipe"""

    recipe: Annotated[str, arg(aliases=("--config",), metavar="NAME|FILE")] = "tiny"
    """Settings to start from: a name of `glassgpt recipes`, a .toml or .json file, or the folder of another run."""
    settings: Annotated[UseAppendAction[tuple[str, ...]], KeysOf(Recipe, TYPED_OFTEN)] = ()
    """Keys of the recipe to change."""


def resolve(options: RecipeFlags, data: str | Path) -> Recipe:
    """The recipe with all its keys: what the file or name says, the data's vocabulary, the flags last."""
    from glassgpt.data import Share, open_folder
    from glassgpt.recipes import named_or_read

    folder = open_folder(Share.parse(data).path)
    start = named_or_read(options.recipe, folder.tokenizer.vocab_size)
    return fill_in(start, options.settings)
