"""A model that was found, but is read only when somebody needs it as PyTorch's."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from glassgpt.checkpoints.hf_config import CONFIG
from glassgpt.checkpoints.manifest import MANIFEST
from glassgpt.checkpoints.places import Place
from glassgpt.checkpoints.quantization import Quantization, read_quantization
from glassgpt.device import resolve

if TYPE_CHECKING:
    from glassgpt.checkpoints.survey import Survey
    from glassgpt.model import GPT2

WEIGHTS = ("*.safetensors", "*.safetensors.index.json", CONFIG, "hparams.json", "model.ckpt.*", "checkpoint")
"""Files that decide a model's numbers."""


@dataclass(frozen=True)
class Unread:
    """Where a model lies, and how it is wanted: `device` and `dtype` as `glassgpt.device.resolve` takes them."""

    place: Place
    device: str = "cpu"
    dtype: str = "auto"

    def read(self) -> "GPT2":
        """The model, in eval mode."""
        from glassgpt.checkpoints.assemble import assemble

        wanted = resolve(self.device, self.dtype)
        return assemble(self.survey(), dtype=wanted.dtype, device=wanted.device)

    def survey(self) -> "Survey":
        """What its files hold; needs no PyTorch."""
        from glassgpt.checkpoints.contents import survey_place

        return survey_place(self.place)

    @property
    def quantization(self) -> Quantization | None:
        """How its matrices are stored, if not as floats."""
        return read_quantization(self.place.folder)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Its weights, and what says how to read them."""
        folder = self.place.folder
        if self.place.weights is not None:
            return self.place.weights, folder / CONFIG
        return tuple(sorted(path for pattern in WEIGHTS for path in folder.glob(pattern)))

    @property
    def stamp(self) -> str:
        """A hash of the files' names, sizes and times: the same as long as nobody touches them."""
        facts = []
        for path in self.files:
            status = path.stat()
            facts.append((path.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    @property
    def digest(self) -> str:
        """A hash of all that the files hold."""
        whole = hashlib.sha256()
        for path in self.files:
            with path.open("rb") as file:
                whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()

    @property
    def is_ours_to_write(self) -> bool:
        """Whether files may be put beside it: not into this package, other programs' caches and sealed checkpoints."""
        folder = self.place.folder.resolve()
        package = Path(__file__).resolve().parents[1]
        sealed = (folder / MANIFEST).exists() or any(path.is_symlink() for path in self.files)
        return not sealed and not folder.is_relative_to(package)
