"""A run on disk: a folder that can be stopped at any moment and goes on where its last checkpoint stands.

    run/recipe.json     the resolved recipe and which vocabulary and data it belongs to
    run/log.jsonl       one line for each logged step and each evaluation
    run/ckpt/step-00001000/   a Hugging Face folder (weights, config, tokenizer) + optimizer.safetensors
                              + trainer.json + manifest.json; it appears by one rename, whole or not at all

"Latest" is the highest step whose manifest verifies. Nothing is pickled.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from glassgpt.checkpoints.atomic import discard, new_file, new_folder, sweep
from glassgpt.checkpoints.hugging_face import write_model
from glassgpt.checkpoints.loading import load_model
from glassgpt.checkpoints.manifest import verify_manifest, write_manifest
from glassgpt.errors import CheckpointError, RunError
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer
from glassgpt.train.optimizer import Updater
from glassgpt.train.recipe import Recipe, to_json


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints are."""
        return self.path / "ckpt"

    def begin(self, recipe: Recipe, vocabulary: str, *, resume: bool) -> None:
        """Make the folder and write the recipe down, or see that the one there is the same.

        A run may be resumed with more or fewer `steps` and other intervals; anything else would make it another run.
        """
        wanted = {"recipe": to_json(recipe), "vocabulary": vocabulary}
        file = self.path / "recipe.json"
        if file.exists():
            if not resume:
                raise RunError(f"{self.path} holds a run already. Resume it (--resume) or choose another folder.")
            _same(json.loads(file.read_text()), json.loads(json.dumps(wanted)), self.path)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        sweep(self.checkpoints)
        _write_json(file, wanted)

    def steps(self) -> list[int]:
        """The steps that have a checkpoint folder, lowest first, not yet verified."""
        names = (path.name.removeprefix("step-") for path in self.checkpoints.glob("step-*"))
        return sorted(int(name) for name in names if name.isdigit())

    def folder(self, step: int) -> Path:
        """Where the checkpoint of a step stands."""
        return self.checkpoints / f"step-{step:08d}"

    def latest(self) -> int | None:
        """The highest step that verifies, or None."""
        for step in reversed(self.steps()):
            try:
                verify_manifest(self.folder(step))
            except CheckpointError:
                continue
            return step
        return None

    def save(self, step: int, model: GPT2, updater: Updater, tokenizer: Tokenizer, facts: dict[str, Any]) -> Path:
        """Write the checkpoint of a step; it appears by one rename."""
        with new_folder(self.folder(step), replace=True) as folder:
            write_model(model, folder, tokenizer=tokenizer)
            save_file({name: t.contiguous() for name, t in updater.state().items()}, folder / "optimizer.safetensors")
            _write_json(folder / "trainer.json", {"step": step, **facts})
            write_manifest(folder)
        return self.folder(step)

    def restore(self, step: int, model: GPT2, updater: Updater) -> None:
        """Put weights and optimizer back as they were after `step` updates."""
        model.load_state_dict(load_model(self.folder(step)).model.state_dict())
        updater.restore(load_file(self.folder(step) / "optimizer.safetensors"))

    def prune(self, keep: int) -> None:
        """Remove all but the newest `keep` checkpoints."""
        for step in self.steps()[:-keep]:
            discard(self.folder(step))


CHANGEABLE = {"steps", "micro_rows", "recompute", "loss_rows", "saving", "watching", "guard", "parallel"}
"""Parts of a recipe that a resumed run may change."""


def _same(old: dict[str, Any], new: dict[str, Any], path: Path) -> None:
    differing = [
        f"{key}: {old['recipe'].get(key)!r} there, {new['recipe'].get(key)!r} now"
        for key in sorted(old["recipe"].keys() | new["recipe"].keys())
        if key not in CHANGEABLE and old["recipe"].get(key) != new["recipe"].get(key)
    ]
    if old["vocabulary"] != new["vocabulary"]:
        differing.append(f"vocabulary: {old['vocabulary'][:12]} there, {new['vocabulary'][:12]} now")
    if differing:
        raise RunError(f"{path} holds another run; it differs in {'; '.join(differing)}. Choose another folder.")


def _write_json(path: Path, values: dict[str, Any]) -> None:
    with new_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n")
