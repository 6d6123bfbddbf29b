"""Tables of attention: arrays that can be indexed, and a sentence each."""

import numpy as np
import pytest

from glassgpt.interpret import looks, pattern, rollout, thumbnails, trace, value_weighted, without_first


@pytest.fixture(scope="module")
def seen(deep):
    return trace(deep.model, deep.ids)


def test_a_table_is_indexed_and_taken_as_its_array(seen):
    for table in (pattern(seen, 2, 3), value_weighted(seen, 2, 3), looks(seen, 5), thumbnails(seen, 2, 4)):
        np.testing.assert_array_equal(np.asarray(table), table.values)
        np.testing.assert_array_equal(table[1], table.values[1])
        assert float(table[1, 0, 0] if table.values.ndim == 3 else table[1, 0]) == table.values[1].flat[0]


def test_a_head_says_where_it_looks_and_what_it_brings(seen, deep):
    shares, lengths = pattern(seen, 1, 2), value_weighted(seen, 1, 2)
    best, most = int(shares[5].argmax()), int(lengths[5].argmax())
    assert f"on ‘#{deep.ids[best]}’ ({best})" in shares.describe(5)
    assert f"most from ‘#{deep.ids[most]}’ ({most}, a length of" in lengths.describe(5)
    assert "a length of" not in without_first(lengths).describe(5)


def test_all_heads_say_what_most_of_them_look_at(seen, deep):
    found = looks(seen, 6)
    counts = np.bincount(found.values.argmax(-1).ravel(), minlength=7)
    most = int(counts.argmax())
    said = found.describe()
    assert f"{counts[most]} of 24 heads look most at ‘#{deep.ids[most]}’ ({most})" in said
    rest = found.values.copy()
    rest[..., most] = -1
    layer, head, _ = np.unravel_index(rest.argmax(), rest.shape)
    assert f"head {layer}.{head} (" in said
    assert looks(seen, 0).describe().endswith("(0).")


def test_small_pictures_say_what_they_show(seen):
    said = thumbnails(seen, 3, 4).describe()
    assert said.startswith("Layer 3: 4 heads over 9 tokens, each in 4 × 4 cells; head 3.")


def test_rollout_is_the_product_of_mean_patterns_and_the_stream(twins):
    found, product = rollout(trace(twins.model, twins.ids), 6), np.eye(7)
    for layer, table in enumerate(twins.insides.pattern):
        product = (table.mean(0)[:7, :7] + np.eye(7)) / 2 @ product
        np.testing.assert_allclose(found.shares[layer], product[6], atol=1e-6)
    np.testing.assert_allclose(found.shares.sum(-1), 1, atol=1e-6)
    best = int(found.shares[-1].argmax())
    assert f"ends as ‘#{twins.ids[best]}’ ({best}, " in found.describe()
