"""Hugging Face folders, ours and those of transformers: the same numbers, and the traps on the way."""

import json
import logging
from dataclasses import replace

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from glassgpt.checkpoints import config_to_hf, read_config, save_model
from glassgpt.checkpoints.assemble import assemble
from glassgpt.checkpoints.hugging_face import survey_folder
from glassgpt.checkpoints.safetensors_file import read_metadata
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2, GPT2Config, initialize, tally

ODD = {
    "plain": {},
    "no query, key and value bias": {"qkv_bias": False},
    "untied": {"tie_embeddings": False},
    "erf and narrow (Cerebras)": {"activation": "gelu", "mlp_dim": 40, "drop_rate": 0.0},
    "scaled by layer (Stanford)": {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True},
    "unscaled": {"scale_attn_weights": False, "layer_norm_eps": 1e-3},
}


def load(folder, **options):
    return assemble(survey_folder(folder), **options)


def lively(config, seed=0):
    """A model in which every parameter differs from every other, biases included."""
    model = initialize(GPT2(config), seed).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model


def same_weights(one, other):
    theirs = other.state_dict()
    return one.state_dict().keys() == theirs.keys() and all(
        torch.equal(t, theirs[n]) for n, t in one.state_dict().items()
    )


@pytest.fixture(params=ODD.values(), ids=list(ODD))
def odd(config, request):
    return lively(replace(config, **request.param))


@pytest.fixture
def saved(config, tmp_path):
    """A folder to tamper with, its tensors as a dictionary, and a way to write them back."""
    save_model(lively(config), tmp_path / "m")
    return tmp_path / "m"


def rewrite(folder, change, **config):
    """Change the stored tensors, and keys of the config."""
    tensors = change(load_file(folder / "model.safetensors"))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**described, **config}))


def reference(folder, ids):
    model = transformers.GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(ids).logits


def test_what_is_saved_is_loaded_bit_for_bit(odd, tmp_path):
    save_model(odd, tmp_path / "m")
    loaded = load(tmp_path / "m")
    assert loaded.config == odd.config
    assert same_weights(loaded, odd)
    assert not loaded.training
    assert all(parameter.requires_grad and parameter.is_contiguous() for parameter in loaded.parameters())


def test_transformers_computes_the_same_from_our_folder(odd, ids, tmp_path):
    save_model(odd, tmp_path / "m")
    with torch.no_grad():
        torch.testing.assert_close(odd(ids), reference(tmp_path / "m", ids), rtol=0, atol=2e-6)


@pytest.mark.parametrize("shard", ["50MB", "10KB"])
def test_we_compute_the_same_from_a_folder_of_transformers(odd, ids, tmp_path, shard):
    save_model(odd, tmp_path / "ours")
    transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "ours").save_pretrained(
        tmp_path / "m", max_shard_size=shard
    )
    assert (tmp_path / "m" / "model.safetensors.index.json").exists() == (shard == "10KB")
    loaded = load(tmp_path / "m")
    assert same_weights(loaded, odd)
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids), reference(tmp_path / "m", ids), rtol=0, atol=2e-6)


def test_a_model_without_head_from_transformers_loads_too(config, tmp_path):
    model = lively(config)
    save_model(model, tmp_path / "ours")
    transformers.GPT2Model.from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "m")
    assert same_weights(load(tmp_path / "m"), model)


def test_the_folder_is_what_other_programs_expect(config, tmp_path):
    save_model(lively(config), tmp_path / "m", extra_metadata={"note": "x"})
    described = json.loads((tmp_path / "m" / "config.json").read_text())
    assert described["n_ctx"] == described["n_positions"] == config.context_length
    assert described["architectures"] == ["GPT2LMHeadModel"]
    assert json.loads((tmp_path / "m" / "generation_config.json").read_text()).keys() == {
        "bos_token_id",
        "eos_token_id",
    }
    stored = load_file(tmp_path / "m" / "model.safetensors")
    assert stored["h.0.attn.c_attn.weight"].shape == (config.emb_dim, 3 * config.emb_dim)
    assert stored.keys() == {tensor.name for tensor in tally(config)}
    assert read_metadata(tmp_path / "m" / "model.safetensors") == {"format": "pt", "note": "x"}


def test_a_model_without_query_key_and_value_bias_is_saved_with_zeros(config, tmp_path):
    save_model(lively(replace(config, qkv_bias=False)), tmp_path / "m")
    assert not load_file(tmp_path / "m" / "model.safetensors")["h.1.attn.c_attn.bias"].any()
    assert json.loads((tmp_path / "m" / "config.json").read_text())["qkv_bias"] is False


