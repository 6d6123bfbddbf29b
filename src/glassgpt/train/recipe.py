"""Everything that decides a run, as frozen dataclasses: the same recipe on the same data gives the same weights."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2Config
from glassgpt.train.settings import (
    Guard,
    Optimizer,
    Parallel,
    Reading,
    Saving,
    Schedule,
    Watching,
    require,
    require_choice,
)

PRECISIONS = ("float32", "bfloat16", "bfloat16_weights")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One run, whole."""

    model: GPT2Config
    """The shape of the model; its context is the length of each training window."""
    steps: int
    """Updates of the weights."""
    rows: int = 32
    """Rows of text in one update, over all ranks."""
    micro_rows: int = 32
    """Most rows computed at once. Fewer need less memory and give the same update."""
    precision: str = "bfloat16"
    """Arithmetic of the matrices: float32; bfloat16, cast at each step from weights in float32; or bfloat16_weights,
    which keeps working copies in bfloat16 and updates masters in float32."""
    loss_rows: int = 512
    """Tokens whose logits exist at once; 0 makes all logits of a micro-batch together."""
    compile: bool = False
    """Let torch.compile fuse the blocks: a minute at the start, faster steps, bits that differ from the plain step."""
    recompute: bool = False
    """Forget each block's activations and compute them again on the way back: slower, far less memory."""
    seed: int = 0
    """Decides initial weights, order of the data and dropout."""
    optimizer: Optimizer = field(default_factory=Optimizer)
    """How a gradient becomes a step."""
    schedule: Schedule = field(default_factory=Schedule)
    """The learning rate over the run."""
    reading: Reading = field(default_factory=Reading)
    """How documents become rows."""
    guard: Guard = field(default_factory=Guard)
    """What happens when a step goes wrong."""
    saving: Saving = field(default_factory=Saving)
    """When checkpoints are written and which are kept."""
    watching: Watching = field(default_factory=Watching)
    """What is shown of the model on the way."""
    parallel: Parallel = field(default_factory=Parallel)
    """How several ranks share the work."""

    def __post_init__(self) -> None:
        """Refuse runs that cannot be."""
        for name in ("steps", "rows", "micro_rows"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be ≥ 1")
        for name in ("seed", "loss_rows"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "must be ≥ 0")
        require_choice("precision", self.precision, PRECISIONS)

    @property
    def tokens_per_step(self) -> int:
        """Tokens read for one update."""
        return self.rows * self.model.context_length


def to_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain values."""
    return asdict(recipe)


def from_json(values: Mapping[str, Any]) -> Recipe:
    """The inverse of `to_json`; parts and keys that are not there keep their defaults.

    Raises InvalidParameter for a key no recipe has, with the nearest that it has, and for a value of another type.
    """
    return _build(Recipe, _renamed(values), "")


RENAMED = {
    "evaluate_every": ("watching", "evaluate_every"),
    "evaluate_tokens": ("watching", "evaluate_tokens"),
    "save_every": ("saving", "every"),
    "keep": ("saving", "keep"),
}
"""Keys of runs that GlassGPT 0.1 began, and where they stand now."""


def _renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    moved = dict(values)
    for old, (part, key) in RENAMED.items():
        if old in moved:
            moved[part] = {**moved.get(part, {}), key: moved.pop(old)}
    return moved


def keys(part: type = Recipe, prefix: str = "") -> dict[str, Any]:
    """Every setting by its dotted name, such as `optimizer.lr`, with its type."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(part).items():
        found |= keys(kind, f"{prefix}{name}.") if is_dataclass(kind) else {prefix + name: kind}
    return found


def changed(recipe: Recipe, changes: Mapping[str, object]) -> Recipe:
    """The recipe with some settings replaced, given by their dotted names.

    >>> from glassgpt.model import GPT2Config
    >>> changed(Recipe(model=GPT2Config(), steps=10), {"optimizer.lr": 1e-3, "steps": 20}).optimizer.lr
    0.001
    """
    values = to_json(recipe)
    for path, value in changes.items():
        *parts, key = path.split(".")
        owner = values
        for part in parts:
            owner = owner.setdefault(part, {})
        owner[key] = value
    return from_json(values)


def _build(kind: Any, values: Mapping[str, Any], prefix: str) -> Any:  # noqa: ANN401  one of the classes of a recipe
    hints = get_type_hints(kind)
    for name in values.keys() - hints.keys():
        raise InvalidParameter(prefix + name, values[name], f"a recipe has no such setting; {_nearest(prefix + name)}")
    return kind(**{name: _typed(hints[name], value, prefix + name) for name, value in values.items()})


def _typed(kind: Any, value: Any, name: str) -> Any:  # noqa: ANN401  whatever the key holds
    """The value, if it is one the key takes; a whole number is a number too."""
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise InvalidParameter(name, value, f"must be settings, such as {name}.{fields(kind)[0].name}")
        return _build(kind, value, f"{name}.")
    allowed = get_args(kind) or (kind,)
    if float in allowed and type(value) is int:
        return float(value)
    if type(value) not in allowed:
        words = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", type(None): "none"}
        raise InvalidParameter(name, value, f"must be {' or '.join(words[each] for each in allowed)}")
    return value


def _nearest(name: str) -> str:
    """The key that was meant: one of the same last name, or one spelled alike."""
    known, last = list(keys()), name.rpartition(".")[2]
    close = [key for key in known if key.rpartition(".")[2] == last] or difflib.get_close_matches(name, known, n=1)
    return f"the nearest is {close[0]}" if close else f"there are {', '.join(known)}"
