"""Everything that decides a run, as frozen dataclasses: the same recipe on the same data gives the same weights."""

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

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
    """Rows computed at once; must divide `rows`. Fewer need less memory and give the same update."""
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
        require(self.rows % self.micro_rows == 0, "micro_rows", self.micro_rows, f"must divide rows={self.rows}")
        require_choice("precision", self.precision, PRECISIONS)

    @property
    def tokens_per_step(self) -> int:
        """Tokens read for one update."""
        return self.rows * self.model.context_length


def to_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain values."""
    return asdict(recipe)


def from_json(values: dict[str, Any]) -> Recipe:
    """The inverse of `to_json`."""
    settings = {name: PARTS[name](**value) if name in PARTS else value for name, value in _renamed(values).items()}
    return Recipe(**settings)


PARTS: dict[str, Any] = {
    "model": GPT2Config,
    "optimizer": Optimizer,
    "schedule": Schedule,
    "reading": Reading,
    "guard": Guard,
    "saving": Saving,
    "watching": Watching,
    "parallel": Parallel,
}
RENAMED = {
    "evaluate_every": ("watching", "evaluate_every"),
    "evaluate_tokens": ("watching", "evaluate_tokens"),
    "save_every": ("saving", "every"),
    "keep": ("saving", "keep"),
}
"""Keys of runs that GlassGPT 0.1 began, and where they stand now."""


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    values = dict(values)
    for old, (part, key) in RENAMED.items():
        if old in values:
            values[part] = {**values.get(part, {}), key: values.pop(old)}
    return values


def override(recipe: Recipe, setting: str) -> Recipe:
    """Change one setting, written `key=value` or `part.key=value`; the value takes the type of the one it replaces.

    Raises InvalidParameter for a key that is not there, naming those that are.
    """
    path, equals, text = setting.partition("=")
    part, dot, key = path.rpartition(".")
    owner: Any = getattr(recipe, part, None) if dot else recipe
    names = [field.name for field in fields(owner)] if is_dataclass(owner) else []
    if not equals or key not in names or is_dataclass(getattr(owner, key)):
        known = ", ".join([f"{part}.{name}" if dot else name for name in names] or [f"{name}.…" for name in PARTS])
        raise InvalidParameter("setting", setting, f"must be KEY=VALUE, where KEY is one of: {known}")
    change: dict[str, Any] = {key: _convert(text, getattr(owner, key), path)}
    outer: dict[str, Any] = {part: replace(owner, **change)} if dot else change
    return replace(recipe, **outer)


def _convert(text: str, old: object, name: str) -> object:
    if isinstance(old, bool):
        if text.lower() not in ("true", "false"):
            raise InvalidParameter(name, text, "must be true or false")
        return text.lower() == "true"
    if isinstance(old, str):
        return text
    kind = float if isinstance(old, float) else int
    try:
        return kind(text)
    except ValueError as error:
        raise InvalidParameter(name, text, f"must be a {'number' if kind is float else 'whole number'}") from error
