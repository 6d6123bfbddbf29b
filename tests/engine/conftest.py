"""A small model, ready to write, and a vocabulary of letters."""

import pytest
import torch

from tests.engine.models import Letters, sharp_model


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small matrices gain nothing from two, and lose much on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def sharp():
    """61 words, 24 positions, three heads of width 8."""
    return sharp_model()


@pytest.fixture
def backend(sharp):
    from glassgpt.engine import TorchBackend

    return TorchBackend(sharp)
