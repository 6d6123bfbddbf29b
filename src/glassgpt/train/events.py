"""What a run tells while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One update."""

    step: int
    """How many updates are done."""
    loss: float
    """Nats a token, over this step's batch."""
    lr: float
    """Share of the peak learning rate."""
    norm: float
    """Length of the gradient before clipping."""
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The loss on text held back."""

    step: int
    nats_per_token: float
    bits_per_byte: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model writes."""

    step: int
    prompt: str
    text: str
    """What it wrote after the prompt."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint appeared."""

    step: int
    folder: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run goes on after this step."""

    step: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong, and the run goes on."""

    step: int
    kind: str
    """saving, checkpoint (a damaged one), guard, log, watching, or forced (resumed although something changed)."""
    message: str


Event = Step | Evaluation | Sample | Saved | Resumed | Trouble
Listener = Callable[[Event], None]


def both(first: Listener, second: Listener) -> Listener:
    """One listener in the place of two; the second is told although the first fails."""

    def tell(event: Event) -> None:
        try:
            first(event)
        finally:
            second(event)

    return tell
