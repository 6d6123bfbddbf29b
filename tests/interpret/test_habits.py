"""Head scores, on models whose heads are made by hand to have one habit."""

import numpy as np
import pytest
import torch

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import score_heads
from glassgpt.model import GPT2, GPT2Config

T, V = 16, 40


@pytest.fixture(scope="module")
def made():
    """One layer; its heads look at the token before, at the same token, at the first token, and nowhere in particular.

    Width: a number for each word, then one for each place. Queries and keys copy what their habit compares.
    """
    config = GPT2Config(vocab_size=V, context_length=T, emb_dim=4 * 64, n_heads=4, n_layers=1, drop_rate=0.0)
    model = GPT2(config).eval()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    block, strength = model.h[0], 40.0
    with torch.no_grad():
        block.ln_1.weight.fill_(1.0)
        model.ln_f.weight.fill_(1.0)
        model.wte.weight[:, :V] = torch.eye(V)
        model.wpe.weight[:, V : V + T] = torch.eye(T)
        q, k, _ = block.attn.c_attn.weight.view(3, 4, 64, 256)
        places = torch.arange(T)
        q[0, places[:-1], V + places[1:]] = strength  # at place p ask for p - 1
        k[0, places, V + places] = 1.0
        q[1, torch.arange(V), torch.arange(V)] = strength  # ask for my own word
        k[1, torch.arange(V), torch.arange(V)] = 1.0
        block.attn.c_attn.bias[2 * 64] = strength  # always ask for place 0
        k[2, 0, V] = 1.0
    return model


def test_heads_made_for_a_habit_have_it(made):
    found = score_heads(made, length=8)
    assert found.previous.shape == (1, 4)
    assert found.habit(0, 0)[0] == "previous"
    assert found.habit(0, 2)[0] == "first"
    assert found.habit(0, 3) is None
    assert found.best("previous")[:2] == (0, 0)
    assert found.best("duplicate")[:2] == (0, 1)
    np.testing.assert_allclose(found.duplicate[0, 1], 0.5, atol=0.02)  # the other half of its attention is on itself


def test_a_head_that_looks_everywhere_has_the_mean_share(made):
    found = score_heads(made, length=8)
    shares = 1 / np.arange(1, 17)
    np.testing.assert_allclose(found.first[0, 3], shares[2:].mean(), atol=1e-5)
    np.testing.assert_allclose(found.previous[0, 3], shares[2:].mean(), atol=1e-5)
    np.testing.assert_allclose(found.induction[0, 3], shares[8:].mean(), atol=1e-5)
    np.testing.assert_allclose(found.duplicate[0, 3], shares[8:].mean(), atol=1e-5)


def test_induction_is_looking_at_what_followed():
    """Two layers: the first writes the word before into each token, the second looks for its own word there."""
    config = GPT2Config(vocab_size=V, context_length=T, emb_dim=128, n_heads=1, n_layers=2, drop_rate=0.0)
    model = GPT2(config).eval()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    words, places = torch.arange(V), torch.arange(T)
    with torch.no_grad():
        for block in model.h:
            block.ln_1.weight.fill_(1.0)
        model.wte.weight[:, :V] = torch.eye(V)
        model.wpe.weight[:, V : V + T] = torch.eye(T)
        first, second = (block.attn for block in model.h)
        first.c_attn.weight[places[:-1], V + places[1:]] = 40.0
        first.c_attn.weight[128 + places, V + places] = 1.0
        first.c_attn.weight[256 + words, words] = 1.0
        first.c_proj.weight[64 + words, words] = 1.0  # the word before, beside the word itself
        second.c_attn.weight[words, words] = 40.0
        second.c_attn.weight[128 + words, 64 + words] = 1.0
    found = score_heads(model, length=8)
    assert found.habit(1, 0)[0] == "induction"
    assert found.best("induction")[2] > 0.9
    assert "head 1.0 looks at what followed it there" in found.describe()


def test_the_same_seed_gives_the_same_scores(model):
    one, two, other = (score_heads(model, seed=seed, length=6) for seed in (1, 1, 2))
    assert np.array_equal(one.induction, two.induction)
    assert not np.array_equal(one.induction, other.induction)


@pytest.mark.parametrize("wrong", [{"length": 2}, {"length": 13}, {"texts": 0}])
def test_what_cannot_be_measured_is_refused(model, wrong):
    with pytest.raises(InvalidParameter):
        score_heads(model, **wrong)
