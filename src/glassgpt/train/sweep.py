"""A recipe and what to try in, the best settings out: trials chosen by optuna, each a run of its own.

Everything lives in one folder: `trials.log`, optuna's journal, and a run for each trial, named by its settings. A sweep
that was stopped goes on: finished trials are not repeated, and the one that was running goes on from its checkpoint.
"""

import difflib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgpt.data.corpus import Paths
from glassgpt.errors import InvalidParameter, NotFinite, RunError
from glassgpt.train.loop import train
from glassgpt.train.recipe import Recipe, changed, keys
from glassgpt.train.sizes import final_loss

if TYPE_CHECKING:
    import optuna

Value = int | float | str | bool


@dataclass(frozen=True, slots=True)
class Try:
    """The values one setting may take: a range of numbers, or a list."""

    key: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Value, ...] = ()
    """Where these are given there is no range."""

    @classmethod
    def parse(cls, text: str) -> "Try":
        """Read `optimizer.lr=1e-4..1e-2:log`, `model.n_layers=2..8` or `schedule.shape=cosine,linear`."""
        key, equals, values = text.partition("=")
        if not equals or key not in keys():
            close = difflib.get_close_matches(key, keys(), n=1)
            hint = f"; the nearest key is {close[0]}" if close else ""
            raise InvalidParameter("try", text, f"must be KEY=LOW..HIGH, KEY=LOW..HIGH:log or KEY=A,B{hint}")
        low, dots, high = values.removesuffix(":log").partition("..")
        if not dots:
            return cls(key, choices=tuple(_value(word) for word in values.split(",")))
        try:
            found = cls(key, float(low), float(high), values.endswith(":log"))
        except ValueError as error:
            raise InvalidParameter("try", text, "the ends of a range must be numbers") from error
        if not found.low < found.high or (found.log and found.low <= 0):
            raise InvalidParameter("try", text, "the lower end must be below the upper, and above 0 with :log")
        return found

    def suggest(self, trial: "optuna.Trial") -> Value:
        """Let optuna choose."""
        if self.choices:
            chosen = trial.suggest_categorical(self.key, self.choices)
            assert chosen is not None, "no list holds None"
            return chosen
        if keys()[self.key] is int:
            return trial.suggest_int(self.key, round(self.low), round(self.high), log=self.log)
        return trial.suggest_float(self.key, self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of settings and how it did."""

    number: int
    settings: dict[str, Value]
    loss: float | None
    """Nats a token on the validation shard; None where the run could not be, or broke."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """All trials so far."""

    trials: list[Trial]
    interrupted: bool

    @property
    def best(self) -> Trial | None:
        """The trial of the lowest loss."""
        done = [trial for trial in self.trials if trial.loss is not None]
        return min(done, key=lambda trial: trial.loss or 0.0, default=None)


def sweep(
    recipe: Recipe,
    data: Paths,
    folder: Path,
    tries: Sequence[Try],
    *,
    trials: int = 20,
    device: str = "auto",
    listen: Callable[[Trial], None] = lambda trial: None,
) -> Sweep:
    """Go on until `trials` have ended, finished or impossible; `listen` hears of each.

    Raises RunError without optuna or a validation shard, and InvalidParameter without anything to try.
    """
    if not tries:
        raise InvalidParameter("tries", "[]", "name at least one setting to try")
    folder.mkdir(parents=True, exist_ok=True)
    study = _study(folder, recipe.seed)
    ended = _ended(study)
    while len(ended) < trials:
        asked = study.ask()
        settings = {each.key: each.suggest(asked) for each in tries}
        loss, interrupted = _run(recipe, settings, data, folder, device)
        if interrupted:
            return Sweep(ended, True)  # the trial stays open, and is taken up next time
        _tell(study, asked, loss)
        ended = _ended(study)
        listen(ended[-1])
    return Sweep(ended, False)


def run_folder(folder: Path, settings: Mapping[str, Value]) -> Path:
    """Where the run of these settings lives: the same settings always have the same folder."""
    known = json.dumps(settings, sort_keys=True)
    return folder / f"run-{hashlib.sha256(known.encode()).hexdigest()[:12]}"


def _run(
    recipe: Recipe, settings: Mapping[str, Value], data: Paths, folder: Path, device: str
) -> tuple[float | None, bool]:
    """The validation loss, None for settings that cannot be or that break; and whether the run was interrupted."""
    try:
        result = train(changed(recipe, settings), run_folder(folder, settings), data, device=device)
    except (InvalidParameter, NotFinite):
        return None, False
    if result.interrupted:
        return None, True
    return final_loss(run_folder(folder, settings)), False


def _study(folder: Path, seed: int) -> "optuna.Study":
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise RunError("A sweep needs optuna, which is not installed: pip install 'glassgpt[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "trials.log")))
    study = optuna.create_study(
        storage=storage, study_name="sweep", load_if_exists=True, sampler=optuna.samplers.TPESampler(seed=seed)
    )
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))  # or the first choices would come again
    for left in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(left.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(left.params, user_attrs={"again": True})
    return study


def _tell(study: "optuna.Study", asked: "optuna.Trial", loss: float | None) -> None:
    import optuna

    if loss is None:
        study.tell(asked, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(asked, loss)


def _ended(study: "optuna.Study") -> list[Trial]:
    import optuna

    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return [Trial(each.number, dict(each.params), each.value) for each in study.get_trials(states=states)]


def _value(word: str) -> Value:
    """A word of a list, as JSON reads it; what JSON does not know is a name."""
    try:
        value: Any = json.loads(word)
    except ValueError:
        return word.strip()
    return value if isinstance(value, int | float | str | bool) else word
