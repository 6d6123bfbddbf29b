"""OpenAI's folders: read as they are, written so that their own program reads them."""

import json
from dataclasses import replace

import pytest
import torch

from glassgpt.checkpoints import convert, load_model, read_config
from glassgpt.checkpoints.assemble import assemble
from glassgpt.checkpoints.openai import survey_folder, write_model
from glassgpt.checkpoints.tensor_bundle import index_bundle, write_bundle
from glassgpt.errors import CheckpointError
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.tokens import Tokenizer

HPARAMS = {"n_vocab": 97, "n_ctx": 32, "n_embd": 16, "n_head": 2, "n_layer": 3}


@pytest.fixture
def original(shared_fixtures, tmp_path):
    """The checkpoint that TensorFlow wrote, with the sizes that OpenAI would have put beside it."""
    folder = tmp_path / "124M"
    folder.mkdir()
    for path in (shared_fixtures / "tensorflow_bundle").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "hparams.json").write_text(json.dumps(HPARAMS))
    return folder


@pytest.fixture
def written(model, tmp_path):
    (tmp_path / "m").mkdir()
    write_model(model, tmp_path / "m")
    return tmp_path / "m"


def load(folder):
    return assemble(survey_folder(folder))


def test_a_checkpoint_of_tensorflow_becomes_the_model_it_describes(original):
    model = load(original)
    stored = {name: tensor.read() for name, tensor in index_bundle(original / "model.ckpt").items()}
    assert (model.config.n_layers, model.config.n_heads, model.config.context_length) == (3, 2, 32)
    assert torch.equal(model.wte.weight, stored["model/wte"])
    assert torch.equal(model.get_parameter("h.2.mlp.c_proj.weight"), stored["model/h2/mlp/c_proj/w"][0].T)
    assert torch.equal(model.get_parameter("h.1.attn.c_attn.bias"), stored["model/h1/attn/c_attn/b"])
    assert model(torch.tensor([[1, 2, 96]])).shape == (1, 3, 97)


def test_through_our_format_and_back_every_file_is_the_same_byte_for_byte(original, tmp_path):
    convert(original, tmp_path / "hf")
    convert(tmp_path / "hf", tmp_path / "back", "openai")
    for path in (tmp_path / "back").iterdir():
        if path.name != "hparams.json":
            assert path.read_bytes() == (original / path.name).read_bytes()
    assert json.loads((tmp_path / "back" / "hparams.json").read_text()) == HPARAMS


def test_what_is_written_is_read_bit_for_bit(model, written):
    loaded = load(written)
    assert replace(loaded.config, drop_rate=0.0) == model.config
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in loaded.state_dict().items())


def test_the_tokenizer_travels_under_openais_names(tmp_path):
    (tmp_path / "m").mkdir()
    small = initialize(GPT2(GPT2Config(emb_dim=2, n_heads=1, n_layers=1, context_length=4)), seed=0)
    write_model(small, tmp_path / "m", tokenizer=Tokenizer.gpt2())
    names = {path.name for path in (tmp_path / "m").iterdir()}
    assert {"encoder.json", "vocab.bpe", "hparams.json", "checkpoint", "model.ckpt.index"} <= names
    assert "vocab.json" not in names
    merges = (
        (tmp_path / "m" / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
    )  # as OpenAI's program reads it
    assert len(merges) == 50_000
    assert load_model(tmp_path / "m").tokenizer.fingerprint == Tokenizer.gpt2().fingerprint


def test_a_missing_query_key_and_value_bias_is_written_as_zeros(config, tmp_path):
    (tmp_path / "m").mkdir()
    model = initialize(GPT2(replace(config, qkv_bias=False)), seed=0).eval()
    write_model(model, tmp_path / "m")
    loaded, ids = load(tmp_path / "m"), torch.arange(5)[None]
    assert not loaded.get_parameter("h.0.attn.c_attn.bias").any()
    assert torch.allclose(loaded(ids), model(ids), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"tie_embeddings": False},
        {"activation": "gelu"},
        {"mlp_dim": 40},
        {"layer_norm_eps": 1e-6},
        {"scale_attn_by_inverse_layer_idx": True},
        {"reorder_and_upcast_attn": True},
        {"scale_attn_weights": False},
    ],
)
def test_what_openais_program_would_compute_differently_is_not_written(config, change, tmp_path):
    with pytest.raises(CheckpointError, match=next(iter(change))):
        write_model(GPT2(replace(config, **change)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_feed_forward_width_that_is_the_usual_one_is_fine(config, tmp_path):
    write_model(GPT2(replace(config, mlp_dim=96)), tmp_path)
    assert read_config(tmp_path).mlp_width == 96


def test_the_state_of_training_beside_the_weights_is_passed_over(model, written):
    stored = {name: tensor.read() for name, tensor in index_bundle(written / "model.ckpt").items()}
    extra = {"global_step": torch.tensor(7), "model/wte/Adam": torch.zeros(3), "beta1_power": torch.tensor(0.9)}
    write_bundle(written / "model.ckpt", stored | extra)
    assert torch.equal(load(written).wte.weight, model.wte.weight)


def test_a_weight_that_is_unknown_is_not_passed_over(written):
    stored = {name: tensor.read() for name, tensor in index_bundle(written / "model.ckpt").items()}
    write_bundle(written / "model.ckpt", stored | {"model/h0/extra/w": torch.zeros(3)})
    with pytest.raises(CheckpointError, match="unknown: model/h0/extra/w"):
        load(written)


@pytest.mark.parametrize(
    "line", ['"/home/someone/models/run1/model-500"', '"C:\\\\models\\\\model-500"', '"../../model-500"', '"model-500"']
)
def test_the_file_called_checkpoint_names_a_file_beside_it_only(written, line):
    for path in list(written.glob("model.ckpt*")):
        path.rename(path.with_name(path.name.replace("model.ckpt", "model-500")))
    (written / "other.index").write_bytes(b"")
    (written / "checkpoint").write_text(f"model_checkpoint_path: {line}\n")
    assert load(written).config.n_layers == 2


def test_without_the_file_called_checkpoint_the_only_index_counts(written):
    (written / "checkpoint").unlink()
    assert load(written).config.n_layers == 2
    (written / "second.index").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"one TensorFlow index.*second\.index"):
        load(written)


@pytest.mark.parametrize(
    "hparams",
    [
        {},
        {**HPARAMS, "extra": 1},
        {**HPARAMS, "n_layer": 10**12},
        {**HPARAMS, "n_embd": "16"},
        {**HPARAMS, "n_head": 0},
        {**HPARAMS, "n_vocab": None},
        {**HPARAMS, "n_ctx": 2**31},
        {**HPARAMS, "n_layer": 2},
    ],
)
def test_sizes_that_cannot_be_are_refused(original, hparams):
    (original / "hparams.json").write_text(json.dumps(hparams))
    with pytest.raises(CheckpointError, match=r"hparams\.json|unknown|wrong"):
        load(original)
