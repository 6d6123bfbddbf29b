"""Between formats nothing changes but the format."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.checkpoints import conversion as module
from glassgpt.checkpoints import convert, load_model, save_model
from glassgpt.errors import CheckpointError, InvalidParameter, ModelNotFound
from glassgpt.model import GPT2, GPT2Config, initialize


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_from_hugging_face_to_openai_and_back_is_the_same_model(own_folder, own, words, tmp_path):
    convert(own_folder, tmp_path / "openai", "openai")
    convert(tmp_path / "openai", tmp_path / "back")
    loaded = load_model(tmp_path / "back")
    assert loaded.tokenizer.fingerprint == words.fingerprint
    assert loaded.model.config == own.config
    assert content(tmp_path / "back") == content(own_folder)


@settings(max_examples=10)
@given(
    heads=st.integers(1, 3),
    width=st.integers(1, 4),
    layers=st.integers(1, 3),
    vocabulary=st.integers(1, 30),
    context=st.integers(1, 9),
)
def test_any_plain_shape_survives_the_journey(tmp_path_factory, heads, width, layers, vocabulary, context):
    folder = tmp_path_factory.mktemp("any")
    config = GPT2Config(
        vocab_size=vocabulary, context_length=context, emb_dim=heads * width, n_heads=heads, n_layers=layers
    )
    save_model(initialize(GPT2(config), seed=layers), folder / "a")
    convert(folder / "a", folder / "b", "openai")
    convert(folder / "b", folder / "c", "hf")
    assert content(folder / "c") == content(folder / "a")


def test_a_number_format_can_be_chosen(own_folder, own, tmp_path):
    convert(own_folder, tmp_path / "half", dtype=torch.bfloat16)
    half = load_model(tmp_path / "half", dtype=None).model
    assert torch.equal(half.wte.weight, own.wte.weight.bfloat16())
    convert(tmp_path / "half", tmp_path / "still")
    assert content(tmp_path / "still") == content(tmp_path / "half")


def test_openais_files_are_float32_whatever_the_source(own_folder, own, tmp_path):
    convert(own_folder, tmp_path / "half", dtype=torch.float16)
    convert(tmp_path / "half", tmp_path / "openai", "openai")
    assert torch.equal(load_model(tmp_path / "openai").model.wte.weight, own.wte.weight.half().float())
    with pytest.raises(InvalidParameter, match="hold float32"):
        convert(own_folder, tmp_path / "x", "openai", dtype=torch.float16)


def test_a_model_with_nan_in_it_is_still_copied_bit_for_bit(own, words, tmp_path):
    with torch.no_grad():
        own.wpe.weight[0, 0] = torch.nan
    save_model(own, tmp_path / "a", tokenizer=words)
    convert(tmp_path / "a", tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_an_unknown_source_is_refused(own_folder, tmp_path):
    with pytest.raises(ModelNotFound):
        convert(tmp_path / "nothing", tmp_path / "x")


def test_an_existing_target_is_kept_unless_told_otherwise(own_folder, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "precious").write_text("1")
    with pytest.raises(CheckpointError, match="exists already"):
        convert(own_folder, tmp_path / "x")
    assert content(tmp_path / "x") == {"precious": b"1"}
    convert(own_folder, tmp_path / "x", overwrite=True)
    assert content(tmp_path / "x") == content(own_folder)


def test_a_model_can_be_converted_onto_itself(own_folder, own):
    convert(own_folder, own_folder, dtype=torch.bfloat16, overwrite=True)
    assert torch.equal(load_model(own_folder).model.wte.weight, own.wte.weight.bfloat16().float())


def test_what_was_written_wrongly_never_gets_its_name(own_folder, tmp_path, monkeypatch):
    def write_another(model, folder, **options):
        with torch.no_grad():
            model.wte.weight[0, 0] += 1
        real(model, folder, **options)
        with torch.no_grad():
            model.wte.weight[0, 0] -= 1

    real = module.hugging_face.write_model
    monkeypatch.setattr(module.hugging_face, "write_model", write_another)
    with pytest.raises(CheckpointError, match=r"wte\.weight was not written as it is in memory"):
        convert(own_folder, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_model_that_openais_program_cannot_run_leaves_nothing_behind(own, words, tmp_path):
    model = initialize(GPT2(replace(own.config, activation="relu")), seed=0)
    save_model(model, tmp_path / "relu", tokenizer=words)
    with pytest.raises(CheckpointError, match="activation=relu"):
        convert(tmp_path / "relu", tmp_path / "x", "openai")
    assert [path.name for path in tmp_path.iterdir()] == ["relu"]
