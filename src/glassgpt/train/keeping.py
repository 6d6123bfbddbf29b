"""From the disk, which rank 0 sees, into the memory of all ranks, and back."""

from dataclasses import asdict
from functools import partial
from types import TracebackType

import torch

from glassgpt.errors import RunError
from glassgpt.model.cost import storage_bytes
from glassgpt.train.checkpoint import Progress, Snapshot
from glassgpt.train.events import Trouble
from glassgpt.train.identity import Identity
from glassgpt.train.optimizer import Updater
from glassgpt.train.ranks import Ranks
from glassgpt.train.recipe import Recipe
from glassgpt.train.run import Run
from glassgpt.train.saving import Saver


class Keeper:
    """Saves a run and takes it up again. As a context it sees a write in the background to its end."""

    def __init__(self, run: Run, recipe: Recipe, updater: Updater, saver: Saver, ranks: Ranks) -> None:
        """Nothing is read or written yet."""
        self.run, self.recipe, self.updater, self.saver, self.ranks = run, recipe, updater, saver, ranks

    def __enter__(self) -> "Keeper":
        """Nothing to do."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the write under way; but not for somebody who asked twice to stop."""
        if kind is not KeyboardInterrupt:
            self.saver.wait()

    def open(self, identity: Identity, *, resume: bool, force: bool) -> tuple[int | None, list[Trouble]]:
        """Begin in the run folder: the newest step that is whole, and what is wrong with others or with going on."""
        return self.ranks.attempt(lambda: self._open(identity, resume, force) if self.ranks.leads else (None, []))

    def newest(self) -> int | None:
        """The newest step that is whole, a write under way included."""
        self.collect(wait=True)
        return self.agreed(self.ranks.attempt(lambda: self.run.latest() if self.ranks.leads else None))

    def agreed(self, step: int | None) -> int | None:
        """Rank 0's step, on all ranks."""
        return self.ranks.told({"step": step})["step"]

    def collect(self, *, wait: bool = False) -> None:
        """Tell how a write in the background went, once it has ended."""
        self.ranks.attempt(partial(self.saver.collect, wait=wait))

    def save(self, progress: Progress, *, last: bool = False) -> None:
        """Rank 0 writes what all ranks hold; the `last` one is there when this returns."""
        weights = self.ranks.collect(self.updater.weights(), lambda name: name)
        memory = self.ranks.collect(self.updater.state(), self.updater.owner)
        snapshot = Snapshot(self.recipe.model, weights, memory, Progress(**asdict(progress)))
        self.ranks.attempt(lambda: self.saver.save(snapshot, last=last) if self.ranks.leads else None)

    def restore(self, step: int) -> Progress:
        """Put weights and optimizers back as they were after `step` updates."""
        read = self.ranks.attempt(lambda: self.run.read(step) if self.ranks.leads else None)
        weights, memory = (read.weights, read.optimizer) if read else ({}, {})
        with torch.no_grad():
            for name, tensor in self.ranks.relay(weights.items()):
                self.updater.parts[name].copy_(self.ranks.cut(tensor, name))
        owner = self.updater.owner
        self.updater.restore({key: self.ranks.cut(t, owner(key)) for key, t in self.ranks.relay(memory.items())})
        return Progress(**self.ranks.told(asdict(read.progress) if read else {}))

    def _open(self, identity: Identity, resume: bool, force: bool) -> tuple[int | None, list[Trouble]]:
        forced = self.run.begin(identity, resume=resume, force=force)
        self.saver.check_room(_checkpoint_bytes(self.recipe))
        step, damaged = self.run.newest()
        if step is None and damaged:
            worst = max(damaged)
            raise RunError(f"None of the {len(damaged)} checkpoints of {self.run.path} is whole; {damaged[worst]}")
        for bad in damaged:
            self.run.set_aside(bad)
        passed = [Trouble(step or 0, "checkpoint", f"passed over a damaged checkpoint: {t}") for t in damaged.values()]
        changed = [Trouble(step or 0, "forced", f"goes on although something changed: {text}") for text in forced]
        return step, passed + changed


def _checkpoint_bytes(recipe: Recipe) -> int:
    """About how large a checkpoint will be: weights and the optimizer's two averages; with an average, two more."""
    return storage_bytes(recipe.model) * (5 if recipe.optimizer.ema else 3)