def test_zeros_that_are_none_are_refused(config, tmp_path):
    save_model(lively(replace(config, qkv_bias=False)), tmp_path / "m")
    rewrite(tmp_path / "m", lambda tensors: {n: t + 1 if n.endswith("c_attn.bias") else t for n, t in tensors.items()})
    with pytest.raises(CheckpointError, match=r"qkv_bias=false, but h\.\d\.attn\.c_attn\.bias is not zero"):
        load(tmp_path / "m")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_save_in_another_number_format_rounds_and_nothing_else(model, tmp_path, dtype):
    save_model(model, tmp_path / "m", dtype=dtype)
    kept = load(tmp_path / "m")
    assert kept.wte.weight.dtype == dtype
    assert all(torch.equal(t, model.state_dict()[n].to(dtype)) for n, t in kept.state_dict().items())
    assert load(tmp_path / "m", dtype=torch.float32).wte.weight.dtype == torch.float32
    assert json.loads((tmp_path / "m" / "config.json").read_text())["torch_dtype"] == str(dtype)[6:]


def test_saving_over_the_folder_it_came_from_is_safe(saved):
    model = load(saved)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_model(model, saved, overwrite=True)
    assert all(torch.equal(tensor, before[name]) for name, tensor in load(saved).state_dict().items())


def test_a_failed_save_leaves_the_old_folder(saved, model, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    monkeypatch.setattr("glassgpt.checkpoints.hugging_face.write_tensors", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_model(model, saved, overwrite=True)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_saving_does_not_overwrite_unasked(saved, model):
    with pytest.raises(CheckpointError, match="exists already"):
        save_model(model, saved)


@pytest.mark.parametrize(
    "prefix", ["transformer.", "_orig_mod.transformer.", "module._orig_mod.", "transformer.module."]
)
def test_trap_prefixes_of_wrappers_are_understood(saved, prefix):
    model = load(saved)
    rewrite(saved, lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()})
    assert same_weights(load(saved), model)


def test_trap_one_name_under_two_prefixes_is_refused(saved):
    rewrite(saved, lambda tensors: tensors | {"transformer.wpe.weight": tensors["wpe.weight"].clone()})
    with pytest.raises(CheckpointError, match=r"'wpe\.weight' twice"):
        load(saved)


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.bool])
def test_trap_buffers_of_old_versions_are_dropped_and_biases_are_not(saved, config, dtype):
    model = load(saved)
    size = config.context_length
    mask = torch.ones(size, size).tril().to(dtype)[None, None]
    buffers = {f"h.{layer}.attn.bias": mask.clone() for layer in range(config.n_layers)}
    buffers |= {f"h.{layer}.attn.masked_bias": torch.tensor(-1e4) for layer in range(config.n_layers)}
    rewrite(saved, lambda tensors: tensors | buffers)
    assert same_weights(load(saved), model)


def test_trap_a_square_matrix_stored_the_wrong_way_round_changes_the_result(saved, ids):
    before = load(saved)(ids)
    rewrite(saved, lambda t: t | {"h.0.attn.c_proj.weight": t["h.0.attn.c_proj.weight"].T})
    assert not torch.allclose(load(saved)(ids), before)


def test_trap_a_head_equal_to_the_embedding_is_tied(saved):
    model = load(saved)
    rewrite(saved, lambda tensors: tensors | {"lm_head.weight": tensors["wte.weight"].clone()})
    assert load(saved).config == model.config
    assert same_weights(load(saved), model)


def test_trap_a_head_of_its_own_is_untied_whatever_the_config_says(saved, ids, caplog):
    caplog.set_level(logging.WARNING)
    rewrite(saved, lambda tensors: tensors | {"lm_head.weight": tensors["wte.weight"].flip(0)})
    loaded = load(saved)
    assert not loaded.config.tie_embeddings
    assert torch.equal(loaded(ids), torch.nn.functional.linear(loaded.hidden(ids), loaded.wte.weight.flip(0)))
    assert "untied" in caplog.text


def test_trap_an_untied_head_that_is_missing_is_named(saved):
    rewrite(saved, lambda tensors: tensors, tie_word_embeddings=False)
    with pytest.raises(CheckpointError, match=r"missing: lm_head\.weight"):
        load(saved)


def test_trap_half_precision_widens_exactly(saved):
    rewrite(saved, lambda tensors: {name: tensor.bfloat16() for name, tensor in tensors.items()})
    loaded = load(saved, dtype=torch.float32)
    assert torch.equal(loaded.wte.weight.bfloat16().float(), loaded.wte.weight)


def test_trap_a_padded_vocabulary_is_the_models_own_size(config, tmp_path):
    save_model(lively(replace(config, vocab_size=64)), tmp_path / "m")
    assert load(tmp_path / "m").wte.weight.shape == (64, config.emb_dim)


def test_all_that_is_wrong_is_listed_at_once(saved):
    def spoil(tensors):
        tensors["extra.weight"] = tensors.pop("h.0.ln_1.bias")
        tensors["wpe.weight"] = tensors["wpe.weight"][1:]
        return tensors

    rewrite(saved, spoil)
    with pytest.raises(CheckpointError) as caught:
        load(saved)
    message = str(caught.value)
    assert "missing: h.0.ln_1.bias" in message
    assert "unknown: extra.weight" in message
    assert "wpe.weight is 23 x 24, should be 24 x 24" in message


