"""A word's logit in parts: they sum to it, and each is the dot product that NumPy computes."""

import numpy as np
import pytest
import torch

from glassgpt.interpret import attribute, trace
from tests.interpret.insides import head_of
from tests.interpret.test_trace import close


def test_the_parts_sum_to_the_logit(twins):
    seen = trace(twins.model, twins.ids)
    for position in (0, 5, 8):
        for word in (0, 90):
            found = attribute(seen, word, position)
            assert abs(found.total - found.logit) < 1e-4
            close(found.logit, twins.insides.logits[position, word])


def test_in_single_precision_they_sum_to_the_logit_too(model, ids):
    seen = trace(model, ids[0].tolist())
    found = attribute(seen, 7)
    assert abs(found.total - found.logit) < 1e-4
    assert seen.stream.dtype == torch.float32


def test_each_part_is_its_own_dot_product(deep):
    position, word, other, w = 6, 40, deep.insides, deep.weights
    final = other.stream[-1][position]
    scale = np.sqrt(final.var() + 1e-5)
    gained = head_of(w, deep.config)[word] * w["ln_f.weight"]

    def part(vector):
        return (vector - vector.mean()) / scale @ gained

    found = attribute(trace(deep.model, deep.ids), word, position)
    close(found.token, part(w["wte.weight"][deep.ids[position]]))
    close(found.place, part(w["wpe.weight"][position]))
    close(found.norm, head_of(w, deep.config)[word] @ w["ln_f.bias"])
    for layer in range(6):
        close(found.mlps[layer], part(other.mlp[layer][position]))
        close(found.biases[layer], part(w[f"h.{layer}.attn.c_proj.bias"]))
        for head in range(4):
            rows = w[f"h.{layer}.attn.c_proj.weight"][head * 24 : (head + 1) * 24]
            close(found.heads[layer, head], part(other.heads[layer][head][position] @ rows))


def test_a_lead_is_the_difference_of_two_logits(deep):
    seen = trace(deep.model, deep.ids)
    lead, word, rival = attribute(seen, 3, -1, 9), attribute(seen, 3), attribute(seen, 9)
    close(lead.heads, word.heads - rival.heads)
    close(lead.logit, word.logit - rival.logit)
    assert abs(lead.total - lead.logit) < 1e-4


def test_there_is_a_part_for_every_head_and_network(deep):
    names = [name for name, _ in attribute(trace(deep.model, deep.ids), 1).parts()]
    assert len(names) == len(set(names)) == 2 + 6 * (4 + 1 + 1) + 2
    assert {"token", "head 5.3", "mlp 0", "norm"} <= set(names)


def test_an_attribution_names_the_strongest_parts(deep):
    found = attribute(trace(deep.model, deep.ids), 11)
    best = max(found.parts(), key=lambda part: part[1])
    assert f"most for it speak {best[0]} (+{best[1]:.2f})" in found.describe()


@pytest.mark.parametrize("words", [(257, None), (0, -1)])
def test_a_word_outside_the_vocabulary_is_refused(deep, words):
    with pytest.raises(ValueError, match="must be from"):
        attribute(trace(deep.model, deep.ids), words[0], -1, words[1])
