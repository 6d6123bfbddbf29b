"""What a checkpoint holds, as values in memory: the weights, what the optimizers remember, and how far the run is.

    model.safetensors …    a Hugging Face folder: weights, config, tokenizer
    optimizer.safetensors  what the optimizers and averages remember
    trainer.json           `Progress`
    manifest.json          size and SHA-256 of each

No state of random number generators is needed: the order of the data and the noise of dropout are functions of the
seed and the step. Nothing is pickled.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
from torch import Tensor

from glassgpt.checkpoints.assemble import assemble
from glassgpt.checkpoints.hugging_face import survey_folder, write_weights
from glassgpt.checkpoints.json_file import read_json, write_json
from glassgpt.checkpoints.manifest import write_manifest
from glassgpt.checkpoints.safetensors_file import read_tensors, write_tensors
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2Config
from glassgpt.tokens import Tokenizer

OPTIMIZER, TRAINER = "optimizer.safetensors", "trainer.json"


@dataclass(slots=True)
class Progress:
    """How far a run is."""

    step: int = 0
    """Updates done, those skipped included."""
    tokens_seen: int = 0
    seconds: float = 0.0
    """Spent training, over all its resumptions."""
    validation: float | None = None
    """Nats a token on the validation shard after exactly this step, if that was measured."""
    best_validation: float | None = None
    left_out: list[int] = field(default_factory=list)
    """Batches that a rollback decided never to read again."""
    watch: dict[str, object] = field(default_factory=dict)
    """What the guard remembers."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that goes into one checkpoint."""

    config: GPT2Config
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    progress: Progress

    @property
    def size_bytes(self) -> int:
        """Of the tensors; the rest is small."""
        return sum(t.numel() * t.element_size() for t in (*self.weights.values(), *self.optimizer.values()))

    def copied(self) -> "Snapshot":
        """The same in memory of its own, for writing while training goes on."""
        weights, optimizer = (
            {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
            for tensors in (self.weights, self.optimizer)
        )
        return Snapshot(self.config, weights, optimizer, Progress(**asdict(self.progress)))

    def write(self, folder: Path, tokenizer: Tokenizer) -> None:
        """Write every file into a folder that exists, the manifest last."""
        write_weights(self.config, self.weights, folder, tokenizer=tokenizer)
        write_tensors(folder / OPTIMIZER, self.optimizer)
        write_json(folder / TRAINER, dict(asdict(self.progress)))
        write_manifest(folder)


def read_snapshot(folder: Path) -> Snapshot:
    """What a checkpoint holds; whether its manifest is true has been checked before."""
    model = assemble(survey_folder(folder), dtype=torch.float32)
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    return Snapshot(model.config, weights, read_tensors(folder / OPTIMIZER), read_progress(folder))


def read_progress(folder: Path) -> Progress:
    """`trainer.json`; keys that an older release did not write take their defaults."""
    values = read_json(folder / TRAINER)
    known = {one.name for one in fields(Progress)}
    if unknown := values.keys() - known:
        raise CheckpointError(f"{folder / TRAINER} holds {min(unknown)!r}: a newer GlassGPT wrote it.")
    return Progress(**values)  # pyrefly: ignore
