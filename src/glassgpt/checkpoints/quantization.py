"""What `config.json` says of a quantized model, under a key that other programs obey or refuse to load."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glassgpt.checkpoints.json_file import Json, read_json
from glassgpt.errors import CheckpointError

KEY = "quantization_config"
METHOD = "glassgpt"
"""What `quant_method` says in our files."""
VERSION = 1
WEIGHTS, HEADS = ("int8", "int4"), ("int8", "int4", "float")


@dataclass(frozen=True, slots=True)
class Quantization:
    """How the matrices of a folder are stored, and how they came about."""

    weights: str
    """int8 or int4: the matrices of the blocks."""
    head: str
    """int8, int4, or float: the last matrix, which may be the token embedding too."""
    made: Json = field(default_factory=dict)
    """By what, and of what: for people to read."""

    def to_json(self) -> Json:
        """What `read_quantization` reads."""
        return {"quant_method": METHOD, "version": VERSION, "weights": self.weights, "head": self.head, **self.made}


def read_quantization(folder: Path) -> Quantization | None:
    """What the configuration in a folder says; None if nothing there is quantized."""
    path = folder / "config.json"
    return quantization_of(read_json(path), str(path)) if path.is_file() else None


def quantization_of(keys: Mapping[str, object], origin: str) -> Quantization | None:
    """The same of a parsed `config.json`; what other programs have quantized is refused."""
    found = keys.get(KEY)
    if found is None:
        return None
    method = found.get("quant_method") if isinstance(found, dict) else found
    if not isinstance(found, dict) or method != METHOD:
        raise CheckpointError(
            f"{origin}: {KEY} names {str(method)[:80]!r}, whose files cannot be read here. Load the model that it was "
            "made from, and quantize that with glassgpt quantize."
        )
    if found.get("version") != VERSION:
        version = str(found.get("version"))[:20]
        raise CheckpointError(f"{origin}: {KEY} has version {version!r}, and only {VERSION} is known. Update GlassGPT.")
    weights, head = found.get("weights"), found.get("head")
    if weights not in WEIGHTS or head not in HEADS:
        raise CheckpointError(f"{origin}: {KEY} has weights={str(weights)[:50]!r} and head={str(head)[:50]!r}.")
    known = ("quant_method", "version", "weights", "head")
    return Quantization(weights, head, {key: value for key, value in found.items() if key not in known})
