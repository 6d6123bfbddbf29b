"""Folders of integers: what was written is read, and what is not as it should be is refused."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.checkpoints import Quantization, load_model, read_config, save_quantized, verify_manifest, weights_hash
from glassgpt.checkpoints.hugging_face import survey_folder
from glassgpt.checkpoints.integers_file import tensors_of
from glassgpt.checkpoints.safetensors_file import read_tensors, write_tensors
from glassgpt.errors import CheckpointError
from glassgpt.kernels import FORMATS, round_to_nearest
from glassgpt.kernels.integers import Integers
from glassgpt.model import GPT2, GPT2Config, initialize

MATRICES = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def make(words, weights="int4", head="int8", **shape):
    """A model whose matrices are what integers stand for, and the integers."""
    settings = {"vocab_size": words.vocab_size, "context_length": 8, "emb_dim": 70, "n_heads": 2, "n_layers": 2}
    model = initialize(GPT2(GPT2Config(**{**settings, **shape})), seed=3).eval()
    last = "wte.weight" if model.config.tie_embeddings else "lm_head.weight"
    names = {f"h.{layer}.{name}": weights for layer in range(2) for name in MATRICES}
    names |= {last: head} if head != "float" else {}
    integers = {}
    for name, form in names.items():
        parameter = model.get_parameter(name)
        segment = model.config.head_dim if "attn.c_proj" in name else parameter.shape[1]
        integers[name] = round_to_nearest(parameter.detach().numpy(), FORMATS[form], segment)
        parameter.data = torch.from_numpy(integers[name].floats())
    return model, integers


def save(words, folder, weights="int4", head="int8", **shape):
    model, integers = make(words, weights, head, **shape)
    made = Quantization(weights, head, {"method": "nearest", "source": {"name": "x"}})
    save_quantized(model, integers, made, folder, tokenizer=words)
    return model, integers


@pytest.mark.parametrize("head", ["int8", "int4", "float"])
@pytest.mark.parametrize("weights", ["int8", "int4"])
@pytest.mark.parametrize("shape", [{}, {"tie_embeddings": False, "qkv_bias": False, "mlp_dim": 33}], ids=str)
def test_a_folder_gives_back_model_and_integers(words, tmp_path, weights, head, shape):
    model, integers = save(words, tmp_path / "q", weights, head, **shape)
    loaded = load_model(tmp_path / "q")
    assert loaded.model.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    stored = survey_folder(tmp_path / "q").integers
    assert stored.keys() == integers.keys()
    for name, wanted in integers.items():
        found = stored[name].read()
        assert (found.format, found.segment) == (wanted.format, wanted.segment)
        assert np.array_equal(found.numbers, wanted.numbers)
        assert np.array_equal(found.scales, wanted.scales)
    verify_manifest(tmp_path / "q")
    assert read_config(tmp_path / "q") == model.config


@settings(max_examples=40)
@given(st.integers(1, 6), st.integers(1, 70), st.integers(0, 99))
def test_two_numbers_share_a_byte(outputs, inner, seed):
    numbers = np.random.default_rng(seed).integers(-8, 8, (outputs, inner)).astype(np.int8)
    scales = np.ones((outputs, -(-inner // 32)), np.float32)
    tensors = dict(tensors_of("a.weight", Integers(FORMATS["int4"], numbers, scales, inner)))
    stored = tensors["a.weight.numbers"].numpy()
    assert stored.shape == (outputs, -(-inner // 2))
    assert stored.dtype == np.uint8
    assert ((stored & 15).astype(int) - 8 == numbers[:, ::2]).all()
    assert ((stored >> 4).astype(int)[:, : inner // 2] - 8 == numbers[:, 1::2]).all()
    assert tensors["a.weight.scales"].dtype == torch.bfloat16


def test_the_configuration_says_what_it_is(words, tmp_path):
    save(words, tmp_path / "q")
    described = json.loads((tmp_path / "q" / "config.json").read_text())["quantization_config"]
    assert described["quant_method"] == "glassgpt"
    assert (described["weights"], described["head"], described["method"]) == ("int4", "int8", "nearest")
    assert described["source"] == {"name": "x"}


def test_a_folder_may_be_loaded_in_another_type(words, tmp_path):
    model, _ = save(words, tmp_path / "q")
    half = load_model(tmp_path / "q", dtype=torch.bfloat16).model
    assert {tensor.dtype for tensor in half.state_dict().values()} == {torch.bfloat16}
    assert torch.equal(half.wte.weight, model.wte.weight.bfloat16())


def rewrite(folder, change):
    tensors = read_tensors(folder / "model.safetensors")
    change(tensors)
    write_tensors(folder / "model.safetensors", tensors)


def set_config(folder, **changes):
    path = folder / "config.json"
    keys = json.loads(path.read_text())
    keys["quantization_config"] |= changes
    path.write_text(json.dumps(keys))


NAME = "h.0.mlp.c_fc.weight"
DAMAGE = {
    "incomplete": lambda f: rewrite(f, lambda t: t.pop(f"{NAME}.scales")),
    "another shape": lambda f: rewrite(f, lambda t: t.update({f"{NAME}.numbers": t[f"{NAME}.numbers"][:-1]})),
    "another shape ": lambda f: set_config(f, weights="int8"),
    "is missing": lambda f: rewrite(f, lambda t: [t.pop(f"{NAME}.{part}") for part in ("numbers", "scales")]),
    "no matrix": lambda f: rewrite(f, lambda t: t.update({"h.7.mlp.c_fc.weight.numbers": t[f"{NAME}.numbers"]})),
    "no matrix ": lambda f: rewrite(f, lambda t: t.update({"wpe.weight.numbers": t[f"{NAME}.numbers"]})),
    "damaged": lambda f: rewrite(f, lambda t: t[f"{NAME}.scales"].fill_(torch.inf)),
    "damaged ": lambda f: rewrite(f, lambda t: t["wte.weight.numbers"].fill_(-128)),
    "config.json says otherwise": lambda f: set_config(f, head="float"),
    "'gptq'": lambda f: set_config(f, quant_method="gptq"),
    "Update GlassGPT": lambda f: set_config(f, version=2),
    "weights='int3'": lambda f: set_config(f, weights="int3"),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_what_is_not_as_it_should_be_is_refused(words, tmp_path, message):
    save(words, tmp_path / "q")
    DAMAGE[message](tmp_path / "q")
    with pytest.raises(CheckpointError, match=message.strip().replace("is missing", "missing: " + NAME)):
        load_model(tmp_path / "q")


def test_it_is_read_back_before_it_counts(words, tmp_path, monkeypatch):
    model, integers = make(words)
    with monkeypatch.context() as patch:
        patch.setattr("glassgpt.checkpoints.quantized_folder.tensors_of", lambda n, i: tensors_of(n, wrong(i)))
        with pytest.raises(CheckpointError, match="not written as it is"):
            save_quantized(model, integers, Quantization("int4", "int8"), tmp_path / "q")
    assert not list(tmp_path.iterdir())


def wrong(integers):
    return Integers(integers.format, -np.abs(integers.numbers), integers.scales, integers.segment)


def test_a_hash_names_a_model(words):
    model, _ = make(words)
    before = weights_hash(model)
    assert before == weights_hash(make(words)[0])
    with torch.no_grad():
        model.ln_f.bias[0] += 1
    assert before != weights_hash(model)


def test_an_ordinary_folder_has_no_integers(own_folder):
    assert survey_folder(own_folder).integers == {}
