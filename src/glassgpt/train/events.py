"""What a run tells while it goes on, and the log file that keeps it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


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
class Saved:
    """A checkpoint appeared."""

    step: int
    folder: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run goes on after this step."""

    step: int


Event = Step | Evaluation | Saved | Resumed
Listener = Callable[[Event], None]


class Log:
    """`log.jsonl`: one object a line, appended; a resumed run cuts off what lies after its checkpoint."""

    def __init__(self, path: Path, resumed_at: int) -> None:
        """Keep the lines up to the step the run goes on from."""
        self.path = path
        if path.exists():
            kept = [line for line in path.read_text().splitlines() if _step_of(line) <= resumed_at]
            path.write_text("".join(f"{line}\n" for line in kept))

    def write(self, event: Event) -> None:
        """Append one event."""
        with self.path.open("a") as file:
            file.write(json.dumps({"event": type(event).__name__.lower(), **asdict(event)}) + "\n")


def _step_of(line: str) -> float:
    """The step a line belongs to; a line cut short by a crash belongs nowhere."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
