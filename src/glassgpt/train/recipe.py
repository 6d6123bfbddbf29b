"""Everything that decides a run, as frozen dataclasses: the same recipe on the same data gives the same weights."""

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2Config

PRECISIONS = ("float32", "bfloat16")
METHODS = ("adamw", "muon")
SHAPES = ("cosine", "trapezoid")


def _require(holds: bool, name: str, value: object, rule: str) -> None:
    if not holds:
        raise InvalidParameter(name, value, rule)


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """How a gradient becomes a step."""

    method: str = "adamw"
    """adamw for all weights, or muon for the matrices inside the blocks and adamw for the rest."""
    lr: float = 6e-4
    """Peak learning rate of AdamW."""
    muon_lr: float = 0.02
    """Peak learning rate of Muon."""
    beta1: float = 0.9
    """AdamW's memory of the gradient."""
    beta2: float = 0.95
    """AdamW's memory of its square."""
    momentum: float = 0.95
    """Muon's memory of the gradient."""
    weight_decay: float = 0.1
    """Decay of matrices and embeddings; never of biases and normalisations, as GPT-2's groups have it."""
    clip: float = 1.0
    """Largest length of the whole gradient; 0 leaves it alone."""

    def __post_init__(self) -> None:
        """Refuse settings no optimizer takes."""
        _require(self.method in METHODS, "method", self.method, f"must be one of {', '.join(METHODS)}")
        for name in ("lr", "muon_lr"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "must be > 0")
        for name in ("beta1", "beta2", "momentum"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "must be in [0, 1)")
        for name in ("weight_decay", "clip"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "must be ≥ 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The learning rate over the run, as a share of its peak."""

    shape: str = "cosine"
    """cosine falls from the warm-up on; trapezoid stays at the peak, then falls in a straight line."""
    warmup_steps: int = 100
    """Steps of a straight rise from zero."""
    final: float = 0.1
    """Where it ends."""
    cooldown: float = 0.5
    """Share of the run that the fall of a trapezoid takes."""

    def __post_init__(self) -> None:
        """Refuse shapes that make no curve."""
        _require(self.shape in SHAPES, "shape", self.shape, f"must be one of {', '.join(SHAPES)}")
        _require(self.warmup_steps >= 0, "warmup_steps", self.warmup_steps, "must be ≥ 0")
        _require(0 <= self.final <= 1, "final", self.final, "must be in [0, 1]")
        _require(0 < self.cooldown <= 1, "cooldown", self.cooldown, "must be in (0, 1]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One run, whole."""

    model: GPT2Config
    """The shape of the model; its context is the length of each training window."""
    steps: int
    """Updates of the weights."""
    rows: int = 32
    """Windows in one update."""
    micro_rows: int = 32
    """Windows computed at once; must divide `rows`. Fewer need less memory and give the same update."""
    optimizer: Optimizer = field(default_factory=Optimizer)
    """How a gradient becomes a step."""
    schedule: Schedule = field(default_factory=Schedule)
    """The learning rate over the run."""
    precision: str = "bfloat16"
    """Arithmetic of the matrices; the weights themselves stay in float32."""
    recompute: bool = False
    """Forget each block's activations and compute them again on the way back: slower, far less memory."""
    seed: int = 0
    """Decides initial weights, order of the data and dropout."""
    evaluate_every: int = 250
    """Steps between evaluations; 0 evaluates only at the end."""
    evaluate_tokens: int = 65_536
    """Tokens of the validation shard to score each time."""
    save_every: int = 250
    """Steps between checkpoints; 0 saves only at the end."""
    keep: int = 2
    """Checkpoints to keep."""

    def __post_init__(self) -> None:
        """Refuse runs that cannot be."""
        for name in ("steps", "rows", "micro_rows", "evaluate_tokens"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "must be ≥ 1")
        for name in ("seed", "evaluate_every", "save_every"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "must be ≥ 0")
        _require(self.keep >= 2, "keep", self.keep, "must be ≥ 2: one may be damaged")
        _require(self.rows % self.micro_rows == 0, "micro_rows", self.micro_rows, f"must divide rows={self.rows}")
        _require(self.precision in PRECISIONS, "precision", self.precision, f"must be one of {', '.join(PRECISIONS)}")

    @property
    def tokens_per_step(self) -> int:
        """Tokens read for one update."""
        return self.rows * self.model.context_length


def to_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain values."""
    return asdict(recipe)


def from_json(values: dict[str, Any]) -> Recipe:
    """The inverse of `to_json`."""
    parts: dict[str, Any] = {"model": GPT2Config, "optimizer": Optimizer, "schedule": Schedule}
    settings = {name: parts[name](**value) if name in parts else value for name, value in values.items()}
    return Recipe(**settings)


def override(recipe: Recipe, setting: str) -> Recipe:
    """Change one setting, written `key=value` or `part.key=value`; the value takes the type of the one it replaces.

    Raises InvalidParameter for a key that is not there, naming those that are.
    """
    path, equals, text = setting.partition("=")
    part, dot, key = path.rpartition(".")
    owner: Any = getattr(recipe, part, None) if dot else recipe
    names = [field.name for field in fields(owner)] if is_dataclass(owner) else []
    if not equals or key not in names or is_dataclass(getattr(owner, key)):
        known = ", ".join(f"{part}.{name}" if dot else name for name in names) or "model.…, optimizer.…, schedule.…"
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
