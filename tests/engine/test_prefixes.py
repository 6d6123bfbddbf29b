"""The memory of beginnings: the same scores as reading everything, and no beginning read twice."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.engine import Piece, Prefixes, TorchBackend
from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.model import GPT2, GPT2Config, initialize

SHAPE = GPT2Config(vocab_size=7, context_length=16, emb_dim=8, n_heads=2, n_layers=2)
BACKEND = TorchBackend(initialize(GPT2(SHAPE), seed=1).eval())


def alone(ids):
    return BACKEND.extend(BACKEND.memory(1, 16), [Piece(0, ids)])[0]


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=12), st.integers(1, 4))
def test_any_order_of_texts_gives_the_scores_of_each_text_alone(texts, rows):
    cache = Prefixes(BACKEND, rows)
    for text in texts:
        found = cache.read(text)
        assert torch.equal(found.logits, alone(text))
        assert found.reused + found.new == len(text)
        assert text in cache.held
        assert len(cache.held) <= rows


def test_going_on_reads_one_token_and_both_branches_stay():
    cache = Prefixes(BACKEND, 3)
    cache.read([1, 2, 3])
    assert (cache.read([1, 2, 3, 4]).reused, cache.read([1, 2, 3, 5]).reused) == (3, 3)
    assert cache.read([1, 2, 3, 4]).new == 1
    assert cache.held == [[1, 2, 3, 4], [1, 2, 3, 5]]


def test_afresh_reads_everything_and_leaves_no_copy():
    cache = Prefixes(BACKEND, 3)
    cache.read([1, 2, 3])
    again = cache.read([1, 2, 3], afresh=True)
    assert (again.reused, again.new) == (0, 3)
    assert cache.held == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("ids", "error"), [([], InvalidParameter), ([0] * 17, ContextOverflow), ([7], InvalidParameter)]
)
def test_texts_that_cannot_be_read_are_refused(ids, error):
    with pytest.raises(error):
        Prefixes(BACKEND, 2).read(ids)
