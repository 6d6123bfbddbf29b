"""OpenAI's own folders: `hparams.json`, a TensorFlow checkpoint, `encoder.json` and `vocab.bpe`.

Their program reads five sizes and computes exactly GPT-2, so a model that differs in anything else is not written.
"""

import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from glassgpt.checkpoints.hf_config import SAME_VALUE, config_from_hf
from glassgpt.checkpoints.json_file import read_json, shown, write_json
from glassgpt.checkpoints.layout import OPENAI
from glassgpt.checkpoints.survey import Survey, disassemble, survey
from glassgpt.checkpoints.tensor_bundle import index_bundle, write_bundle
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2Config
from glassgpt.tokens import Tokenizer

if TYPE_CHECKING:
    from glassgpt.model import GPT2

HPARAMS = "hparams.json"
PREFIX = "model.ckpt"
SIZES = {
    # OpenAI:  Hugging Face
    "n_vocab": "vocab_size",
    "n_ctx": "n_positions",
    "n_embd": "n_embd",
    "n_head": "n_head",
    "n_layer": "n_layer",
}
"""Every key of `hparams.json`, and what a `config.json` calls the same."""
TOKENIZER_FILES = {"vocab.json": "encoder.json", "merges.txt": "vocab.bpe"}
"""The same two files under the names of Hugging Face and OpenAI."""


def read_config(folder: Path) -> GPT2Config:
    """The shape of the model in OpenAI's folder."""
    path = folder / HPARAMS
    sizes = read_json(path)
    if sizes.keys() != SIZES.keys():
        raise CheckpointError(f"{path} should have the keys {', '.join(SIZES)}; it has {shown(', '.join(sizes))}.")
    return config_from_hf({"model_type": "gpt2", **{SIZES[key]: value for key, value in sizes.items()}}, str(path))


def survey_folder(folder: Path) -> Survey:
    """What OpenAI's folder holds; every tensor's checksum is verified when it is read."""
    config = read_config(folder)
    found = {name: stored for name, stored in index_bundle(_prefix(folder)).items() if OPENAI.is_weight(name)}
    return survey(config, found, OPENAI, str(folder))


def write_model(model: "GPT2", folder: Path, *, tokenizer: Tokenizer | None = None) -> None:
    """Write OpenAI's files into a folder that exists, always in float32, as their program has it."""
    import torch

    _need_plain_gpt2(model.config)
    write_json(folder / HPARAMS, {theirs: getattr(model.config, SAME_VALUE[hf]) for theirs, hf in SIZES.items()})
    write_bundle(folder / PREFIX, disassemble(model, OPENAI), dtype=torch.float32)
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{PREFIX}"\nall_model_checkpoint_paths: "{PREFIX}"\n')
    if tokenizer is not None:
        _write_tokenizer(tokenizer, folder)


def _write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    with TemporaryDirectory() as scratch:
        tokenizer.save(scratch)
        for ours, theirs in TOKENIZER_FILES.items():
            shutil.copyfile(Path(scratch, ours), folder / theirs)


def _need_plain_gpt2(config: GPT2Config) -> None:
    sizes = {SAME_VALUE[key]: getattr(config, SAME_VALUE[key]) for key in SIZES.values()}
    plain = replace(GPT2Config(**sizes), drop_rate=config.drop_rate, qkv_bias=config.qkv_bias)
    resolved = replace(config, mlp_dim=None) if config.mlp_width == plain.mlp_width else config
    differing = [name for name, value in asdict(resolved).items() if value != getattr(plain, name)]
    if differing:
        settings = ", ".join(f"{name}={getattr(config, name)}" for name in differing)
        raise CheckpointError(f"OpenAI's program computes plain GPT-2; it has no {settings}. Save as hf instead.")


def _prefix(folder: Path) -> Path:
    """Which checkpoint to read: what the file `checkpoint` names, or the only index there is.

    The file may hold another machine's path, or a hostile one, so only the last part of it counts.
    """
    stated = folder / "checkpoint"
    if stated.is_file():
        with stated.open("rb") as file:
            match = re.search(rb'model_checkpoint_path: *"([^"\n]+)"', file.read(1 << 16))
        name = re.split(r"[/\\]", match[1].decode("utf-8", "replace"))[-1] if match else ""
        if name and (folder / f"{name}.index").is_file():
            return folder / name
    found = sorted(folder.glob("*.index"))
    if len(found) != 1:
        have = ", ".join(path.name for path in found[:10]) or "none"
        raise CheckpointError(f"{folder} should hold one TensorFlow index, such as {PREFIX}.index; it has {have}.")
    return found[0].with_suffix("")
