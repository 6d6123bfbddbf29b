"""A run on disk: a folder that can be stopped at any moment and goes on where its last checkpoint stands.

    run/LOCK                  held by the process that trains here
    run/recipe.json           the resolved recipe, and which data, vocabulary and versions it belongs to
    run/log.jsonl             one line for each step, evaluation, save and trouble
    run/trouble/              what a bad step looked like
    run/ckpt/step-00001000/   a checkpoint (`checkpoint.py`); it appears by one rename, whole or not at all

"Latest" is the highest step whose manifest verifies: no pointer file, no modification time.
"""

import errno
import json
from dataclasses import dataclass
from pathlib import Path

from glassgpt.checkpoints.atomic import discard, new_file, new_folder, sweep
from glassgpt.checkpoints.json_file import read_json, write_json
from glassgpt.checkpoints.manifest import verify_manifest
from glassgpt.errors import CheckpointError, RunError
from glassgpt.tokens import Tokenizer
from glassgpt.train.checkpoint import Snapshot, read_progress, read_snapshot
from glassgpt.train.identity import FIXED, Identity

DAMAGE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO)
"""What reading a damaged folder meets; anything else, such as too many open files, is no fault of the folder."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints are."""
        return self.path / "ckpt"

    def begin(self, identity: Identity, *, resume: bool = True, force: bool = False) -> list[str]:
        """Write down what this run is, or see that the one in the folder is the same; clear away what crashes left.

        A run may be resumed with more or fewer `steps` and other intervals; anything else would make it another run.
        Returns the differences that were forced.
        """
        forced = self._compare(identity, resume, force)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        for folder in (self.path, self.checkpoints):
            sweep(folder)
        with new_file(self._identity) as temporary:
            write_json(temporary, json.loads(json.dumps(identity.to_json())))
        return forced

    def recorded(self) -> dict[str, object]:
        """What `recipe.json` says; nothing where there is none."""
        return read_json(self._identity) if self._identity.exists() else {}

    def steps(self) -> list[int]:
        """The steps that have a checkpoint folder, lowest first, not yet verified."""
        names = (path.name.removeprefix("step-") for path in self.checkpoints.glob("step-*"))
        return sorted(int(name) for name in names if name.isdigit())

    def folder(self, step: int) -> Path:
        """Where the checkpoint of a step stands."""
        return self.checkpoints / f"step-{step:08d}"

    def latest(self) -> int | None:
        """The highest step that verifies, or None."""
        return self.newest()[0]

    def newest(self) -> tuple[int | None, dict[int, str]]:
        """The highest step that verifies, and what is wrong with those above it."""
        damaged: dict[int, str] = {}
        for step in reversed(self.steps()):
            try:
                verify_manifest(self.folder(step))
            except (CheckpointError, OSError) as error:
                if not _is_damage(error):
                    raise
                damaged[step] = str(error)
            else:
                return step, damaged
        return None, damaged

    def set_aside(self, step: int) -> None:
        """Take a damaged checkpoint out of the way, but keep it for whoever wants to look."""
        aside = self.checkpoints / f"damaged-{self.folder(step).name}"
        if aside.exists():
            discard(aside)
        self.folder(step).rename(aside)

    def write(self, snapshot: Snapshot, tokenizer: Tokenizer) -> Path:
        """Write a checkpoint; it appears by one rename."""
        target = self.folder(snapshot.progress.step)
        with new_folder(target, replace=True) as folder:
            snapshot.write(folder, tokenizer)
        return target

    def read(self, step: int) -> Snapshot:
        """The checkpoint of a step."""
        return read_snapshot(self.folder(step))

    def prune(self, keep: int, keep_best: int = 0) -> None:
        """Remove all checkpoints but the newest `keep` and the `keep_best` with the lowest validation loss."""
        steps = self.steps()
        measured = {step: read_progress(self.folder(step)).validation for step in steps} if keep_best else {}
        ranked = sorted((loss, step) for step, loss in measured.items() if loss is not None)
        spared = {*steps[-keep:], *(step for _, step in ranked[:keep_best])}
        for step in steps:
            if step not in spared:
                discard(self.folder(step))

    @property
    def _identity(self) -> Path:
        return self.path / "recipe.json"

    def _compare(self, identity: Identity, resume: bool, force: bool) -> list[str]:
        there = self.recorded()
        if not there:
            return []
        if not resume:
            raise RunError(f"{self.path} holds a run already. Resume it (--resume) or choose another folder.")
        found = identity.differences(there)
        told = [f"{key.removeprefix('recipe.')}: {values}" for key, values in found.items()]
        refused = [key for key in found if key.startswith(FIXED)]
        if found and (refused or not force):
            way = "Choose another folder" + ("." if refused else ", or go on all the same with --force.")
            raise RunError(f"{self.path} holds another run; it differs in {'; '.join(told)}. {way}")
        return told


def _is_damage(error: Exception) -> bool:
    cause = error if isinstance(error, OSError) else error.__cause__
    return not isinstance(cause, OSError) or cause.errno in DAMAGE
