"""The words a part speaks for: what it adds to every logit, as NumPy computes it."""

import numpy as np
import pytest

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import Attention, Block, Edge, Head, Mlp, Neuron, Stream, attribute, promoted, trace
from tests.interpret.insides import head_of
from tests.interpret.test_trace import close


def parts(deep, position):
    """Parts, and what each writes into the stream."""
    w, other = deep.weights, deep.insides
    head = w["h.2.attn.c_proj.weight"][24:48]
    return {
        Head(2, 1): other.heads[2][1][position] @ head,
        Attention(3): other.attention[3][position],
        Mlp(5): other.mlp[5][position],
        Neuron(1, 30): other.neurons[1][position, 30] * w["h.1.mlp.c_proj.weight"][30],
        Block(4): other.attention[4][position] + other.mlp[4][position],
        Stream(0): other.stream[0][position],
    }


def test_the_words_are_those_whose_logits_change_most(deep):
    seen, position = trace(deep.model, deep.ids), 7
    final = deep.insides.stream[-1][position]
    for part, vector in parts(deep, position).items():
        centred = (vector - vector.mean()) / np.sqrt(final.var() + 1e-5) * deep.weights["ln_f.weight"]
        added = head_of(deep.weights, deep.config) @ centred
        found, order = promoted(seen, part, position, top=4), np.argsort(-added)
        assert found.raised.tolist() == order[:4].tolist()
        assert found.lowered.tolist() == order[::-1][:4].tolist()
        close(found.gains, added[order[:4]])
        close(found.losses, added[order[::-1][:4]])
        close(found.length, np.linalg.norm(vector))


def test_what_a_head_adds_to_a_word_is_its_attribution(deep):
    seen = trace(deep.model, deep.ids)
    found = promoted(seen, Head(4, 2), 5, top=3)
    for word, gain in zip(found.raised.tolist(), found.gains, strict=True):
        assert np.isclose(attribute(seen, word, 5).heads[4, 2], gain, rtol=1e-4)


def test_a_part_says_for_which_words_it_speaks(deep):
    said = promoted(trace(deep.model, deep.ids, spell=lambda token: f"w{token}"), Mlp(0)).describe()
    assert said.startswith("At position 8, mlp 0 speaks for ‘w")
    assert "and against ‘w" in said


def test_an_edge_speaks_for_nothing(deep):
    with pytest.raises(InvalidParameter, match="edge"):
        promoted(trace(deep.model, deep.ids), Edge(2, 1))
