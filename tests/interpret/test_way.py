"""One token's way up, and a weight as a picture, against NumPy."""

import numpy as np
import pytest

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import trace, way, weight


def test_the_way_is_the_stream_of_one_position(deep):
    seen = trace(deep.model, deep.ids)
    found = way(seen, 4)
    wanted = np.stack([seen.residual(stop)[4] for stop in range(len(seen.stream))])
    np.testing.assert_allclose(found.vectors, wanted)
    np.testing.assert_allclose(found.embedding + found.place, wanted[0], atol=1e-6)
    np.testing.assert_allclose(found.lengths, np.linalg.norm(wanted, axis=1), rtol=1e-5)
    unit = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(found.cosines[1:], (unit[1:] * unit[:-1]).sum(1), rtol=1e-4)
    assert "it turns most after" in found.describe()


def test_a_weight_keeps_what_stands_out(deep):
    name = "h.1.mlp.c_fc.weight"
    values = dict(deep.model.named_parameters())[name].detach().numpy()
    found = weight(deep.model, name, size=4)
    assert found.picture.shape == (4, 4)
    assert np.abs(found.picture).max() == pytest.approx(np.abs(values).max())
    assert found.counts.sum() == values.size
    np.testing.assert_allclose(found.rows, np.linalg.norm(values, axis=1), rtol=1e-5)
    np.testing.assert_allclose(found.singular, np.linalg.svd(values, compute_uv=False), rtol=1e-4)
    assert found.mean == pytest.approx(values.mean(), abs=1e-7)
    assert "directions carry half" in found.describe()


def test_a_vector_is_one_row_and_a_name_must_exist(deep):
    assert weight(deep.model, "ln_f.bias").picture.shape[0] == 1
    with pytest.raises(InvalidParameter, match=r"h\.9"):
        weight(deep.model, "h.9.attn")
