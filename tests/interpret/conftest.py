"""Models with no trivial weight, the same in NumPy, and a text for them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from tests.interpret.insides import Insides, insides
from tests.oracle.twins import CASES, hf_config, ours, random_ids, random_weights


@dataclass(frozen=True)
class Twin:
    """A model in double precision, its weights as published, one text, and NumPy's account of it."""

    model: object
    weights: dict[str, np.ndarray]
    config: dict
    ids: list[int]
    insides: Insides


def twin(name: str, length: int = 9, scale: float = 4.0) -> Twin:
    """Weights a few times as large as at the start of training, so that heads differ and words stand out."""
    shape = CASES[name].config
    weights = {key: w if w.ndim == 1 else scale * w for key, w in random_weights(shape, seed=5).items()}
    model = ours(shape, weights, torch.float64)
    ids = random_ids(shape, 1, length, seed=6)[0].numpy()
    config = hf_config(shape).to_dict()
    return Twin(model, weights, config, ids.tolist(), insides(weights, config, ids))


VARIANTS = ["deep", "scores scaled by layer and upcast", "untied head, ReLU, unscaled scores, other ε"]


@pytest.fixture(scope="session", params=VARIANTS)
def twins(request) -> Twin:
    return twin(request.param)


@pytest.fixture(scope="session")
def deep() -> Twin:
    """Six layers of four heads."""
    return twin("deep")
