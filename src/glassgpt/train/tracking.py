"""Metrics for the trackers people already use: TensorBoard, Weights & Biases, trackio.

`log.jsonl` is always written and is the record; a tracker is one more listener. Its package is imported when it is
asked for by name, and one that fails is told of once and then left alone: no tracker stops a run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol, runtime_checkable

from glassgpt.errors import InvalidParameter, RunError
from glassgpt.train.events import Evaluation, Event, Sample, Step, Trouble
from glassgpt.train.recipe import Recipe, to_json


@runtime_checkable
class Tracker(Protocol):
    """Where numbers and texts of a run go."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Some quantities after a step, by name."""
        ...

    def text(self, step: int, name: str, text: str) -> None:
        """What the model wrote."""
        ...

    def close(self) -> None:
        """Send what is still waiting."""
        ...


class TensorBoard:
    """Event files in the run's folder: `tensorboard --logdir RUN`."""

    def __init__(self, run: Path, recipe: Recipe) -> None:
        """Open a file; the recipe stands in it as text."""
        _need("tensorboard", "tensorboard")
        writer = import_module("torch.utils.tensorboard")
        self.writer = writer.SummaryWriter(str(run / "tensorboard"))
        self.writer.add_text("recipe", "\n".join(f"    {key}: {value}" for key, value in to_json(recipe).items()))

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """One scalar each."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def text(self, step: int, name: str, text: str) -> None:
        """As text, not as Markdown."""
        self.writer.add_text(name, "".join(f"    {line}\n" for line in text.splitlines()), step)

    def close(self) -> None:
        """Write what is still in memory."""
        self.writer.close()


class Logger:
    """Trackers with the calls of Weights & Biases: `init`, `log`, `finish`; trackio has the same."""

    def __init__(self, module: ModuleType, run: Path, recipe: Recipe) -> None:
        """Begin a run of the tracker's own under the folder's name."""
        self.module = module
        module.init(project="glassgpt", name=run.resolve().name, config=to_json(recipe))

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """All in one call."""
        self.module.log(dict(values), step=step)

    def text(self, step: int, name: str, text: str) -> None:
        """As a string."""
        self.module.log({name: text}, step=step)

    def close(self) -> None:
        """End it."""
        self.module.finish()


TRACKERS: dict[str, Callable[[Path, Recipe], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": lambda run, recipe: Logger(_need("wandb", "wandb"), run, recipe),
    "trackio": lambda run, recipe: Logger(_need("trackio", "trackio"), run, recipe),
}
"""By the name that `--track` takes."""


class Tracking:
    """Passes events on to trackers, by name, for as long as its context lasts.

    Raises InvalidParameter for a name that is none, RunError where its package is missing. Whatever else goes wrong
    with one is told to `report` once, and the run goes on without it.
    """

    def __init__(self, names: Sequence[str], run: Path, recipe: Recipe, report: Callable[[str], None]) -> None:
        """Nothing is begun before the context is entered."""
        for name in names:
            if name not in TRACKERS:
                raise InvalidParameter("track", name, f"must be one of {', '.join(TRACKERS)}")
        self.names, self.run, self.recipe, self.report = dict.fromkeys(names), run, recipe, report
        self.alive: dict[str, Tracker] = {}

    def __enter__(self) -> "Tracking":
        """Begin with each."""
        for name in self.names:
            with self._spared(name):
                self.alive[name] = TRACKERS[name](self.run, self.recipe)
        return self

    def __exit__(self, *error: object) -> None:
        """End with each."""
        for name, tracker in list(self.alive.items()):
            with self._spared(name):
                tracker.close()

    def tell(self, event: Event) -> None:
        """Pass on one event."""
        for name, tracker in list(self.alive.items()):
            with self._spared(name):
                _pass_on(event, tracker)

    @contextmanager
    def _spared(self, name: str) -> Iterator[None]:
        """The run, from whatever fails inside; the tracker is let go."""
        try:
            yield
        except RunError:
            raise
        except Exception as error:
            self.alive.pop(name, None)
            self.report(f"{name} failed ({type(error).__name__}: {error}); the run goes on without it")


def _pass_on(event: Event, tracker: Tracker) -> None:
    """An event in the names that trackers group by."""
    match event:
        case Step():
            speed = event.tokens_per_second
            values = {"train/loss": event.loss, "train/lr": event.lr, "train/norm": event.norm, "train/speed": speed}
            tracker.numbers(event.step, values)
        case Evaluation():
            seen = {"valid/nats_per_token": event.nats_per_token, "valid/bits_per_byte": event.bits_per_byte}
            tracker.numbers(event.step, seen)
        case Sample():
            tracker.text(event.step, "sample", event.prompt + event.text)
        case Trouble():
            tracker.text(event.step, f"trouble/{event.kind}", event.message)
        case _:
            pass


def _need(module: str, package: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise RunError(
            f"--track {package} needs the package {package}, which is not installed: pip install {package}, "
            "or all trackers: pip install 'glassgpt[track]'."
        ) from error
