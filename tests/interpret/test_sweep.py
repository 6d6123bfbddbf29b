"""The sweep is the same as one intervention after another, started from the bottom."""

import sys

import numpy as np
import pytest

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import Head, Mlp, effect, mean, scale, sweep, sweep_layers, trace, zero


@pytest.mark.parametrize("how", ["zero", "mean"])
def test_each_part_has_the_effect_of_its_own_intervention(deep, how):
    seen = trace(deep.model, deep.ids)
    until = trace(deep.model, deep.ids[:7])
    found = sweep(seen, word=12, position=6, how=how)

    def alone(part):
        silent = zero(part) if how == "zero" else mean(part, until)
        return effect(until, trace(deep.model, deep.ids[:7], [silent]))

    for layer in range(6):
        for head in range(4):
            expected = alone(Head(layer, head))
            assert np.isclose(found.heads_kl[layer, head], expected.kl, atol=1e-5)
            assert np.isclose(found.heads[layer, head], (expected.after - expected.before)[12], atol=1e-4)
        expected = alone(Mlp(layer))
        assert np.isclose(found.mlps_kl[layer], expected.kl, atol=1e-5)
        assert np.isclose(found.mlps[layer], (expected.after - expected.before)[12], atol=1e-4)


def test_a_sweep_under_interventions_starts_from_them(deep):
    done = [scale(Mlp(1), 2.0), scale(Head(3, 0), 2.0)]
    found = sweep(trace(deep.model, deep.ids, done), word=5)
    both = trace(deep.model, deep.ids, [*done, zero(Head(3, 2))])
    expected = effect(trace(deep.model, deep.ids, done), both)
    assert np.isclose(found.heads_kl[3, 2], expected.kl, atol=1e-5)


def test_a_long_text_goes_up_in_parts(deep, monkeypatch):
    seen = trace(deep.model, deep.ids)
    whole = sweep(seen)
    monkeypatch.setattr(sys.modules["glassgpt.interpret.sweep"], "MOST_TOKENS", 10)
    np.testing.assert_allclose(sweep(seen).heads, whole.heads, atol=1e-6)


def test_layers_come_one_by_one_from_the_top(deep):
    layers = sweep_layers(trace(deep.model, deep.ids), 3)
    first = next(layers)
    assert (first.layer, first.changes.shape) == (5, (5,))
    assert [one.layer for one in layers] == [4, 3, 2, 1, 0]


def test_a_sweep_names_the_part_the_word_needs_most(deep):
    found = sweep(trace(deep.model, deep.ids, spell=lambda token: f"w{token}"))
    name, value = found.ranked()[0]
    assert f"without {name} ({value:+.2f})" in found.describe()
    assert len(found.ranked()) == 6 * (4 + 1)


def test_another_way_to_silence_is_refused(deep):
    with pytest.raises(InvalidParameter):
        sweep(trace(deep.model, deep.ids), how="loud")
