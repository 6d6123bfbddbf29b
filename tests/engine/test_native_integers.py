"""Quantized folders on the native kernels and on their twin, PyTorch with the numbers that the integers stand for."""

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt import load
from glassgpt.checkpoints import Quantization, save_quantized
from glassgpt.checkpoints.hugging_face import survey_folder
from glassgpt.engine import NativeBackend, TorchBackend
from glassgpt.engine.native_backend import TOLERANCE
from glassgpt.errors import InvalidParameter
from glassgpt.kernels import unpack
from glassgpt.quantize import Scheme, quantize
from glassgpt.tokens import learn
from tests.engine.models import sharp_model
from tests.engine.test_backend import TEXT, check_company, whole

ROUNDED_ROWS = {"int8": 0.03, "int4": 0.03}
"""How far native logits may lie from the twin's: only the rows are rounded. Root mean square, over the deviation."""
SHAPE = {"vocab_size": 262, "context_length": 100, "emb_dim": 80, "n_heads": 2}


SCHEMES = [
    ("int4", "int8"),
    pytest.param(("int8", "int8"), marks=pytest.mark.slow),
    pytest.param(("int4", "float"), marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=SCHEMES, ids=str)
def folder(request, tmp_path_factory):
    """A small model, quantized and saved."""
    folder = tmp_path_factory.mktemp("quantized") / "q"
    body, head = request.param
    model = sharp_model(3, scale=4.0, **SHAPE)
    made = quantize(model, Scheme(body, head, "gptq"), torch.arange(200).reshape(4, 50) % 262)
    words = learn(["to be or not to be, that is the question " * 4], 262)
    save_quantized(made.model, made.integers, Quantization(body, head), folder, tokenizer=words)
    return folder


@pytest.fixture(scope="module", autouse=True)
def kernels(tmp_path_factory):
    """A cache folder of this file's own."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSGPT_CACHE", str(cache))
        yield cache / "kernels"


def distance(got, wanted) -> float:
    return float((got - wanted).square().mean().sqrt() / wanted.std())


def long_text():
    return [(7 * place) % 262 for place in range(100)]


def test_logits_agree_with_the_twin(folder):
    """Packed from the file, and read again as packed before."""
    for _ in range(2):
        lm = load(folder, backend="native", threads=1)
        got, wanted = whole(lm.backend, long_text()), whole(TorchBackend(lm.model), long_text())
        body = lm.backend.weights
        assert body == survey_folder(folder).integers["h.0.mlp.c_fc.weight"].format
        assert distance(got, wanted) < ROUNDED_ROWS[body] <= TOLERANCE[body]


def test_the_kernels_hold_the_integers_of_the_file(folder):
    lm, integers = load(folder, backend="native", threads=1), survey_folder(folder).integers
    weights = lm.backend._weights
    wide = unpack(weights.blocks[1].c_fc.packed)[:320, :80]
    assert np.array_equal(wide, integers["h.1.mlp.c_fc.weight"].read().floats())
    heads = unpack(weights.blocks[1].c_proj.packed)[:80].reshape(80, 2, 64)[:, :, :40].reshape(80, 80)
    assert np.array_equal(heads, integers["h.1.attn.c_proj.weight"].read().floats())
    third = unpack(weights.blocks[0].c_attn.packed).reshape(6, 64, 128)[:, :40, :80].reshape(240, 80)
    assert np.array_equal(third, integers["h.0.attn.c_attn.weight"].read().floats())
    assert np.array_equal(unpack(weights.head.packed)[:262, :80], lm.model.wte.weight.detach().numpy())


def test_other_formats_can_be_asked_for(folder):
    lm = load(folder, backend="native", weights="float32", threads=1)
    assert lm.backend.weights == "float32"
    assert distance(whole(lm.backend, TEXT), whole(TorchBackend(lm.model), TEXT)) < TOLERANCE["float32"]


def test_plain_pytorch_has_the_numbers_that_the_integers_stand_for(folder):
    lm = load(folder, backend="torch")
    for name, integers in survey_folder(folder).integers.items():
        assert np.array_equal(lm.model.get_parameter(name).detach().numpy(), integers.read().floats())
    with pytest.raises(InvalidParameter, match="kv_cache='int8'"):
        load(folder, backend="torch", kv_cache="int8")


@pytest.mark.parametrize(
    "weights", ["float32", *(pytest.param(form, marks=pytest.mark.slow) for form in ("bfloat16", "int8"))]
)
def test_keys_and_values_may_be_int8(kernels, weights):
    model = sharp_model(2, scale=4.0, **SHAPE)
    backend = NativeBackend.of(model, weights=weights, kv_cache="int8", threads=1, folder=kernels)
    other = NativeBackend.of(model, weights=weights, threads=1, folder=kernels)
    wanted, got = whole(other, long_text()), whole(backend, long_text())
    assert 1e-5 < distance(got, wanted) < TOLERANCE["int8"]
    assert backend.most_rows(64) > 1.5 * other.most_rows(64)


@settings(max_examples=6)
@given(st.data(), st.integers(1, 5), st.sampled_from([4, 128]))
def test_rows_read_on_in_any_company_with_a_cache_of_integers(kernels, data, rows, chunk):
    model = sharp_model(context_length=90, emb_dim=70, n_heads=1)
    make = partial(NativeBackend.of, model, kv_cache="int8", threads=1, folder=kernels)
    check_company(make(chunk=chunk), make(), data, rows, 90)


def test_unknown_caches_are_refused(kernels):
    with pytest.raises(InvalidParameter, match="float32, bfloat16, int8"):
        NativeBackend.of(sharp_model(), kv_cache="int4", folder=kernels)
