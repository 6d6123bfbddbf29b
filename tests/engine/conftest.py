"""A small model, ready to write, and a vocabulary of letters."""

import pytest

from tests.engine.models import Letters, sharp_model


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
