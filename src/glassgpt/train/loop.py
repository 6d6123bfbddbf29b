"""Recipe and data in, a run out: read, step, guard, log, evaluate, save, and stop cleanly when asked.

`Trainer.go` is the whole of it; each word in it is a module beside this one.
"""

import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from glassgpt.data import Batch, open_data
from glassgpt.data.corpus import Corpus, Paths
from glassgpt.data.permutation import mix
from glassgpt.device import resolve
from glassgpt.errors import NotFinite, RunError, StoppedElsewhere
from glassgpt.evaluate import Loss
from glassgpt.model import GPT2, initialize
from glassgpt.tokens import Tokenizer
from glassgpt.train.allocator import keep_large_blocks
from glassgpt.train.checkpoint import Progress
from glassgpt.train.diagnosis import diagnose
from glassgpt.train.events import Listener, Resumed, Step, Trouble
from glassgpt.train.guard import Verdict, Watch, batch_number
from glassgpt.train.identity import Identity
from glassgpt.train.keeping import Keeper
from glassgpt.train.lock import hold
from glassgpt.train.log import Log, Silence
from glassgpt.train.meeting import Seat, gathered
from glassgpt.train.memory import explain_out_of_memory
from glassgpt.train.mup import rates, rescale
from glassgpt.train.optimizer import Updater
from glassgpt.train.ranks import ALONE, Ranks
from glassgpt.train.recipe import Recipe
from glassgpt.train.run import Run
from glassgpt.train.saving import Saver
from glassgpt.train.schedule import rate
from glassgpt.train.start import open_start
from glassgpt.train.step import gradients
from glassgpt.train.stopping import stop_on_signal
from glassgpt.train.watching import Observer
from glassgpt.train.working import Worker


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    folder: Path
    """Its newest checkpoint."""
    steps: int
    validation: Loss | None
    """On the validation shard at the end; None without such a shard or when interrupted."""
    signal: int | None = None
    """What interrupted it."""

    @property
    def interrupted(self) -> bool:
        """Whether it was asked to stop before its last step."""
        return self.signal is not None


def train(
    recipe: Recipe,
    run: Path,
    data: Paths,
    *,
    start: str | Path | None = None,
    resume: bool = True,
    force: bool = False,
    device: str = "auto",
    listen: Listener = lambda event: None,
) -> RunResult:
    """Train a model on the shards of `data` (as `glassgpt.data.prepare` writes them) in the folder `run`.

    A run that was stopped goes on from its newest checkpoint, bit for bit as if it had not been stopped (same machine,
    same threads); `force` lets it go on although data, recipe or versions changed. `start` names a model to begin with
    instead of random weights. Started by torchrun, several processes train one model; what they write, return and tell
    `listen` is rank 0's. SIGINT, SIGTERM and SIGHUP finish the step, save, and return; a second one stops at once.

    Raises RunInUse where another process trains in the folder, SavingFailed where nothing can be saved, NotFinite and
    OutOfMemory as they say, and RunError for a folder that holds another run.
    """
    length, reading = recipe.model.context_length, asdict(recipe.reading)
    find = partial(open_data, data, context=length, rows=recipe.rows, seed=recipe.seed, **reading)
    place = Seat.taken().device(resolve(device).device)
    with gathered(recipe, place) as ranks, ExitStack() as stack, explain_out_of_memory(recipe):
        corpus = ranks.attempt(find)
        ranks.attempt(lambda: stack.enter_context(hold(run)) if ranks.leads else None)
        trainer = Trainer(recipe, Run(run), corpus, start=start, device=place, listen=listen, ranks=ranks)
        return trainer.go(resume, force)


