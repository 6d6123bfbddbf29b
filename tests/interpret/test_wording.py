"""Interventions in words: what is written is read back."""

import pytest
from hypothesis import given
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
    intervention,
    mean,
    patch,
    scale,
    trace,
    zero,
)

number = st.integers(0, 40)
parts = st.one_of(
    st.builds(Head, number, number),
    st.builds(Attention, number),
    st.builds(Mlp, number),
    st.builds(Neuron, number, number),
    st.builds(Block, number),
    st.builds(Stream, number),
)
placed = st.one_of(
    st.builds(Stream, number, number),
    st.builds(Edge, number, number),
    st.builds(Edge, number, number, number),
    st.builds(Edge, number, number, number, number),
)
places = st.none() | st.lists(number, min_size=1, max_size=3)


@given(st.one_of(st.builds(zero, parts, places), st.builds(zero, placed)))
def test_a_zero_is_read_as_it_is_written(made):
    read = intervention(str(made))
    assert (read.part, read.how, read.at, read.factor) == (made.part, made.how, made.at, made.factor)


@given(st.builds(scale, parts, st.floats(-9, 9).map(lambda x: round(x, 3)), places))
def test_a_scale_is_read_as_it_is_written(made):
    read = intervention(str(made))
    assert (read.part, read.at, read.factor) == (made.part, made.at, made.factor)


def test_a_mean_and_a_patch_are_read_with_their_texts(deep):
    seen = trace(deep.model, deep.ids)
    for made in (mean(Mlp(2), seen), patch(Head(1, 1), seen, at=[2])):
        read = intervention(str(made), reference=seen, source=seen)
        assert str(read) == str(made)
        assert (read.given == made.given).all()


@pytest.mark.parametrize(
    "words",
    [
        "",
        "zero",
        "zero head 5",
        "scale mlp 3",
        "zero mlp 3 by 2",
        "mean mlp 1",
        "drop mlp 1",
        "zero head a.b",
        "patch mlp 1",
    ],
)
def test_other_words_are_refused_with_those_that_are_known(words):
    with pytest.raises(InvalidParameter):
        intervention(words)
