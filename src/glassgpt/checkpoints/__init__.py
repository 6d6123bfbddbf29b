"""Files ⇄ models. `load_model` finds and reads; `save_model` writes a folder that other programs read too.

What needs PyTorch is imported when it is first used.
"""

import typing

from glassgpt import lazy
from glassgpt.checkpoints.hf_config import config_to_hf
from glassgpt.checkpoints.manifest import verify_manifest, write_manifest
from glassgpt.checkpoints.places import find
from glassgpt.checkpoints.quantization import Quantization, read_quantization
from glassgpt.checkpoints.tokenizer_files import read_config

if typing.TYPE_CHECKING:
    from glassgpt.checkpoints.conversion import convert
    from glassgpt.checkpoints.hugging_face import save_model, write_model
    from glassgpt.checkpoints.loading import Loaded, load_model
    from glassgpt.checkpoints.quantized_folder import save_quantized, weights_hash

__all__ = [
    "Loaded",
    "Quantization",
    "config_to_hf",
    "convert",
    "find",
    "load_model",
    "read_config",
    "read_quantization",
    "save_model",
    "save_quantized",
    "verify_manifest",
    "weights_hash",
    "write_manifest",
    "write_model",
]

__getattr__ = lazy.on_first_use(
    __name__,
    {
        "Loaded": "loading",
        "convert": "conversion",
        "load_model": "loading",
        "save_model": "hugging_face",
        "save_quantized": "quantized_folder",
        "weights_hash": "quantized_folder",
        "write_model": "hugging_face",
    },
)
