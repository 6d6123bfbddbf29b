"""Words and places: from tables, and out of the packed head."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.kernels.embed import EMBED, add_embed, embed_twin, embed_values
from glassgpt.kernels.layout import FORMATS
from glassgpt.kernels.machine import host
from glassgpt.kernels.operation import STATE
from tests.kernels.machines import EVERY, call, compiled
from tests.kernels.small_models import packed, shape


@cache
def library(machine, name):
    """These kernels alone: they compile in no time."""
    return compiled(machine, lambda module: add_embed(module, FORMATS[name]))


def embedded(machine, weights, tokens, places, pieces=9):
    """The residual stream that the kernel writes."""
    name, values = embed_values(weights)
    x = np.zeros((len(tokens), 64 * -(-weights.shape.width // 64)), np.float32)
    arguments = EMBED.fill({**values, "x": x, "x_stride": x.strides[0]})
    numbers = {"tokens": np.array(tokens, np.int64), "positions": np.array(places, np.int64), "rows": len(tokens)}
    state = STATE.fill(dict.fromkeys(STATE.kinds, 0) | numbers)
    for first in range(0, len(tokens), pieces):
        count = min(pieces, len(tokens) - first)
        call(library(machine, weights.head.packed.format.name), name, arguments, state, 0, first, count)
    return x


def check(machine, name, width, tied, half, tokens, pieces=100):
    weights = packed(shape(width=width, heads=1, layers=1), name, tied=tied, half=half)
    places = [7 * n % 150 for n in range(len(tokens))]
    got = embedded(machine, weights, tokens, places, pieces)
    wanted = embed_twin(*weights.tables(), np.array(tokens), np.array(places))
    assert np.array_equal(got[:, :width], wanted)
    assert not got[:, width:].any()  # padding must stay zero


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=6)
@given(st.sampled_from([1, 7, 40, 64, 100, 130]), st.booleans(), st.booleans(), st.integers(1, 3), st.data())
def test_rows_are_those_of_the_twin_to_the_bit(name, width, tied, half, pieces, data):
    tokens = data.draw(st.lists(st.integers(0, 96), min_size=1, max_size=9))
    check(host().name, name, width, tied, half, tokens, pieces)


@pytest.mark.parametrize(("machine", "name"), EVERY)
def test_so_they_are_on_every_machine(machine, name):
    check(machine, name, 100, True, False, range(97))


def test_words_of_a_head_of_integers_are_the_numbers_it_stands_for():
    """Not those that were rounded: who quantizes a tied head has one table, for both its uses."""
    weights = packed(shape(), "int8")
    words, _ = weights.tables()
    exact = packed(shape(), "float32").tables()[0]
    assert 0 < np.abs(words - exact).max() < np.abs(exact).max() / 100
