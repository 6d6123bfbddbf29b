"""Recipe and shards in, a run out: step, log, evaluate, save, and stop cleanly when asked."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from glassgpt.data import open_data
from glassgpt.data.corpus import Paths
from glassgpt.data.permutation import mix
from glassgpt.device import resolve
from glassgpt.errors import RunError
from glassgpt.evaluate import Loss, loss_of
from glassgpt.model import GPT2, initialize
from glassgpt.tokens import Tokenizer
from glassgpt.train.allocator import keep_large_blocks
from glassgpt.train.events import Evaluation, Event, Listener, Log, Resumed, Saved, Step
from glassgpt.train.optimizer import Updater
from glassgpt.train.ranks import ALONE
from glassgpt.train.recipe import Recipe
from glassgpt.train.run import Run
from glassgpt.train.schedule import rate
from glassgpt.train.step import recompute_blocks, train_step


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended."""

    folder: Path
    """Its newest checkpoint."""
    steps: int
    validation: Loss | None
    """On the validation shard at the end; None without such a shard or when interrupted."""
    interrupted: bool


def train(
    recipe: Recipe,
    run: Path,
    data: Paths,
    *,
    resume: bool = True,
    device: str = "auto",
    listen: Listener = lambda event: None,
) -> RunResult:
    """Train a model on the shards of `data` (as `glassgpt.data.prepare` writes them) in the folder `run`.

    A run that was stopped goes on from its newest checkpoint, bit for bit as if it had not been stopped (same machine,
    same threads). SIGINT and SIGTERM finish the step, save, and return; a second one stops at once.
    """
    return Trainer(recipe, Run(run), data, device).go(resume, listen)


class Trainer:
    """What a run needs in memory: model, optimizers, batches."""

    def __init__(self, recipe: Recipe, run: Run, data: Paths, device: str = "auto") -> None:
        """Open the data and set up the model; nothing is written yet."""
        keep_large_blocks()
        self.recipe, self.run = recipe, run
        length, reading = recipe.model.context_length, recipe.reading
        self.data = open_data(data, context=length, rows=recipe.rows, seed=recipe.seed, **asdict(reading))
        _check_vocabulary(recipe, self.data.tokenizer)
        place = resolve(device)
        self.model = initialize(GPT2(recipe.model), recipe.seed).to(place.device).train()
        self.updater = Updater(ALONE.spread(self.model), recipe.optimizer)
        if recipe.recompute:
            recompute_blocks(self.model)

    def go(self, resume: bool, listen: Listener) -> RunResult:
        """Run to the end of the recipe, or until interrupted."""
        self.run.begin(self.recipe, self.data.vocabulary, resume=resume)
        done = self._resume()
        log = Log(self.run.path / "log.jsonl", done)

        def tell(event: Event) -> None:
            log.write(event)
            listen(event)

        if done:
            listen(Resumed(done))
        validation = None
        with interruptible() as stop:
            while done < self.recipe.steps and not stop.is_set():
                tell(self._step(done))
                done += 1
                if self._due(done, self.recipe.watching.evaluate_every) and not stop.is_set():
                    validation = self._evaluate(done, tell)
                if self._due(done, self.recipe.saving.every) or stop.is_set():
                    self._save(done, tell)
        interrupted = done < self.recipe.steps
        return RunResult(self.run.folder(done), done, None if interrupted else validation, interrupted)

    def _step(self, done: int) -> Step:
        began = time.perf_counter()
        share = rate(self.recipe.schedule, done, self.recipe.steps)
        with torch.random.fork_rng():
            torch.manual_seed(mix(self.recipe.seed, done) >> 1)  # dropout is a function of the step, so it resumes too
            loss, norm = train_step(self.model, self.updater, self.recipe, self.data.batch(done), share)
        nats, length = loss.item(), norm.item()
        if not (math.isfinite(nats) and math.isfinite(length)):
            raise RunError(
                f"step {done + 1}: loss {nats}, gradient {length}. The last checkpoint is whole; "
                "resume with a lower learning rate in a new run folder, or look at the data of this step."
            )
        speed = self.recipe.tokens_per_step / (time.perf_counter() - began)
        return Step(done + 1, nats, share, length, speed)

    def _due(self, done: int, every: int) -> bool:
        return done == self.recipe.steps or (every > 0 and done % every == 0)

    def _evaluate(self, done: int, tell: Listener) -> Loss | None:
        if self.data.validation is None:
            return None
        tokens = self.data.validation.tokens[: self.recipe.watching.evaluate_tokens + 1]
        share = len(tokens) / len(self.data.validation.tokens)
        context = self.recipe.model.context_length
        loss = loss_of(self.model, tokens, round(self.data.validation.text_bytes * share), stride=context)
        tell(Evaluation(done, loss.nats_per_token, loss.bits_per_byte))
        return loss

    def _save(self, done: int, tell: Listener) -> None:
        facts = {"tokens_seen": done * self.recipe.tokens_per_step}
        folder = self.run.save(done, self.model, self.updater, self.data.tokenizer, facts)
        self.run.prune(self.recipe.saving.keep)
        tell(Saved(done, folder.name))

    def _resume(self) -> int:
        step = self.run.latest()
        if step is None:
            return 0
        self.run.restore(step, self.model, self.updater)
        return step


def _check_vocabulary(recipe: Recipe, tokenizer: Tokenizer) -> None:
    if recipe.model.vocab_size < tokenizer.vocab_size:
        raise RunError(
            f"The model knows {recipe.model.vocab_size:,} tokens, the data has {tokenizer.vocab_size:,}. "
            f"Set vocab_size to {tokenizer.vocab_size}."
        )


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets; a second signal acts as it always does."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(number, before[number])

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
