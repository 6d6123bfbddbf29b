"""An intervention does what the same change made by hand in the weights, or in NumPy, does."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import (
    Attention,
    Block,
    Edge,
    Head,
    Mlp,
    Neuron,
    Stream,
    attention,
    effect,
    freeze,
    mean,
    patch,
    pattern,
    scale,
    steer,
    trace,
    zero,
)

K = 24


@pytest.fixture
def edited(deep):
    """A copy of the model to be changed by hand."""
    return copy.deepcopy(deep.model)


def same(deep, interventions, model):
    """The interventions give the logits that another model has."""
    mine = trace(deep.model, deep.ids, interventions)
    torch.testing.assert_close(mine.scores(mine.stream[-1]), model(torch.tensor([deep.ids]))[0], rtol=1e-9, atol=1e-9)
    untouched = trace(deep.model, deep.ids)
    assert effect(untouched, mine).kl > 1e-6, "a test that changes nothing shows nothing"


@pytest.mark.parametrize("factor", [0.0, 2.5, -1.0])
def test_a_head_is_the_columns_of_the_projection_that_read_it(deep, edited, factor):
    with torch.no_grad():
        edited.h[2].attn.c_proj.weight[:, 1 * K : 2 * K] *= factor
    same(deep, [scale(Head(2, 1), factor)], edited)


def test_a_head_at_its_mean_is_a_bias(deep, edited):
    clean = trace(deep.model, deep.ids)
    with torch.no_grad():
        columns = edited.h[1].attn.c_proj.weight[:, 3 * K : 4 * K]
        edited.h[1].attn.c_proj.bias += columns @ clean.of(Head(1, 3)).mean(dim=0)
        columns.zero_()
    same(deep, [mean(Head(1, 3), clean)], edited)


def test_a_silent_network_is_one_without_weights(deep, edited):
    with torch.no_grad():
        edited.h[4].mlp.c_proj.weight.zero_()
        edited.h[4].mlp.c_proj.bias.zero_()
    same(deep, [zero(Mlp(4))], edited)


def test_a_silent_attention_is_one_without_weights(deep, edited):
    with torch.no_grad():
        edited.h[0].attn.c_proj.weight.zero_()
        edited.h[0].attn.c_proj.bias.zero_()
    same(deep, [zero(Attention(0))], edited)


def test_a_neuron_is_one_column(deep, edited):
    with torch.no_grad():
        edited.h[3].mlp.c_proj.weight[:, 77] *= 30
    same(deep, [scale(Neuron(3, 77), 30.0)], edited)


def test_a_block_left_out_is_a_shorter_model(deep, edited):
    del edited.h[2]
    same(deep, [zero(Block(2))], edited)


def test_interventions_compose(deep, edited):
    with torch.no_grad():
        edited.h[0].attn.c_proj.weight[:, :K].zero_()
        edited.h[5].mlp.c_proj.weight[:, 5] *= 2
    del edited.h[3]
    same(deep, [zero(Block(3)), zero(Head(0, 0)), scale(Neuron(5, 5), 2.0)], edited)


def test_two_changes_of_one_part_are_made_in_their_order(deep):
    once = trace(deep.model, deep.ids, [scale(Mlp(1), 6.0)])
    twice = trace(deep.model, deep.ids, [scale(Mlp(1), 2.0), scale(Mlp(1), 3.0)])
    torch.testing.assert_close(once.stream, twice.stream, rtol=1e-12, atol=1e-12)
    assert torch.equal(
        trace(deep.model, deep.ids, [scale(Mlp(1), 2.0), zero(Mlp(1))]).stream,
        trace(deep.model, deep.ids, [zero(Mlp(1))]).stream,
    )


def test_a_position_at_zero_is_a_token_without_embedding(deep, edited):
    with torch.no_grad():
        edited.wte.weight = torch.nn.Parameter(torch.cat([edited.wte.weight, -edited.wpe.weight[4:5]]))
    ids = [*deep.ids[:4], 257, *deep.ids[5:]]
    mine, other = trace(deep.model, deep.ids, [zero(Stream(0, 4))]), edited(torch.tensor([ids]))[0, :, :257]
    torch.testing.assert_close(mine.scores(mine.stream[-1]), other, rtol=1e-9, atol=1e-9)


def test_a_cut_edge_is_an_entry_of_the_mask(deep):
    clean = deep.insides.masked[2][3].copy()
    clean[6, 2] = clean[6, 4] = -np.inf
    power = np.exp(clean - clean.max(-1, keepdims=True))
    cut = trace(deep.model, deep.ids, [zero(Edge(6, 2, 2, 3)), zero(Edge(6, 4, 2, 3))])
    np.testing.assert_allclose(pattern(cut, 2, 3), power / power.sum(-1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(pattern(cut, 2, 1), deep.insides.pattern[2][1], atol=1e-6)
    assert attention(cut, 2, 3).masked[6, 2] == -np.inf
    expected = cut.keys(2)[3].shape
    assert expected == (9, K)
    np.testing.assert_allclose(cut.heads(2)[3], pattern(cut, 2, 3) @ cut.values(2)[3], atol=1e-5)


def test_a_token_that_nobody_sees_might_as_well_be_another(deep):
    """Cut every edge to a token, and what it is makes no difference to the others."""
    cuts = [zero(Edge(query, 3)) for query in range(4, 9)]
    other = [*deep.ids[:3], (deep.ids[3] + 1) % 257, *deep.ids[4:]]
    one, two = trace(deep.model, deep.ids, cuts), trace(deep.model, other, cuts)
    torch.testing.assert_close(one.stream[-1, 4:], two.stream[-1, 4:], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(trace(deep.model, deep.ids).stream[-1, 4:], trace(deep.model, other).stream[-1, 4:])


def test_a_token_that_sees_nothing_fetches_nothing(deep):
    blind = trace(deep.model, deep.ids, [zero(Edge(0, 0, 1))])
    assert not pattern(blind, 1, 0)[0].any()
    assert not blind.heads(1)[:, 0].any()
    assert blind.stream.isfinite().all()


def test_a_frozen_part_says_what_it_said(deep):
    clean = trace(deep.model, deep.ids)
    changed = trace(deep.model, deep.ids, [scale(Mlp(0), 3.0), freeze(Head(3, 1), clean)])
    torch.testing.assert_close(changed.of(Head(3, 1)), clean.of(Head(3, 1)))
    assert not torch.allclose(changed.of(Head(3, 2)), clean.of(Head(3, 2)))


def test_freezing_all_that_a_change_reaches_undoes_it(deep):
    clean = trace(deep.model, deep.ids)
    changed = trace(deep.model, deep.ids, [zero(Mlp(2)), freeze(Stream(3), clean)])
    torch.testing.assert_close(changed.stream[6:], clean.stream[6:])


def test_a_patched_stream_is_the_other_text_from_there_on(deep):
    other = trace(deep.model, deep.ids[::-1])
    for layer in range(6):
        patched = trace(deep.model, deep.ids, [patch(Stream(layer), other)])
        torch.testing.assert_close(patched.stream[2 * layer :], other.stream[2 * layer :])


def test_a_patch_takes_one_position_to_another(deep):
    other = trace(deep.model, deep.ids[::-1])
    patched = trace(deep.model, deep.ids, [patch(Head(2, 0), other, at=[5, 7], taken=[1, 0])])
    clean = trace(deep.model, deep.ids)
    torch.testing.assert_close(patched.of(Head(2, 0))[[5, 7]], other.of(Head(2, 0))[[1, 0]])
    rest = [0, 1, 2, 3, 4, 6, 8]
    torch.testing.assert_close(patched.of(Head(2, 0))[rest], clean.of(Head(2, 0))[rest])


def test_a_shorter_source_leaves_the_rest_alone(deep):
    short = trace(deep.model, deep.ids[4:7])
    patched = trace(deep.model, deep.ids, [patch(Mlp(0), short)]).of(Mlp(0))
    torch.testing.assert_close(patched[:3], short.of(Mlp(0)))
    torch.testing.assert_close(patched[3:], trace(deep.model, deep.ids).of(Mlp(0))[3:])


def test_steering_adds_a_vector_to_the_stream(deep):
    vector = torch.linspace(-1, 1, 96, dtype=torch.float64)
    steered = trace(deep.model, deep.ids, [steer(2, vector, 3.0, at=[8])])
    clean = trace(deep.model, deep.ids)
    torch.testing.assert_close(steered.stream[4, 8], clean.stream[4, 8] + 3 * vector)
    torch.testing.assert_close(steered.stream[:, :8], clean.stream[:, :8])


@settings(max_examples=25)
@given(st.data())
def test_no_change_reaches_an_earlier_layer_or_position(deep, data):
    layer, at = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 8))
    parts = (Head(layer, 1), Mlp(layer), Attention(layer), Neuron(layer, 9), Block(layer), Stream(layer))
    part = data.draw(st.sampled_from(parts))
    changed = trace(deep.model, deep.ids, [scale(part, 2.0, at=[at])])
    clean = trace(deep.model, deep.ids)
    assert torch.equal(changed.stream[: 2 * layer], clean.stream[: 2 * layer])
    torch.testing.assert_close(changed.stream[:, :at], clean.stream[:, :at], rtol=1e-12, atol=1e-12)
    assert not torch.equal(changed.stream, clean.stream)


def test_a_trace_under_interventions_sees_the_same_when_it_looks_again(deep):
    done = [scale(Stream(1), 1.5), scale(Head(1, 2), -1.0), zero(Edge(5, 1, 1)), scale(Block(1), 2.0)]
    changed = trace(deep.model, deep.ids, done)
    step = changed.step(1)
    torch.testing.assert_close(step.after[0], changed.stream[4])
    torch.testing.assert_close(changed.at(5)[1].after[0, 0], changed.stream[4, 5])


@pytest.mark.parametrize(
    "make",
    [
        lambda seen: scale(Edge(1, 0), 2.0),
        lambda seen: mean(Edge(1, 0), seen),
        lambda seen: zero(Edge(1, 0), at=[1]),
        lambda seen: zero(Stream(0, 2), at=[3]),
        lambda seen: zero(Mlp(0), at=[-1]),
        lambda seen: patch(Mlp(0), seen, at=[1, 2], taken=[1]),
        lambda seen: patch(Mlp(0), seen, at=[1], taken=[9]),
        lambda seen: trace(seen.model, seen.ids, [zero(Head(6, 0))]),
    ],
)
def test_what_makes_no_sense_is_refused(deep, make):
    with pytest.raises(InvalidParameter):
        make(trace(deep.model, deep.ids))
