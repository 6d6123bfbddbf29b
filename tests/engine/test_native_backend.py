"""The native backend against the torch backend, and its promises."""

import importlib.util

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.engine import Backend, Memory, NativeBackend, Piece, TorchBackend, open_backend, score_ids, why_not_native
from glassgpt.engine.native_backend import TOLERANCE
from glassgpt.errors import InvalidParameter
from glassgpt.model import GPT2, GPT2Config
from tests.engine.models import sharp_model
from tests.engine.test_backend import TEXT, check_company, whole
from tests.engine.test_row_independence import check, schedules

FORMATS = list(TOLERANCE)
SHAPES = [
    {},
    {"qkv_bias": False, "tie_embeddings": False, "emb_dim": 20, "n_heads": 5, "mlp_dim": 13},
    {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True, "n_layers": 3},
    {"scale_attn_weights": False},
]


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """Make a backend; kernels are compiled once for this file."""
    folder = tmp_path_factory.mktemp("kernels")

    def make(model, chunk=32, **options):
        return NativeBackend.of(model, chunk=chunk, folder=folder, **options)

    return make


def distance(got, wanted) -> float:
    """Root of the mean square error, as a part of the standard deviation."""
    return float((got - wanted).square().mean().sqrt() / wanted.std())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_reads_as_the_plain_model_does(native, shape):
    model = sharp_model(1, scale=4.0, **shape)
    wanted = model(torch.tensor([TEXT]))[0]
    torch.testing.assert_close(whole(native(model), TEXT), wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["gelu", "relu", "silu", "tanh"])
def test_it_reads_as_the_plain_model_does_with_every_activation(native, activation):
    model = sharp_model(1, scale=4.0, activation=activation)
    torch.testing.assert_close(
        whole(native(model), TEXT), model(torch.tensor([TEXT]))[0].detach(), rtol=2e-5, atol=2e-5
    )


@pytest.mark.parametrize("weights", FORMATS)
def test_every_format_stays_within_its_tolerance(native, weights):
    model = sharp_model(2, scale=4.0, emb_dim=96, n_heads=3, vocab_size=200, context_length=150)
    text = [(7 * place) % 200 for place in range(150)]
    wanted, got = whole(TorchBackend(model), text), whole(native(model, weights=weights), text)
    assert distance(got, wanted) < TOLERANCE[weights]
    if weights != "float32":  # it is another format indeed
        assert distance(got, wanted) > 10 * TOLERANCE["float32"]


def test_a_bfloat16_model_is_as_near_to_float32_as_the_plain_model_is(native, sharp):
    wanted = sharp(torch.tensor([TEXT]))[0]
    half = sharp.to(torch.bfloat16)
    plain = (half(torch.tensor([TEXT]))[0].float() - wanted).abs().mean()
    assert (whole(native(half), TEXT) - wanted).abs().mean() < 1.2 * plain


def test_it_keeps_the_protocol(native, sharp):
    backend = native(sharp)
    assert isinstance(backend, Backend)
    assert isinstance(backend.memory(2, 4), Memory)
    assert backend.most_rows(24) > 1000
    assert backend.bytes_read_each_step > 4 * 61 * 24


@settings(max_examples=8)
@given(st.integers(1, 12), st.integers(1, 13), st.sampled_from([1, 4, 8, 128]))
def test_decoding_with_a_past_equals_reading_the_whole_text_to_the_bit(native, start, rows, chunk):
    model = sharp_model()
    backend, wanted = native(model, chunk), whole(native(model), TEXT)
    memory = backend.memory(rows, len(TEXT))
    logits = torch.as_tensor(backend.extend(memory, [Piece(row, TEXT[:start]) for row in range(rows)]))
    for place in range(start, len(TEXT)):
        assert torch.equal(logits, wanted[place - 1].expand(rows, -1))
        pieces = [Piece(row, TEXT[place : place + 1]) for row in range(rows)]
        logits = torch.as_tensor(backend.extend(memory, pieces))
    assert torch.equal(logits[-1], wanted[-1])


@settings(max_examples=10)
@given(st.data(), st.integers(1, 5), st.sampled_from([4, 8, 128]))
def test_rows_read_on_in_any_company_as_if_alone(native, data, rows, chunk):
    """Two blocks of positions, heads of two blocks of width."""
    model = sharp_model(context_length=90, emb_dim=70, n_heads=1)
    check_company(native(model, chunk), native(model), data, rows, 90)


def test_logits_of_a_step_outlive_the_next(native, sharp):
    backend = native(sharp)
    memory = backend.memory(1, 10)
    first = backend.extend(memory, [Piece(0, TEXT[:5], 3)])
    kept = first.copy()
    backend.extend(memory, [Piece(0, TEXT[5:8], 3)])
    assert np.array_equal(first, kept)
    assert backend.extend(memory, [Piece(0, [1], 0)]).shape == (0, 61)


@pytest.mark.parametrize("weights", FORMATS)
@settings(max_examples=2)
@given(schedule=schedules())
def test_a_request_gets_the_same_bits_alone_and_in_company(native, weights, schedule):
    shape, *rest = schedule
    check(
        {**shape, "activation": "gelu_new"}, *rest, torch.float32, lambda m, chunk=32: native(m, chunk, weights=weights)
    )


def test_scores_are_those_of_the_torch_backend(native, sharp):
    ours, theirs = score_ids(native(sharp), TEXT), score_ids(TorchBackend(sharp), TEXT)
    torch.testing.assert_close(torch.from_numpy(ours), torch.from_numpy(theirs), rtol=2e-5, atol=2e-5)


def test_the_kernels_are_chosen_where_they_run(sharp, monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSGPT_CACHE", str(tmp_path))
    assert isinstance(open_backend(sharp), NativeBackend)
    assert isinstance(open_backend(sharp, "torch"), TorchBackend)
    assert isinstance(open_backend(sharp.double()), TorchBackend)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert isinstance(open_backend(sharp.float()), TorchBackend)
    with pytest.raises(InvalidParameter, match="pip install llvmlite"):
        open_backend(sharp, "native")
    with pytest.raises(InvalidParameter, match="weights='int8'"):
        open_backend(sharp, weights="int8")
    with pytest.raises(InvalidParameter, match="auto, native, torch"):
        open_backend(sharp, "fast")


def test_what_cannot_run_says_why(native, sharp):
    with torch.device("meta"):
        nowhere = GPT2(GPT2Config(vocab_size=5, context_length=4, emb_dim=4, n_heads=1, n_layers=1))
    assert "meta" in why_not_native(nowhere).reason
    with pytest.raises(InvalidParameter, match="float64"):
        native(sharp.double())
    with pytest.raises(InvalidParameter, match="float32, bfloat16, int8, int4"):
        native(sharp.float(), weights="int5")
    with pytest.raises(InvalidParameter, match="threads=0"):
        native(sharp, threads=0)


def test_damaged_weights_are_refused(native, sharp):
    with torch.no_grad():
        sharp.h[1].mlp.c_fc.weight[0, 0] = torch.nan
    with pytest.raises(InvalidParameter, match="finite"):
        native(sharp)
