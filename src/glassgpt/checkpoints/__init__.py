"""Files ⇄ models. `load_model` finds and reads; `save_model` writes a folder that other programs read too."""

from glassgpt.checkpoints.conversion import convert
from glassgpt.checkpoints.hf_config import config_to_hf
from glassgpt.checkpoints.hugging_face import save_model, write_model
from glassgpt.checkpoints.loading import Loaded, load_model, read_config
from glassgpt.checkpoints.manifest import verify_manifest, write_manifest
from glassgpt.checkpoints.places import find

__all__ = [
    "Loaded",
    "config_to_hf",
    "convert",
    "find",
    "load_model",
    "read_config",
    "save_model",
    "verify_manifest",
    "write_manifest",
    "write_model",
]
