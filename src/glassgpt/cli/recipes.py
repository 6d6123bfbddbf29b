"""`glassgpt recipes`: the ready settings, and one of them as a file to edit."""

import inspect
from dataclasses import dataclass
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from glassgpt.cli.options import Talk
from glassgpt.cli.terminal import Terminal


@dataclass(frozen=True, kw_only=True)
class Recipes(Talk):
    """List the ready recipes, or show one with every setting, as a file that `train --recipe FILE` takes.

    What a recipe costs and what to expect of it stands at its top. The size of the vocabulary comes from the data.
    """

    EXAMPLES: ClassVar = (
        "glassgpt recipes",
        "glassgpt recipes embedded",
        "glassgpt recipes shakespeare-char > mine.toml",
    )

    name: Annotated[Positional[str | None], arg(metavar="NAME")] = None
    """The recipe to show: a name, a file or a run; without one, all are listed."""


def main(options: Recipes) -> None:
    """List or show."""
    from glassgpt.recipes import RECIPES, as_toml, named_or_read
    from glassgpt.train.recipe import to_json

    out = Terminal(options)
    if options.name is None:
        return _list(out)
    function = RECIPES.get(options.name.replace("_", "-"))
    recipe = function() if function else named_or_read(options.name, 50257)  # pyrefly: ignore
    told = inspect.cleandoc(function.__doc__ or "") if function else ""
    if options.json:
        out.json("recipes.show", {"name": options.name, "told": told, "recipe": to_json(recipe)})
        return None
    out.result("".join(f"# {line}".rstrip() + "\n" for line in told.splitlines()) + ("\n" if told else ""), end="")
    out.result(as_toml(recipe), end="")
    return None


def _list(out: Terminal) -> None:
    from glassgpt.model import parameter_count
    from glassgpt.recipes import RECIPES

    made = {name: (function(), inspect.cleandoc(function.__doc__ or "")) for name, function in RECIPES.items()}  # pyrefly: ignore
    if out.options.json:
        rows = [
            {"name": name, "parameters": parameter_count(recipe.model), "steps": recipe.steps, "told": told}
            for name, (recipe, told) in made.items()
        ]
        out.json("recipes", {"recipes": rows})
        return
    for name, (_, told) in made.items():
        first, *rest = told.splitlines()
        out.result(f"{out.paint(name, 'bold')}{' ' * (22 - len(name))}{first}")
        for line in rest[1:]:
            out.result(f"{' ' * 22}{line}")