def test_names_from_a_file_cannot_steer_the_terminal(saved, caplog):
    rewrite(saved, lambda tensors: tensors | {"\x1b[2J\u202e": torch.zeros(1)}, **{"\x1b[31mkey": 1})
    with pytest.raises(CheckpointError, match=r"unknown: \?\[2J\?$"):
        load(saved)
    assert "\x1b" not in caplog.text


@pytest.mark.gpu
def test_a_model_goes_to_the_gpu_and_comes_back(model, ids, tmp_path):
    save_model(model, tmp_path / "a")
    there = load(tmp_path / "a", device="cuda")
    assert {parameter.device.type for parameter in there.parameters()} == {"cuda"}
    torch.testing.assert_close(there(ids.cuda()).cpu(), model(ids), rtol=0, atol=1e-4)
    save_model(there, tmp_path / "b")
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("key", ["n_layer", "vocab_size", "n_positions", "n_inner"])
def test_a_config_far_larger_than_the_file_is_refused_at_no_cost(saved, key):
    rewrite(saved, lambda tensors: tensors, **{key: 999 if key == "n_layer" else 2**31})
    with pytest.raises(CheckpointError, match=r"missing|wrong"):
        load(saved)


def test_weights_that_are_whole_numbers_are_refused(saved):
    rewrite(saved, lambda tensors: tensors | {"wpe.weight": tensors["wpe.weight"].int()})
    with pytest.raises(CheckpointError, match=r"wpe\.weight holds int32"):
        load(saved)


def test_a_folder_with_config_only_says_what_is_missing(saved):
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"neither model\.safetensors nor .*It has: config\.json"):
        load(saved)


class TestShards:
    @pytest.fixture
    def sharded(self, saved):
        """Two files and an index."""
        tensors = load_file(saved / "model.safetensors")
        (saved / "model.safetensors").unlink()
        homes = {name: f"model-0000{1 + ('h.1' in name)}-of-00002.safetensors" for name in tensors}
        for home in set(homes.values()):
            save_file({name: tensor for name, tensor in tensors.items() if homes[name] == home}, saved / home)
        self.write(saved, homes)
        return saved

    @staticmethod
    def write(folder, homes):
        index = {"metadata": {"total_size": 0}, "weight_map": homes}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    def homes(self, folder):
        return json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]

    def test_two_files_are_one_model(self, sharded, config):
        assert same_weights(load(sharded), lively(config))

    def test_a_missing_shard_is_named(self, sharded):
        (sharded / "model-00002-of-00002.safetensors").unlink()
        with pytest.raises(CheckpointError, match="model-00002-of-00002"):
            load(sharded)

    def test_a_tensor_the_index_does_not_know_is_named(self, sharded):
        homes = self.homes(sharded)
        del homes["ln_f.bias"]
        self.write(sharded, homes)
        with pytest.raises(CheckpointError, match=r"ln_f\.bias"):
            load(sharded)

    def test_a_tensor_that_is_not_where_the_index_says_is_named(self, sharded):
        self.write(sharded, self.homes(sharded) | {"ghost": "model-00001-of-00002.safetensors"})
        with pytest.raises(CheckpointError, match="ghost"):
            load(sharded)

    @pytest.mark.parametrize(
        "name",
        ["../m.safetensors", "/etc/passwd", "a/b.safetensors", "x.bin", "..", "", "a\\b.safetensors", 3, None, []],
    )
    def test_an_index_cannot_point_elsewhere(self, sharded, name):
        self.write(sharded, self.homes(sharded) | {"wte.weight": name})
        with pytest.raises(CheckpointError, match="only safetensors files beside it"):
            load(sharded)

    @pytest.mark.parametrize("homes", [None, [], {}, "x"])
    def test_an_index_without_map_is_refused(self, sharded, homes):
        self.write(sharded, homes)
        with pytest.raises(CheckpointError, match="weight_map"):
            load(sharded)


@settings(max_examples=15)
@given(
    heads=st.integers(1, 3),
    width=st.integers(1, 5),
    layers=st.integers(1, 3),
    vocabulary=st.integers(1, 40),
    context=st.integers(1, 9),
    mlp=st.none() | st.integers(1, 30),
    tie=st.booleans(),
    bias=st.booleans(),
)
def test_any_shape_survives_the_journey(tmp_path_factory, heads, width, layers, vocabulary, context, mlp, tie, bias):
    config = GPT2Config(
        vocab_size=vocabulary,
        context_length=context,
        emb_dim=heads * width,
        n_heads=heads,
        n_layers=layers,
        mlp_dim=mlp,
        tie_embeddings=tie,
        qkv_bias=bias,
    )
    folder = tmp_path_factory.mktemp("any") / "m"
    model = lively(config)
    save_model(model, folder)
    assert read_config(folder) == config
    assert same_weights(load(folder), model)


def test_the_published_small_model_is_described_exactly():
    described = config_to_hf(GPT2Config())
    assert (described["n_embd"], described["n_layer"], described["n_inner"]) == (768, 12, None)
