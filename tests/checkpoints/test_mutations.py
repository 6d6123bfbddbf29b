"""Damaged files of every format raise our errors, and nothing else, at small cost.

A damaged file may also still be a valid one: then it loads.
"""

import json
import random
import resource

import pytest

from glassgpt.checkpoints import save_model
from glassgpt.checkpoints.hugging_face import survey_folder as survey_hugging_face
from glassgpt.checkpoints.manifest import verify_manifest, write_manifest
from glassgpt.checkpoints.openai import survey_folder as survey_openai
from glassgpt.checkpoints.openai import write_model
from glassgpt.checkpoints.tensor_table import read_table, write_table
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2, GPT2Config, initialize

COUNT = 10_000
TELLING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x22, 0x7B, 0x5B, 0x2C, 0x30, 0x39, 0x2D)
VALUES = (None, True, -1, 0, 1, 2, 1.5, 2**31, 2**63, 10**12, 1e308, "", "x", [], {}, [1], {"a": 1}, "../x", [0, 2**60])


@pytest.fixture(scope="module")
def tiny():
    config = GPT2Config(vocab_size=3, context_length=2, emb_dim=2, n_heads=1, n_layers=1)
    return initialize(GPT2(config), seed=0)


def damage(data: bytes, chance: random.Random) -> bytes:
    """Flip bits, set telling bytes, cut, double, drop or swap stretches."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not out:
            break
        at = chance.randrange(len(out))
        length = chance.randint(1, 12)
        kind = chance.randrange(7)
        if kind == 0:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[at] = chance.choice(TELLING)
        elif kind == 2:
            del out[at:]
        elif kind == 3:
            del out[at : at + length]
        elif kind == 4:
            out[at:at] = out[at : at + length]
        elif kind == 5:
            out[at : at + length] = chance.randbytes(length)
        else:
            out[at:at] = chance.randbytes(length)
    return bytes(out)


def damage_value(value: object, chance: random.Random) -> object:
    """Replace, rename or remove one thing somewhere inside a JSON value."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        kind = chance.randrange(6)
        rest = {name: item for name, item in value.items() if name != key}
        if kind == 0:
            return rest
        if kind == 1:
            return {**rest, key + "x": value[key]}
        return {**value, key: damage_value(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], damage_value(value[at], chance), *value[at + 1 :]]
    return chance.choice(VALUES)


def as_json(data: bytes, chance: random.Random) -> bytes:
    return json.dumps(damage_value(json.loads(data), chance)).encode()


def as_safetensors(data: bytes, chance: random.Random) -> bytes:
    length = int.from_bytes(data[:8], "little")
    header = as_json(data[8 : 8 + length], chance)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def as_index(data: bytes, chance: random.Random) -> bytes:
    entries = read_table(data)
    key = chance.choice(list(entries))
    return write_table({**entries, key: damage(entries[key], chance)})


def hugging_face(model, folder):
    save_model(model, folder)


def sharded(model, folder):
    save_model(model, folder)
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    names = ["wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias"]
    names += [f"h.0.{part}.{kind}" for part in ("ln_1", "ln_2") for kind in ("weight", "bias")]
    names += [f"h.0.attn.{part}.{kind}" for part in ("c_attn", "c_proj") for kind in ("weight", "bias")]
    names += [f"h.0.mlp.{part}.{kind}" for part in ("c_fc", "c_proj") for kind in ("weight", "bias")]
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": dict.fromkeys(names, "a.safetensors")})
    )


def openai(model, folder):
    folder.mkdir()
    write_model(model, folder)


def described(model, folder):
    save_model(model, folder)
    write_manifest(folder)


def read_all(survey):
    def read(folder):
        for _, tensor in survey(folder).tensors():
            assert tensor.numel() < 1000

    return read


FORMATS = {
    "safetensors": (hugging_face, "model.safetensors", as_safetensors, read_all(survey_hugging_face)),
    "config.json": (hugging_face, "config.json", as_json, read_all(survey_hugging_face)),
    "shard index": (sharded, "model.safetensors.index.json", as_json, read_all(survey_hugging_face)),
    "hparams.json": (openai, "hparams.json", as_json, read_all(survey_openai)),
    "tensorflow index": (openai, "model.ckpt.index", as_index, read_all(survey_openai)),
    "manifest": (described, "manifest.json", as_json, verify_manifest),
}


@pytest.mark.parametrize("count", [300, pytest.param(COUNT, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_raises_our_error_or_loads(tiny, tmp_path, name, count):
    write, file, sensibly, read = FORMATS[name]
    write(tiny, tmp_path / "m")
    path = tmp_path / "m" / file
    whole = path.read_bytes()
    read(tmp_path / "m")
    chance = random.Random(name)
    refused, longest = 0, 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        # Half of the damage keeps checksums and syntax intact, so that it reaches what lies behind them.
        path.write_bytes((sensibly if number % 2 else damage)(whole, chance))
        try:
            read(tmp_path / "m")
        except CheckpointError as error:
            refused += 1
            longest = max(longest, len(str(error)))
    assert refused > 0.5 * count
    assert longest < 10_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_damaged_weights_of_openai_are_always_found(tiny, tmp_path):
    openai(tiny, tmp_path / "m")
    path = tmp_path / "m" / "model.ckpt.data-00000-of-00001"
    whole = path.read_bytes()
    chance = random.Random(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="checksum"):
            read_all(survey_openai)(tmp_path / "m")
