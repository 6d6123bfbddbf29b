"""What the folder offers answers in one form: a frozen dataclass that says in words what it shows."""

import collections.abc
import dataclasses
import inspect
import typing

import pytest

from glassgpt import interpret
from glassgpt.interpret import Edge, Head, LayerSweep, Mlp, cut, freeze, mean, patch, scale, steer, sweep_layers, trace

NO_RESULT = {
    "check": "refuses a part, or says nothing",
    "reading": "a way to read, for the engine",
    "show": "a figure in a notebook",
}
FUNCTIONS = sorted(name for name in interpret.__all__ if inspect.isfunction(getattr(interpret, name)))


def result(name):
    kind = typing.get_type_hints(inspect.unwrap(getattr(interpret, name)))["return"]
    if typing.get_origin(kind) is collections.abc.Iterator:
        (kind,) = typing.get_args(kind)
    return kind.__constraints__ if isinstance(kind, typing.TypeVar) else (kind,)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in NO_RESULT])
def test_every_function_returns_a_frozen_dataclass_with_a_sentence(name):
    for kind in result(name):
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        assert callable(kind.describe)


def test_the_list_of_functions_is_not_empty():
    assert {"trace", "lens", "attribute", "sweep", "pattern", "rollout"} <= set(FUNCTIONS)


def test_an_intervention_says_what_it_does(deep):
    seen = trace(deep.model, deep.ids)
    said = {
        cut(5, 2, 3, 1): "Edge 5→2 in head 3.1 is cut.",
        scale(Mlp(2), 0.5, at=[1, 2]): "Mlp 2 speaks 0.5 times as loud at 1, 2.",
        mean(Head(1, 2), seen): "Head 1.2 says the same everywhere, its mean over a text.",
        freeze(Head(1, 2), seen): "Head 1.2 is held to what it said in a text.",
        patch(Mlp(0), seen): "Mlp 0 says what it said in another text.",
        steer(2, seen.stream[4, 0]): "Stream 2 has a vector added to it.",
    }
    assert {one.describe(): words for one, words in said.items()} == {words: words for words in said.values()}
    assert isinstance(cut(1, 0).part, Edge)


def test_a_layer_of_a_sweep_names_the_part_that_is_missed_most(deep):
    for found in sweep_layers(trace(deep.model, deep.ids), word=12):
        assert isinstance(found, LayerSweep)
        most = int(found.changes.argmin())
        name = f"mlp {found.layer}" if most == 4 else f"head {found.layer}.{most}"
        assert f"silencing {name} changes" in found.describe()
