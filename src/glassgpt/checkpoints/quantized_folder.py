"""Writing a quantized model: a folder that says what it is, appears whole or not at all, and is read back first."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from glassgpt.checkpoints.atomic import new_folder
from glassgpt.checkpoints.hf_config import CONFIG, config_to_hf
from glassgpt.checkpoints.hugging_face import WEIGHTS, special_ids, survey_folder
from glassgpt.checkpoints.integers_file import tensors_of
from glassgpt.checkpoints.json_file import write_json
from glassgpt.checkpoints.layout import HUGGING_FACE
from glassgpt.checkpoints.manifest import write_manifest
from glassgpt.checkpoints.quantization import KEY, Quantization
from glassgpt.checkpoints.safetensors_file import raw_bytes, write_tensors
from glassgpt.checkpoints.survey import lay_out
from glassgpt.errors import CheckpointError
from glassgpt.kernels import Integers
from glassgpt.model import GPT2
from glassgpt.tokens import Tokenizer


def save_quantized(
    model: GPT2,
    integers: Mapping[str, Integers],
    quantization: Quantization,
    folder: Path | str,
    *,
    tokenizer: Tokenizer | None = None,
    overwrite: bool = False,
) -> None:
    """Write a quantized model with its manifest; whatever is no integer is written as it is in `model`."""
    with new_folder(folder, replace=overwrite) as temporary:
        _write(model, integers, quantization, temporary, tokenizer)
        found = survey_folder(temporary).integers
        for name, wanted in integers.items():
            if name not in found or not _equal(found[name].read(), wanted):
                raise CheckpointError(f"{name} was not written as it is in memory: disk or memory may be failing.")
        write_manifest(temporary)


def weights_hash(model: GPT2) -> str:
    """SHA-256 of all numbers of a model under their names: which model it is, whatever file it came from."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(raw_bytes(tensor.detach().cpu()))
    return total.hexdigest()


def _write(
    model: GPT2,
    integers: Mapping[str, Integers],
    quantization: Quantization,
    folder: Path,
    tokenizer: Tokenizer | None,
) -> None:
    special = special_ids(model.config, tokenizer)
    laid_out = lay_out(model.config, dict(model.named_parameters()), HUGGING_FACE)
    tensors = {name: tensor for name, tensor in laid_out.items() if name not in integers}
    tensors |= {part: tensor for name, found in integers.items() for part, tensor in tensors_of(name, found)}
    stored_as = str(model.wpe.weight.dtype).removeprefix("torch.")
    config = {**config_to_hf(model.config), **special, "torch_dtype": stored_as, KEY: quantization.to_json()}
    write_json(folder / CONFIG, config)
    write_json(folder / "generation_config.json", special)
    write_tensors(folder / WEIGHTS, tensors)
    if tokenizer is not None:
        tokenizer.save(folder)


def _equal(one: Integers, other: Integers) -> bool:
    same = one.format is other.format and one.segment == other.segment
    return same and np.array_equal(one.numbers, other.numbers) and np.array_equal(one.scales, other.scales)
