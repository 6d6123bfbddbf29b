"""What makes a run the same run: recipe, data, vocabulary, the model it started from, and the versions of the code."""

from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import torch

from glassgpt.train.recipe import Recipe, from_json, to_json

CHANGEABLE = {"steps", "micro_rows", "recompute", "loss_rows", "saving", "watching", "guard", "parallel"}
"""Parts of a recipe that a resumed run may change, since they do not change what a step computes."""
FIXED = ("recipe.model.", "recipe.optimizer.method", "recipe.optimizer.ema", "recipe.precision")
"""Parts without which a checkpoint cannot be read into this run: not even by force."""


@dataclass(frozen=True, slots=True)
class Start:
    """The model a run started from instead of random weights."""

    model: str
    sha256: str
    """Of its weights."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Written to `recipe.json`."""

    recipe: Recipe
    vocabulary: str
    """Fingerprint of the vocabulary."""
    data: str
    """Fingerprint of the shards."""
    start: Start | None = None

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "recipe": to_json(self.recipe),
            "vocabulary": self.vocabulary,
            "data": self.data,
            "start": self.start and asdict(self.start),
            "versions": versions(),
        }

    def differences(self, there: dict[str, object]) -> dict[str, str]:
        """Keys in which the run of a `recipe.json` differs from this, each with the two values.

        What an older release did not write down cannot differ.
        """
        recipe = there["recipe"]
        assert isinstance(recipe, dict)
        old = _flat({**_by_hash(there), "recipe": _without(CHANGEABLE, to_json(from_json(recipe)))})
        new = _flat({**_by_hash(self.to_json()), "recipe": _without(CHANGEABLE, to_json(self.recipe))})
        return {
            key: f"{_short(old[key])} there, {_short(new[key])} now"
            for key in sorted(old.keys() & new.keys())
            if old[key] != new[key]
        }


def versions() -> dict[str, str]:
    """Of the code whose arithmetic a run depends on."""
    try:
        ours = version("glassgpt")
    except PackageNotFoundError:  # run from its source, not installed
        ours = "unknown"
    return {"glassgpt": ours, "torch": str(torch.__version__)}


def _by_hash(values: dict[str, object]) -> dict[str, object]:
    """A model that a run started from counts by its weights, not by its name."""
    start = values.get("start")
    return {**values, "start": start["sha256"]} if isinstance(start, dict) else values


def _without(keys: set[str], values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if key not in keys}


def _flat(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _short(value: object) -> str:
    """Fingerprints by their first letters."""
    return f"{value[:12]}…" if isinstance(value, str) and len(value) == 64 else repr(value)
