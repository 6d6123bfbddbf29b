"""What the four `glassgpt evaluate` verbs share: which words are the model and which the files, and how they answer."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from glassgpt.cli.open_model import open_model
from glassgpt.cli.options import Place, Talk, UsageError
from glassgpt.cli.progress import Report, progress
from glassgpt.cli.prompt import EMBEDDED, names_a_model
from glassgpt.cli.terminal import Terminal
from glassgpt.errors import DataError

if TYPE_CHECKING:
    from glassgpt.language_model import LanguageModel


@dataclass(frozen=True, kw_only=True)
class Measure(Place, Talk):
    """What is measured"""

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[MODEL] FILE…")] = ()
    """The model, unless it is the one that comes with GlassGPT, and the files."""
    model: Annotated[str | None, arg(aliases=("-m",), metavar="MODEL")] = None
    """The model, where it is not the first argument."""
    limit: Annotated[int, arg(metavar="N")] = 0
    """Use only the first N documents, lines, passages or questions of each file or part; 0 uses all."""

    def __post_init__(self) -> None:
        """Refuse limits below zero."""
        super().__post_init__()
        if self.limit < 0:
            raise UsageError(f"--limit {self.limit} is not allowed: must be ≥ 0")

    def model_and_files(self) -> tuple[str, list[Path]]:
        """The first of several words is the model, unless a file or a folder without a model has that name."""
        words = list(self.words)
        named = self.model
        if not named and len(words) > 1 and _may_be_a_model(words[0]):
            named = words.pop(0)
        if not words:
            raise UsageError("FILE missing: say which texts or questions to measure")
        return named or EMBEDDED, [Path(word).expanduser() for word in words]


def _may_be_a_model(word: str) -> bool:
    path = Path(word).expanduser()
    return path.suffix == ".safetensors" or (names_a_model(word) if path.is_dir() else not path.is_file())


@dataclass(frozen=True, slots=True)
class Bench:
    """A model ready to be measured."""

    lm: "LanguageModel"
    files: list[Path]
    out: Terminal
    report: Report
    began: float

    def bar(self, name: str) -> Callable[[int, int], None]:
        """What moves the progress bar of one file."""
        return lambda done, goal: self.report(f"{name}: tokens", done, goal)

    def answer(self, verb: str, results: Sequence[object]) -> None:
        """The one object of --json."""
        self.out.json(verb, {"model": self.lm.name, "results": results, "seconds": self.seconds})

    @property
    def seconds(self) -> float:
        """Since the model was loaded."""
        return round(time.perf_counter() - self.began, 2)


@contextmanager
def measuring(options: Measure) -> Iterator[Bench]:
    """Look for the files, load the model, and show how far it is."""
    out = Terminal(options)
    where, files = options.model_and_files()
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise DataError(f"there is no file {missing[0]}. Check the path; -m MODEL says which model to measure.")
    lm = open_model(where, options, out)
    with progress(out) as report:
        yield Bench(lm, files, out, report, time.perf_counter())


def plus_minus(value: float, error: float, digits: int) -> str:
    """A number with its standard error, where there is one."""
    return f"{value:,.{digits}f} ± {error:,.{digits}f}" if math.isfinite(error) else f"{value:,.{digits}f}"


def finite(value: float) -> float | None:
    """JSON has no word for what is not a number."""
    return value if math.isfinite(value) else None
