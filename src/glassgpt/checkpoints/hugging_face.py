"""Hugging Face folders: `config.json` and safetensors, in one file or several. Our own save format is such a folder.

We write names without a prefix, the head only when it is not the token embedding, and both `n_ctx` and `n_positions`:
the form that transformers, vLLM, SGLang, llama.cpp's converter and mlx-lm all read.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from glassgpt.checkpoints.atomic import new_folder
from glassgpt.checkpoints.hf_config import CONFIG, config_to_hf, read_config
from glassgpt.checkpoints.integers_file import StoredIntegers, take_out
from glassgpt.checkpoints.json_file import Json, read_json, write_json
from glassgpt.checkpoints.layout import HUGGING_FACE
from glassgpt.checkpoints.quantization import read_quantization
from glassgpt.checkpoints.safetensors_file import index_safetensors, write_tensors
from glassgpt.checkpoints.stored import Stored
from glassgpt.checkpoints.survey import QKV_BIAS, Survey, lay_out, survey
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2Config
from glassgpt.tokens import END_OF_TEXT, Tokenizer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from glassgpt.model import GPT2

WEIGHTS = "model.safetensors"
SHARD_INDEX = "model.safetensors.index.json"
_INDEX_LIMIT = 16 << 20
_MAX_SHARDS = 1_000

_log = logging.getLogger(__name__)


def survey_folder(folder: Path, weights: Path | None = None) -> Survey:
    """What a Hugging Face folder holds; `weights` names one file instead of those the folder lists."""
    config, quantization = read_config(folder), read_quantization(folder)
    found = drop_wrappers(index_safetensors(weights) if weights else index_folder(folder))
    integers: Mapping[str, StoredIntegers] = {}
    if quantization is not None:
        found, integers = take_out(quantization, config, found, str(folder))
    config, found = settle_head(config, found, str(folder))
    config, found = settle_qkv_bias(config, found, str(folder))
    return survey(config, found, HUGGING_FACE, str(folder), integers)


def index_folder(folder: Path) -> dict[str, Stored]:
    """Where each tensor of the folder lies, whether in one file or in shards."""
    if (folder / WEIGHTS).exists():
        return index_safetensors(folder / WEIGHTS)
    if not (folder / SHARD_INDEX).exists():
        raise CheckpointError(f"{folder} has neither {WEIGHTS} nor {SHARD_INDEX}.{_what_it_has(folder)}")
    homes = _read_shard_index(folder / SHARD_INDEX)
    found: dict[str, Stored] = {}
    for shard in sorted(set(homes.values())):
        inside = index_safetensors(folder / shard)
        if strays := [name for name in inside if homes.get(name) != shard]:
            raise CheckpointError(
                f"{folder / shard} holds {strays[0][:200]!r}, which {SHARD_INDEX} does not place there."
            )
        found |= inside
    if absent := homes.keys() - found.keys():
        raise CheckpointError(f"{folder}: {min(absent)[:200]!r} is not in {homes[min(absent)]}, as {SHARD_INDEX} says.")
    return found


def drop_wrappers(found: Mapping[str, Stored]) -> dict[str, Stored]:
    """Bare names, without the tensors that are no weights."""
    bare: dict[str, Stored] = {}
    for name, stored in found.items():
        plain = HUGGING_FACE.bare(name)
        if not HUGGING_FACE.is_weight(plain):
            continue
        if plain in bare:
            raise CheckpointError(f"{stored.path} holds {plain[:200]!r} twice, under different prefixes.")
        bare[plain] = stored
    return bare


def settle_head(config: GPT2Config, found: dict[str, Stored], origin: str) -> tuple[GPT2Config, dict[str, Stored]]:
    """Keep a stored head only if it is more than a copy of the token embedding."""
    head, embedding = found.get("lm_head.weight"), found.get("wte.weight")
    if not config.tie_embeddings or head is None or embedding is None:
        return config, found
    if head.holds_the_same_as(embedding):
        return config, {name: stored for name, stored in found.items() if name != "lm_head.weight"}
    _log.warning("%s stores a head that differs from the token embedding: loading it untied.", origin)
    return replace(config, tie_embeddings=False), found


def settle_qkv_bias(config: GPT2Config, found: dict[str, Stored], origin: str) -> tuple[GPT2Config, dict[str, Stored]]:
    """Drop the zeros that stand in for biases where the config says that there are none."""
    if config.qkv_bias:
        return config, found
    stand_ins = {name for name in found if name.endswith(QKV_BIAS)}
    for name in stand_ins:
        if found[name].read_array().any():
            raise CheckpointError(f"{origin}: {CONFIG} says qkv_bias=false, but {name} is not zero.")
    return config, {name: stored for name, stored in found.items() if name not in stand_ins}


def save_model(
    model: "GPT2",
    folder: Path | str,
    *,
    tokenizer: Tokenizer | None = None,
    dtype: "torch.dtype | None" = None,
    extra_metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Save a model as a Hugging Face folder that appears whole or not at all.

    `dtype` None keeps the model's; `extra_metadata` goes into the header of the weights.
    """
    with new_folder(folder, replace=overwrite) as temporary:
        write_model(model, temporary, tokenizer=tokenizer, dtype=dtype, extra_metadata=extra_metadata)


