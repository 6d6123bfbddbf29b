"""The parts of a recipe: how a run reads, steps, guards itself, saves and is watched. Frozen dataclasses, no defaults
hidden elsewhere; every key is also a key on the command line.
"""

from dataclasses import dataclass

from glassgpt.errors import InvalidParameter

METHODS = ("adamw", "muon", "schedule_free")
SHAPES = ("cosine", "linear", "trapezoid", "constant")
PACKINGS = ("concatenate", "aligned", "best_fit")
POLICIES = ("abort", "skip", "rollback")
SHARDINGS = ("none", "fsdp")


def require(holds: bool, name: str, value: object, rule: str) -> None:
    """Refuse a setting in the words every refusal has."""
    if not holds:
        raise InvalidParameter(name, value, rule)


def require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not one of the choices."""
    require(value in choices, name, value, f"must be one of {', '.join(choices)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Optimizer:
    """How a gradient becomes a step."""

    method: str = "adamw"
    """adamw for all weights; muon for the matrices inside the blocks and adamw for the rest; or schedule_free."""
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
    ema: float = 0.0
    """Share of the old average kept at each step by the averaged weights that are evaluated and saved; 0 keeps none."""
    mup_base: int = 0
    """Width at which the learning rates were tuned: other widths then follow muP's rules; 0 leaves them alone."""

    def __post_init__(self) -> None:
        """Refuse settings no optimizer takes."""
        require_choice("method", self.method, METHODS)
        for name in ("lr", "muon_lr"):
            require(getattr(self, name) > 0, name, getattr(self, name), "must be > 0")
        for name in ("beta1", "beta2", "momentum", "ema"):
            require(0 <= getattr(self, name) < 1, name, getattr(self, name), "must be in [0, 1)")
        for name in ("weight_decay", "clip", "mup_base"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "must be ≥ 0")
        if self.method == "schedule_free":
            require(self.beta1 > 0, "beta1", self.beta1, "must be > 0 with schedule_free, which averages by it")
            require(self.ema == 0, "ema", self.ema, "must be 0 with schedule_free, which keeps an average already")


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """The learning rate over the run, as a share of its peak."""

    shape: str = "cosine"
    """cosine and linear fall from the warm-up on; trapezoid (also called WSD) stays at the peak, then falls in a
    straight line; constant stays."""
    warmup_steps: int = 100
    """Steps of a straight rise from zero."""
    final: float = 0.1
    """Where it ends."""
    cooldown: float = 0.5
    """Share of the run that the fall of a trapezoid takes."""

    def __post_init__(self) -> None:
        """Refuse shapes that make no curve."""
        require_choice("shape", self.shape, SHAPES)
        require(self.warmup_steps >= 0, "warmup_steps", self.warmup_steps, "must be ≥ 0")
        require(0 <= self.final <= 1, "final", self.final, "must be in [0, 1]")
        require(0 < self.cooldown <= 1, "cooldown", self.cooldown, "must be in (0, 1]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How documents become the rows of a batch."""

    packing: str = "concatenate"
    """concatenate cuts the whole stream into windows; aligned starts every row at a document; best_fit fills each row
    with whole documents where they fit."""
    isolate: bool = False
    """Hide the documents of a row from each other (a block-diagonal mask), each counted from position 0."""

    def __post_init__(self) -> None:
        """Refuse packings that are not there."""
        require_choice("packing", self.packing, PACKINGS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What a run does about a step that went wrong."""

    on_nonfinite: str = "abort"
    """What to do when loss or gradient is not a number: abort before the update; skip the update; or rollback to the
    last checkpoint and leave this step's batch out."""
    max_bad_steps: int = 3
    """Give up after so many bad steps in a row."""
    z_loss: float = 0.0
    """Skip the update of a step whose loss lies this many standard deviations above the last `window`; 0 never does."""
    z_norm: float = 0.0
    """The same for the length of the gradient."""
    window: int = 128
    """Steps that the mean and the deviation are taken over."""

    def __post_init__(self) -> None:
        """Refuse what guards nothing."""
        require_choice("on_nonfinite", self.on_nonfinite, POLICIES)
        require(self.max_bad_steps >= 1, "max_bad_steps", self.max_bad_steps, "must be ≥ 1")
        require(self.window >= 8, "window", self.window, "must be ≥ 8")
        for name in ("z_loss", "z_norm"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "must be ≥ 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Saving:
    """When checkpoints are written and which are kept."""

    every: int = 250
    """Steps between checkpoints; 0 saves only at the end."""
    keep: int = 2
    """Newest checkpoints to keep."""
    keep_best: int = 0
    """Checkpoints with the lowest validation loss to keep besides."""
    background: bool = False
    """Write while the next steps run; needs memory for one more copy of weights and optimizer."""
    max_failures: int = 3
    """Give up after so many saves in a row failed, for example on a full disk."""

    def __post_init__(self) -> None:
        """Refuse what keeps nothing."""
        require(self.every >= 0, "every", self.every, "must be ≥ 0")
        require(self.keep >= 2, "keep", self.keep, "must be ≥ 2: one may be damaged")
        require(self.keep_best >= 0, "keep_best", self.keep_best, "must be ≥ 0")
        require(self.max_failures >= 1, "max_failures", self.max_failures, "must be ≥ 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching:
    """What a run shows of the model on the way."""

    evaluate_every: int = 250
    """Steps between evaluations; 0 evaluates only at the end."""
    evaluate_tokens: int = 65_536
    """Most tokens of the validation shard to score each time."""
    evaluate_share: float = 0.0
    """Largest share of the run's time that evaluations and samples may take; 0 sets no budget."""
    sample_every: int = 0
    """Steps between samples of text; 0 writes none."""
    sample_prompt: str = ""
    """What samples start from; nothing starts a new document."""
    sample_tokens: int = 60
    """Length of a sample."""

    def __post_init__(self) -> None:
        """Refuse what shows nothing."""
        for name in ("evaluate_every", "sample_every"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "must be ≥ 0")
        for name in ("evaluate_tokens", "sample_tokens"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "must be ≥ 1")
        require(0 <= self.evaluate_share < 1, "evaluate_share", self.evaluate_share, "must be in [0, 1)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parallel:
    """How the ranks that torchrun starts share the work; the rows of a batch are divided among them in any case."""

    shard: str = "none"
    """none: every rank keeps all weights, and gradients are summed once a step (data parallel); fsdp: weights,
    gradients and the optimizer's memory are divided among the ranks too."""
    tensor: int = 1
    """Ranks that compute one row together, each with some of the heads; must divide the number of heads."""

    def __post_init__(self) -> None:
        """Refuse what cannot be divided."""
        require_choice("shard", self.shard, SHARDINGS)
        require(self.tensor >= 1, "tensor", self.tensor, "must be ≥ 1")
