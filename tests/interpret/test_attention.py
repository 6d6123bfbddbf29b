"""The four stages of a head's table, all heads at a glance, and value-weighted attention."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.interpret import attention, looks, pattern, thumbnails, trace, value_weighted, without_first
from tests.interpret.test_trace import close


def test_the_four_stages_of_every_head_are_what_numpy_computes(twins):
    seen = trace(twins.model, twins.ids)
    for layer in range(twins.config["n_layer"]):
        for head in range(twins.config["n_head"]):
            view = attention(seen, layer, head)
            for name in ("q", "k", "v", "raw", "scaled", "masked", "pattern"):
                close(getattr(view, name), getattr(twins.insides, name)[layer][head])


def test_the_products_of_a_query_and_a_key_sum_to_the_raw_score(deep):
    view = attention(trace(deep.model, deep.ids), 3, 1)
    products = view.products(6, 2)
    assert products.shape == view.q[0].shape
    assert np.isclose(products.sum(), view.raw[6, 2], rtol=1e-5)


def test_the_rows_of_all_heads_are_those_of_their_patterns(twins):
    seen = trace(twins.model, twins.ids)
    for position in (0, 5, len(twins.ids) - 1):
        rows = looks(seen, position)
        close(rows, np.stack([p[:, position, : position + 1] for p in twins.insides.pattern]))


def test_a_thumbnail_shows_the_strongest_entry_of_each_cell(deep):
    seen = trace(deep.model, deep.ids)
    small = thumbnails(seen, 2, 3).values
    assert small.shape == (4, 3, 3)
    for head in range(4):
        cells = pattern(seen, 2, head).values.reshape(3, 3, 3, 3).max(axis=(1, 3))
        close(small[head], cells, 1e-7)
    assert thumbnails(seen, 2, 64).values.shape == (4, 9, 9)


def test_value_weighted_attention_is_the_length_of_what_is_written(deep):
    seen, other = trace(deep.model, deep.ids), deep.insides
    for head in range(4):
        rows = deep.weights["h.1.attn.c_proj.weight"][head * 24 : (head + 1) * 24]  # published: in, out
        written = other.pattern[1][head][..., None] * (other.v[1][head] @ rows)[None]
        close(value_weighted(seen, 1, head), np.linalg.norm(written, axis=-1))


def test_without_the_first_token_the_rest_sums_to_one(deep):
    rest = without_first(pattern(trace(deep.model, deep.ids), 0, 0))
    assert (rest[:, 0] == 0).all()
    np.testing.assert_allclose(rest.values.sum(-1), [0] + [1] * 8, atol=1e-6)


@settings(max_examples=15)
@given(st.data())
def test_a_later_token_changes_no_earlier_row(data):
    from glassgpt.model import GPT2, GPT2Config, initialize

    model = initialize(GPT2(GPT2Config(vocab_size=17, context_length=8, emb_dim=8, n_heads=2, n_layers=2)), seed=1)
    ids = data.draw(st.lists(st.integers(0, 16), min_size=2, max_size=8))
    cut = data.draw(st.integers(1, len(ids) - 1))
    whole, part = trace(model, ids), trace(model, ids[:cut])
    for layer in range(2):
        np.testing.assert_allclose(pattern(whole, layer, 1)[:cut, :cut], pattern(part, layer, 1), atol=1e-6)
    torch.testing.assert_close(whole.stream[:, :cut], part.stream, atol=1e-6, rtol=1e-5)


def test_a_head_says_where_it_looks(deep):
    view = attention(trace(deep.model, deep.ids), 1, 2)
    best = int(view.pattern[5].argmax())
    said = view.describe(5)
    assert said.startswith(f"Head 1.2 at ‘#{deep.ids[5]}’ (5): ")
    assert f"on ‘#{deep.ids[best]}’ ({best})" in said


@pytest.mark.parametrize("where", [(6, 0), (0, 4), (-7, 0)])
def test_a_head_that_is_not_there_is_refused(deep, where):
    with pytest.raises(ValueError, match="must be from"):
        attention(trace(deep.model, deep.ids), *where)