def write_model(
    model: "GPT2",
    folder: Path,
    *,
    tokenizer: Tokenizer | None = None,
    dtype: "torch.dtype | None" = None,
    extra_metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the files of `save_model` into a folder that exists, among others if need be."""
    weights = dict(model.named_parameters())
    write_weights(model.config, weights, folder, tokenizer=tokenizer, dtype=dtype, extra_metadata=extra_metadata)


def write_weights(
    config: GPT2Config,
    weights: "Mapping[str, Tensor]",
    folder: Path,
    *,
    tokenizer: Tokenizer | None = None,
    dtype: "torch.dtype | None" = None,
    extra_metadata: Mapping[str, str] | None = None,
) -> None:
    """The same for weights that stand in no model, such as averages, under the names they have in one."""
    special = special_ids(config, tokenizer)
    stored_as = str(dtype or weights["wte.weight"].dtype).removeprefix("torch.")
    write_json(folder / CONFIG, {**config_to_hf(config), **special, "torch_dtype": stored_as})
    write_json(folder / "generation_config.json", special)
    write_tensors(folder / WEIGHTS, lay_out(config, weights, HUGGING_FACE), dtype=dtype, metadata=extra_metadata)
    if tokenizer is not None:
        tokenizer.save(folder)


def special_ids(config: GPT2Config, tokenizer: Tokenizer | None) -> Json:
    """GPT-2 begins and ends a text with the same token; a vocabulary that is not known may have another, or none."""
    if tokenizer is not None:
        end = tokenizer.specials.get(END_OF_TEXT)
    else:
        end = 50256 if config.vocab_size == GPT2Config().vocab_size else None
    return {"bos_token_id": end, "eos_token_id": end}


def _read_shard_index(path: Path) -> dict[str, str]:
    homes = read_json(path, _INDEX_LIMIT).get("weight_map")
    if not isinstance(homes, dict) or not homes:
        raise CheckpointError(f"{path} has no weight_map.")
    for shard in (shards := set(map(str, homes.values()))):
        if PurePosixPath(shard).name != shard or not shard.endswith(".safetensors") or "\\" in shard:
            raise CheckpointError(f"{path} names {shard[:200]!r}; only safetensors files beside it are read.")
    if len(shards) > _MAX_SHARDS:
        raise CheckpointError(f"{path} names {len(shards):,} files; at most {_MAX_SHARDS:,} are accepted.")
    return homes


def _what_it_has(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())[:20] if folder.is_dir() else []
    return f" It has: {', '.join(names)}." if names else ""
