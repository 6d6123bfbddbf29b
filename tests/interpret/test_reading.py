"""A text judged token by token, two readings compared, and gradients."""

import copy
import sys

import numpy as np
import pytest
import torch

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import compare, contrast, freeze, mean, saliency, scale, surprise, trace, zero
from glassgpt.interpret.part import Block, Edge, Mlp
from tests.interpret.test_trace import close


def logprobs(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@pytest.fixture
def other(deep):
    """The same model after some training, as it were."""
    model = copy.deepcopy(deep.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.05)
    return model


def test_each_token_is_judged_by_those_before_it(twins):
    found, table = surprise(trace(twins.model, twins.ids)), logprobs(twins.insides.logits[:-1])
    mine = table[np.arange(len(table)), twins.ids[1:]]
    close(found.logprobs, mine)
    assert found.ranks.tolist() == (1 + (table > mine[:, None]).sum(-1)).tolist()
    close(found.entropies, -(np.exp(table) * table).sum(-1))
    close(found.nats, -mine.sum())
    assert found.worst(2).tolist() == (np.argsort(mine)[:2] + 1).tolist()


def test_a_long_text_is_judged_in_chunks(deep, monkeypatch):
    seen = trace(deep.model, deep.ids)
    whole, other = surprise(seen), trace(deep.model, deep.ids, [zero(Mlp(2))])
    compared = compare(seen, other)
    monkeypatch.setattr(sys.modules["glassgpt.interpret.surprise"], "CHUNK", 3)
    assert np.allclose(surprise(seen).logprobs, whole.logprobs, atol=1e-6)
    assert np.allclose(compare(seen, other).kl, compared.kl, atol=1e-6)


def test_a_text_says_where_it_surprised(deep):
    found = surprise(trace(deep.model, deep.ids))
    worst = int(found.worst(1)[0])
    assert f"the most surprising is ‘#{deep.ids[worst]}’ at {worst}" in found.describe()


def test_two_models_are_compared_word_by_word(deep, other):
    one, two = trace(deep.model, deep.ids), trace(other, deep.ids)
    found, p = compare(one, two), logprobs(deep.insides.logits)
    with torch.no_grad():
        q = logprobs(other(torch.tensor([deep.ids]))[0].numpy())
    close(found.kl, (np.exp(p) * (p - q)).sum(-1), 1e-4)
    close(found.gained, (q - p)[np.arange(8), deep.ids[1:]], 1e-4)
    assert found.best_one.tolist() == p.argmax(-1).tolist()
    assert found.best_other.tolist() == q.argmax(-1).tolist()
    assert "foresees the text better" in found.describe()


def test_a_model_does_not_differ_from_itself(deep):
    one = trace(deep.model, deep.ids)
    assert compare(one, one).kl.max() < 1e-6
    same = contrast(one, one)
    close(same.cosines, np.ones(13))
    assert same.effect.kl == 0


def test_two_texts_part_where_their_vectors_do(deep):
    changed = [*deep.ids[:-1], (deep.ids[-1] + 1) % 257]
    found = contrast(trace(deep.model, deep.ids), trace(deep.model, changed))
    a, b = trace(deep.model, deep.ids).stream[:, -1], trace(deep.model, changed).stream[:, -1]
    close(found.cosines, torch.cosine_similarity(a, b, dim=-1))
    assert "From the embedding to the end the two vectors go" in found.describe()


def test_two_texts_are_not_one(deep):
    with pytest.raises(InvalidParameter, match="contrast"):
        compare(trace(deep.model, deep.ids), trace(deep.model, deep.ids[:-1]))


def test_a_gradient_is_what_a_small_change_does(deep):
    found = saliency(trace(deep.model, deep.ids), word=50, position=6)
    assert len(found.lengths) == 7
    step, words, places = 1e-5, deep.model.wte.weight, deep.model.wpe.weight
    for at in range(7):
        nudged = scale_of_embedding(deep, at, 1 + step) - scale_of_embedding(deep, at, 1 - step)
        np.testing.assert_allclose(found.products[at], nudged / (2 * step), rtol=1e-3, atol=1e-4)
    assert words.grad is None
    assert places.grad is None


def scale_of_embedding(deep, at, factor):
    from glassgpt.interpret import Stream

    seen = trace(deep.model, deep.ids, [scale(Stream(0), factor, at=[at])])
    return float(seen.scores(seen.stream[-1, 6])[50])


def test_a_token_that_cannot_be_seen_has_no_gradient(deep):
    clean = trace(deep.model, deep.ids)
    cuts = [zero(Edge(query, 2)) for query in range(3, 9)]
    found = saliency(trace(deep.model, deep.ids, [*cuts, mean(Mlp(1), clean), freeze(Block(4), clean, at=[0])]), 9)
    assert found.lengths[2] == 0
    assert found.lengths[3] > 0
    assert "hangs most on" in found.describe()
