"""A model under changes does all it does under them; one in integers is looked at as the floats these stand for."""

import numpy as np
import pytest
import torch

import glassgpt
from glassgpt.checkpoints import Quantization, save_model, save_quantized
from glassgpt.interpret import Head, Mlp, attribute, lens, pattern, scale, sweep, trace, zero
from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.quantize import Scheme, quantize
from glassgpt.tokens import learn

TEXT = "to be or not to be"


@pytest.fixture(scope="module")
def tokenizer():
    return learn([f"{TEXT} that is the question "] * 4, 270)


@pytest.fixture(scope="module")
def network(tokenizer):
    shape = GPT2Config(vocab_size=tokenizer.vocab_size, context_length=24, emb_dim=32, n_heads=4, n_layers=2)
    model = initialize(GPT2(shape), seed=5).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1 if weight.ndim == 1 else 6)
    return model


@pytest.fixture(scope="module")
def lm(network, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(network, folder, tokenizer=tokenizer)
    return glassgpt.load(folder, device="cpu", backend="torch")


def test_a_vector_of_a_text_and_a_trace_heed_the_changes(lm):
    changed = lm.under(zero(Mlp(0)))
    ids = lm.tokenizer.encode(TEXT)
    seen = trace(lm.model, ids, [zero(Mlp(0))])
    assert torch.equal(changed.trace(TEXT).stream, seen.stream)
    with torch.inference_mode():
        expected = lm.model.ln_f(seen.stream[-1]).mean(0).numpy()
    np.testing.assert_allclose(changed.embed(TEXT), expected, atol=1e-5)
    assert np.abs(changed.embed(TEXT) - lm.embed(TEXT)).max() > 1e-3
    with torch.inference_mode():
        np.testing.assert_array_equal(lm.embed(TEXT), lm.model.hidden(torch.tensor([ids]))[0].mean(0).numpy())


def test_changes_add_up(lm):
    one, two = zero(Head(0, 1)), scale(Mlp(1), 0.25)
    twice = lm.under(one).under(two)
    assert twice.changes == (one, two)
    assert twice.next_words(TEXT) == lm.under(one, two).next_words(TEXT)
    assert twice.next_words(TEXT) != lm.under(two).next_words(TEXT)
    assert torch.equal(lm.under(one).trace(TEXT, two).stream, twice.trace(TEXT).stream)


@pytest.mark.parametrize("bits", ["int8", "int4"])
def test_a_model_in_integers_is_looked_at_as_the_numbers_they_stand_for(network, tokenizer, tmp_path, bits):
    made = quantize(network, Scheme(body=bits, head="int8", method="nearest", balance=False))
    save_quantized(made.model, made.integers, Quantization(bits, "int8", {}), tmp_path / bits, tokenizer=tokenizer)
    lm = glassgpt.load(tmp_path / bits, device="cpu", backend="torch")
    seen, same = lm.trace(TEXT), trace(made.model, tokenizer.encode(TEXT))
    assert torch.equal(seen.stream, same.stream)
    assert not torch.equal(seen.stream, trace(network, tokenizer.encode(TEXT)).stream)
    found = attribute(seen, 7)
    assert abs(found.total - found.logit) < 1e-4
    np.testing.assert_array_equal(pattern(seen, 1, 2).values, pattern(same, 1, 2).values)
    assert lens(seen).ids[-1, 0] == lm.under().next_words(TEXT, 1)[0].id
    assert sweep(seen).heads.shape == (2, 4)
    assert lm.under(zero(Mlp(0))).generate(TEXT, max_new_tokens=3, seed=1) is not None
