"""A trace holds what NumPy computes, part by part, and equals the model's own pass."""

import numpy as np
import pytest
import torch

from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.interpret import Attention, Block, Edge, Head, Mlp, Neuron, Stream, trace
from glassgpt.interpret.forward import hidden


def close(mine, other, tolerance=2e-6):
    other = np.asarray(other)
    assert np.shape(mine) == other.shape
    largest = np.abs(other[np.isfinite(other)]).max(initial=1.0)
    np.testing.assert_allclose(mine, other, rtol=tolerance, atol=tolerance * largest)


def test_every_part_is_what_numpy_computes(twins):
    seen, other = trace(twins.model, twins.ids), twins.insides
    for stop, expected in enumerate(other.stream):
        close(seen.residual(stop), expected)
    for layer in range(twins.config["n_layer"]):
        for mine, name in (
            (seen.queries, "q"),
            (seen.keys, "k"),
            (seen.values, "v"),
            (seen.heads, "heads"),
            (seen.attention, "attention"),
            (seen.neurons, "neurons"),
            (seen.mlp, "mlp"),
        ):
            close(mine(layer), getattr(other, name)[layer])
    for position in range(len(twins.ids)):
        close(seen.logits(position), other.logits[position])


def test_a_pass_step_by_step_is_the_models_own(model, ids):
    with torch.inference_mode():
        assert torch.equal(hidden(model, ids), model.hidden(ids))


def test_a_trace_without_qkv_shows_the_same(deep):
    lean, full = trace(deep.model, deep.ids, keep_qkv=False), trace(deep.model, deep.ids)
    assert lean.kept == ()
    for layer in range(6):
        assert torch.equal(lean.qkv(layer), full.qkv(layer))


def test_one_token_alone_is_computed_as_in_its_text(deep):
    seen = trace(deep.model, deep.ids)
    for position in (0, 4, -1):
        for layer, step in enumerate(seen.at(position)):
            close(step.heads[0, 0], seen.step(layer).heads[0, position], 1e-12)
            close(seen.heads_at(layer, position), seen.heads(layer)[:, position], 1e-6)
            close(step.after[0, 0], seen.stream[2 * layer + 2, position], 1e-12)


def test_a_part_has_the_numbers_that_numpy_has(deep):
    seen, other = trace(deep.model, deep.ids), deep.insides
    close(seen.of(Head(2, 3)), other.heads[2][3])
    close(seen.of(Attention(1)), other.attention[1])
    close(seen.of(Mlp(5)), other.mlp[5])
    close(seen.of(Neuron(4, 17)), other.neurons[4][:, 17:18])
    close(seen.of(Block(3)), other.attention[3] + other.mlp[3])
    close(seen.of(Stream(3)), other.stream[6])


@pytest.mark.parametrize(
    ("ids", "error"),
    [([], InvalidParameter), ([61], InvalidParameter), ([-1], InvalidParameter), ([0] * 25, ContextOverflow)],
)
def test_a_text_the_model_cannot_read_is_refused(model, ids, error):
    with pytest.raises(error):
        trace(model, ids)


@pytest.mark.parametrize(
    "part", [Head(2, 0), Head(0, 3), Mlp(-1), Neuron(0, 96), Stream(0, 24), Edge(1, 2), Edge(3, 1, None, 0)]
)
def test_a_part_the_model_does_not_have_is_refused(model, part):
    with pytest.raises(InvalidParameter):
        trace(model, [1, 2, 3]).of(part)


def test_a_trace_says_what_it_is(model):
    said = trace(model, [3, 5], spell=lambda token: f"w{token}").describe()
    assert said.startswith("2 tokens through 2 layers of 3 heads; after ‘w5’ the likeliest word is ‘w")
