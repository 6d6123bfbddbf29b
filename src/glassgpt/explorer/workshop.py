"""The models that are open, whose turn it is to compute, and the names under which the page knows checkpoints.

The page names models by what `offered` lists, never by a path: nothing that comes from a browser reaches the disk.
"""

import hashlib
import heapq
import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from glassgpt.checkpoints.places import EMBEDDED
from glassgpt.engine import Prefixes
from glassgpt.errors import ModelNotFound
from glassgpt.explorer.kept import Kept
from glassgpt.language_model import LanguageModel, load
from glassgpt.train.history import find_runs
from glassgpt.train.run import Run

MOST_OPEN = 3
"""Models held in memory at once; the one used least recently is closed for a fourth."""
PREFIX_ROWS = 12
PREFIX_TOKENS = 6144
"""Rows of the memory of beginnings, and how many tokens all of them together may hold."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that may be opened: its name in links, and what `load` is told."""

    name: str
    where: str
    run: str | None = None
    step: int | None = None


@dataclass
class Subject:
    """An open model and what was found out about it."""

    name: str
    lm: LanguageModel
    prefixes: Prefixes
    fingerprint: str
    where: str
    """What `load` takes, in copied Python."""
    traces: Kept = field(default_factory=Kept)


class Turns:
    """One at a time, the most urgent first: the model is the cost, and two threads would slow each other down."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._count = itertools.count()
        self._is_busy = False

    @contextmanager
    def turn(self, urgency: int) -> Iterator[None]:
        """Wait until nobody computes and nobody more urgent (a lower number) waits; then it is yours."""
        ticket = (urgency, next(self._count))
        with self._condition:
            heapq.heappush(self._waiting, ticket)
            self._condition.wait_for(lambda: not self._is_busy and self._waiting[0] == ticket)
            heapq.heappop(self._waiting)
            self._is_busy = True
        try:
            yield
        finally:
            with self._condition:
                self._is_busy = False
                self._condition.notify_all()


NEXT_WORDS, LOOKED_AT, BACKGROUND = 0, 1, 2
"""How urgent it is: what follows a keystroke, an open picture, and sweeps."""


class Workshop:
    """What the Explorer works on: a first model, others beside it, and the runs in some folders."""

    def __init__(
        self, first: LanguageModel, others: Sequence[str] = (), runs: Sequence[Path] = (), device: str = "auto"
    ) -> None:
        self.turns = Turns()
        self._runs, self._device = tuple(runs), device
        self.first = first.name
        path = None if first.name == EMBEDDED else first.path
        own = Offer(first.name, str(path.resolve()) if path else first.name)
        self._fixed = {offer.name: offer for offer in (own, *map(_offer, others))}
        self._open: OrderedDict[str, Subject] = OrderedDict({own.name: _subject(own, first)})
        self._lock = threading.Lock()

    def run_folders(self) -> dict[str, Path]:
        """The runs on disk by the name the page uses: the folder's own, and a number where two have the same."""
        found: dict[str, Path] = {}
        for path in find_runs([folder for folder in self._runs if folder.is_dir()]):
            name = path.resolve().name
            unused = (f"{name}-{number}" for number in itertools.count(2))
            found[name if name not in found else next(each for each in unused if each not in found)] = path
        return found

    def offered(self) -> list[Offer]:
        """Every model that may be opened."""
        offers = list(self._fixed.values())
        for name, path in self.run_folders().items():
            offers += [Offer(f"{name}@{step}", f"{path.resolve()}@{step}", name, step) for step in Run(path).steps()]
        return offers

    def subject(self, name: str = "") -> Subject:
        """An open model, by its name; the first one without a name. Opens it if it is offered.

        Raises ModelNotFound for any other name.
        """
        name = name or self.first
        with self._lock:
            if name not in self._open:
                offer = next((offer for offer in self.offered() if offer.name == name), None)
                if offer is None:
                    raise ModelNotFound(f"There is no model {name[:100]!r} here; see the list of models.")
                self._open[name] = _subject(offer, load(offer.where, device=self._device, backend="torch"))
                while len(self._open) > MOST_OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(name)
            return self._open[name]


def fingerprint(lm: LanguageModel) -> str:
    """Twelve characters that change with every step of training: of the shape, the words, and the small weights."""
    digest = hashlib.sha256(f"{lm.config}{lm.tokenizer.fingerprint}".encode())
    for name, weight in lm.model.named_parameters():
        if weight.dim() == 1 or name.startswith("wpe"):
            digest.update(weight.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def _offer(where: str) -> Offer:
    path = Path(where)
    return Offer(path.name or where, str(path.resolve()) if path.exists() else where)


def _subject(offer: Offer, lm: LanguageModel) -> Subject:
    rows = max(2, min(PREFIX_ROWS, PREFIX_TOKENS // lm.config.context_length))
    return Subject(offer.name, lm, Prefixes(lm.backend, rows), fingerprint(lm), offer.where)
