"""The map of words is the plane of greatest variance, and the same every time."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import embedding_map, weight_change
from glassgpt.model import GPT2


def test_points_are_the_first_two_principal_components(deep):
    table = deep.weights["wte.weight"].astype(np.float64)
    centred = table - table.mean(axis=0)
    _, strengths, directions = np.linalg.svd(centred, full_matrices=False)
    found = embedding_map(deep.model)
    np.testing.assert_allclose(np.abs(found.points), np.abs(centred @ directions[:2].T), atol=1e-4)
    assert np.isclose(found.share, (strengths[:2] ** 2).sum() / (strengths**2).sum())
    assert f"{100 * found.share:.1f} %" in found.describe()


def test_the_same_weights_give_the_same_map(deep):
    np.testing.assert_array_equal(embedding_map(deep.model).points, embedding_map(deep.model).points)


def test_a_change_is_now_less_then(deep):
    since = copy.deepcopy(deep.model)
    with torch.no_grad():
        since.h[0].attn.c_attn.weight -= 0.25
    found = weight_change(deep.model, since, "h.0.attn.c_attn.weight", size=4)
    np.testing.assert_allclose(found.picture, 0.25, rtol=1e-5)
    assert found.name == "change of h.0.attn.c_attn.weight"
    assert weight_change(deep.model, since, "ln_f.weight").deviation == 0


def test_a_change_needs_equal_shapes(deep):
    other = GPT2(dataclasses.replace(deep.model.config, emb_dim=2 * deep.model.config.emb_dim))
    with pytest.raises(InvalidParameter, match=r"wte\.weight of shape"):
        weight_change(deep.model, other, "wte.weight")