class Trainer:
    """What a run needs in memory: model, optimizers, batches, and how far it is."""

    def __init__(
        self,
        recipe: Recipe,
        run: Run,
        data: Corpus,
        *,
        start: str | Path | None = None,
        device: torch.device | None = None,
        listen: Listener = lambda event: None,
        ranks: Ranks = ALONE,
    ) -> None:
        """Set up the model; nothing is written yet."""
        _check_vocabulary(recipe, data.tokenizer)
        keep_large_blocks()
        self.recipe, self.run, self.data, self.ranks = recipe, run, data, ranks
        self.rows = ranks.attempt(lambda: ranks.rows(recipe.rows))
        found = ranks.attempt(lambda: open_start(start, recipe, data.tokenizer, run) if ranks.leads else (None, None))
        weights, self.start = found
        self.model = rescale(initialize(GPT2(recipe.model), recipe.seed), recipe.optimizer)
        if weights is not None:
            self.model.load_state_dict(weights)
        self.model.to(device or resolve("auto").device).train()
        self.updater = Updater(ranks.spread(self.model), recipe.optimizer, rates(recipe.model, recipe.optimizer))
        self.worker = Worker(self.model, recipe)
        self.progress, self.watch = Progress(), Watch(recipe.guard)
        self.log = Log(run.path / "log.jsonl", listen) if ranks.leads else Silence()
        saver = Saver(run, recipe.saving, data.tokenizer, self.log.tell)
        self.keeper = Keeper(run, recipe, self.updater, saver, ranks)
        self.observer = Observer(recipe, data.validation, data.tokenizer, ranks, self.log.tell)

    def go(self, resume: bool = True, force: bool = False) -> RunResult:
        """Run to the end of the recipe, or until interrupted."""
        self._take_up(resume, force)
        validation, owed = None, False
        with stop_on_signal() as stop, self.keeper:
            asked = self.ranks.highest(stop.signal or 0)
            while self.progress.step < self.recipe.steps and not asked:
                self._step()
                self.keeper.collect()
                asked = self.ranks.highest(stop.signal or 0)
                if not asked:
                    validation = self.observer.look(self.model, self.updater, self.progress)
                owed = owed or self._due(self.recipe.saving.every)
                last = self.progress.step == self.recipe.steps or bool(asked)
                if last or (owed and not self.watch.refused):  # what spoilt a step may have spoilt the weights before
                    self._save(last=last)
                    owed = False
        done = self.progress.step
        if done == self.recipe.steps:
            return RunResult(self.run.folder(done), done, validation)
        return RunResult(self.run.folder(done), done, None, asked)

    def _take_up(self, resume: bool, force: bool) -> None:
        """Go on from the newest checkpoint that is whole, or begin."""
        identity = Identity(self.recipe, self.data.vocabulary, self.data.fingerprint, self.start)
        found, troubles = self.keeper.open(identity, resume=resume, force=force)
        step = self.keeper.agreed(found)
        self.log.cut(step or 0)
        if step is not None:
            self.progress = self.keeper.restore(step)
            self.watch.restore(self.progress.watch)
            self.log.tell(Resumed(step))
        elif self.recipe.guard.on_nonfinite == "rollback":  # which needs something to go back to
            self._save()
        for trouble in troubles:
            self.log.tell(trouble)

    def _step(self) -> None:
        """Read a batch, compute, and update the weights if the guard finds nothing wrong."""
        began = time.perf_counter()
        done, self.progress.validation = self.progress.step, None
        share = rate(self.recipe.schedule, done, self.recipe.steps)
        number = batch_number(done, self.progress.left_out)
        batch = self.data.rows(number, *self.rows)
        device = self.model.wte.weight.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            # Dropout is a function of the step, so it resumes too, and of the rows, so that ranks draw different noise.
            torch.manual_seed(mix(self.recipe.seed, done + (self.rows[0] << 40)) >> 1)
            loss, norm = gradients(self.worker, batch, self.ranks)
        verdict = self.watch.judge(done + 1, loss.item(), norm.item())
        if verdict is None:
            self.updater.step(share)
        elif self._refuse(verdict, number, batch):
            return
        self.progress.step += 1
        self.progress.tokens_seen += self.recipe.tokens_per_step
        seconds = time.perf_counter() - began
        self.progress.seconds += seconds
        if verdict is None:
            speed = self.recipe.tokens_per_step / seconds
            self.log.tell(Step(done + 1, loss.item(), share, norm.item(), speed))

    def _refuse(self, verdict: Verdict, number: int, batch: Batch) -> bool:
        """Leave the weights as they are: stop, go over to the next step, or go back (then True)."""
        step, policy = self.progress.step + 1, self.recipe.guard.on_nonfinite
        if verdict.finite:
            policy = "skip"
        trouble = self.run.path / "trouble"
        shown = diagnose(trouble, step, number, batch, self.model, verdict.reason) if self.ranks.leads else ""
        self.updater.forget()
        if policy == "abort" or self.watch.gives_up:
            often = "" if policy == "abort" else f"{self.watch.bad_in_a_row} bad steps in a row; "
            if not self.ranks.leads:
                raise StoppedElsewhere("Rank 0 says what was wrong with the step.")
            raise NotFinite(
                f"step {step}: {often}{verdict.reason}. No weight was changed by it, and the last checkpoint is whole; "
                f"{shown}. Resume with a lower learning rate in a new run folder, or with guard.on_nonfinite=skip."
            )
        if policy == "skip":
            self.log.tell(Trouble(step, "guard", f"step {step:,} skipped: {verdict.reason}; {shown}"))
            return False
        self._roll_back(f"step {step:,} rolled back: {verdict.reason}; {shown}", number)
        return True

    def _roll_back(self, told: str, number: int) -> None:
        """Go back to the newest checkpoint; from now on this batch is left out."""
        step = self.keeper.newest()
        if step is None:
            raise NotFinite(f"{told}; but there is no checkpoint to go back to.")
        left_out = [*self.progress.left_out, number]
        self.progress = self.keeper.restore(step)
        self.progress.left_out = left_out
        self.watch.rewind(self.progress.watch)
        self.log.cut(step)
        self.log.tell(Trouble(step, "guard", f"{told}; going on after step {step:,} without batch {number}"))

    def _save(self, *, last: bool = False) -> None:
        self.progress.watch = self.watch.state()
        self.keeper.save(self.progress, last=last)

    def _due(self, every: int) -> bool:
        done = self.progress.step
        return done == self.recipe.steps or (every > 0 and done % every == 0)


def _check_vocabulary(recipe: Recipe, tokenizer: Tokenizer) -> None:
    if recipe.model.vocab_size < tokenizer.vocab_size:
        raise RunError(
            f"The model knows {recipe.model.vocab_size:,} tokens, the data has {tokenizer.vocab_size:,}. "
            f"Set vocab_size to {tokenizer.vocab_size}."
        )
