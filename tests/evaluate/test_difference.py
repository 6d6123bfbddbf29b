"""Two models on the same texts."""

import math

import pytest
import torch

from glassgpt.errors import InvalidParameter
from glassgpt.evaluate import compare
from tests.engine.models import sharp_model


def test_a_model_does_not_differ_from_itself():
    model, told = sharp_model(), []
    found = compare(model, model, torch.arange(40).reshape(4, 10), report=lambda *step: told.append(step))
    assert (found.more_bits, found.agreement, found.tokens) == (0, 1, 36)
    assert found.divergence == pytest.approx(0, abs=1e-6)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_every_figure_is_what_its_name_says():
    first, second, ids = sharp_model(1), sharp_model(2), torch.arange(30).reshape(3, 10)
    found = compare(first, second, ids)
    with torch.no_grad():
        p, q = (model(ids[:, :-1]).softmax(dim=-1) for model in (first, second))
    surprise = [-side.gather(2, ids[:, 1:, None]).log2().mean() for side in (p, q)]
    assert found.bits == pytest.approx(float(surprise[0]), rel=1e-4)
    assert found.more_bits == pytest.approx(float(surprise[1] - surprise[0]), rel=1e-4)
    assert found.divergence == pytest.approx(float((p * (p / q).log()).sum(dim=-1).mean()), rel=1e-3)
    assert found.agreement == pytest.approx(float((p.argmax(-1) == q.argmax(-1)).float().mean()))
    assert math.isfinite(found.divergence)


@pytest.mark.parametrize("shape", [(0, 5), (2, 1)])
def test_texts_of_one_token_are_refused(shape):
    with pytest.raises(InvalidParameter, match="two tokens"):
        compare(sharp_model(), sharp_model(), torch.zeros(shape, dtype=torch.long))
