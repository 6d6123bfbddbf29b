"""A name or a file in, a recipe out; and a recipe as a file to edit."""

import difflib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from glassgpt.errors import InvalidParameter, RunError
from glassgpt.recipes.embedded import embedded, embedded_gpu
from glassgpt.recipes.gpt2 import gpt2, gpt2_large, gpt2_medium, gpt2_xl
from glassgpt.recipes.shakespeare import shakespeare_bpe, shakespeare_char, shakespeare_char_gpu
from glassgpt.recipes.tiny import tiny
from glassgpt.train.recipe import Recipe, from_json, to_json

RECIPES: dict[str, Callable[[int], Recipe]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        tiny,
        shakespeare_char,
        shakespeare_char_gpu,
        shakespeare_bpe,
        embedded,
        embedded_gpu,
        gpt2,
        gpt2_medium,
        gpt2_large,
        gpt2_xl,
    )
}
"""Each takes the size of the vocabulary, which the data decide."""


def named_or_read(source: str, vocab_size: int) -> Recipe:
    """A ready recipe by its name; or one from a .toml or .json file, or from the folder of a run, for other data.

    A file need not hold every key: what it leaves out comes from the recipe it names as `base`, or from `tiny`.
    """
    name = source.replace("_", "-")
    if name in RECIPES:
        return RECIPES[name](vocab_size)
    path = Path(source).expanduser()
    path = path / "recipe.json" if path.is_dir() else path
    if path.suffix not in (".toml", ".json") or not path.exists():
        close = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"the nearest is {close[0]}" if close else f"choose {', '.join(RECIPES)}, or give a .toml or .json file"
        raise InvalidParameter("recipe", source, f"is neither a ready recipe nor a file that is there; {hint}")
    values = _read(path)
    base = named_or_read(values.pop("base", "tiny"), vocab_size)
    recipe = from_json(_merged(to_json(base), values))
    return replace(recipe, model=replace(recipe.model, vocab_size=vocab_size))


def as_toml(recipe: Recipe) -> str:
    """A recipe as a file to edit and give back; without the size of the vocabulary, which the data decide."""
    values = to_json(recipe)
    del values["model"]["vocab_size"]
    parts = {name: values.pop(name) for name in list(values) if isinstance(values[name], dict)}
    tables = [_lines(values), *(f"[{name}]\n{_lines(part)}" for name, part in parts.items())]
    return "\n\n".join(tables) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as error:
        raise RunError(f"{path} cannot be read as {path.suffix[1:].upper()}: {error}.") from error
    if not isinstance(values, dict):
        raise RunError(f"{path} holds no recipe: it must have keys such as steps and optimizer.lr.")
    return dict(values.get("recipe", values))  # a run keeps other facts beside it


def _merged(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in values.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _lines(values: Mapping[str, Any]) -> str:
    """TOML has no word for nothing, so what is None is left out; JSON's other words are TOML's too."""
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None)
