"""Several ranks take the same steps as one: rows, weights or heads divided, targets masked unevenly."""

from dataclasses import replace

import pytest
import torch

from glassgpt.train.settings import Parallel
from tests.ranks.steps import recipe, twenty_steps

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LARGEST = 1e-5


def alone(case: str, method: str):
    return twenty_steps(replace(recipe(case, method), parallel=Parallel()))


def assert_equal_to_one_rank(steps, case: str, method: str) -> None:
    losses, lengths, weights = alone(case, method)
    for theirs, their_lengths, _ in steps:
        assert max(abs(a - b) for a, b in zip(theirs, losses, strict=True)) <= LARGEST
        assert max(abs(a - b) for a, b in zip(their_lengths, lengths, strict=True)) <= LARGEST
    collected = steps[0][2]
    assert collected.keys() == weights.keys()
    for name, weight in weights.items():
        torch.testing.assert_close(
            collected[name], weight, rtol=0, atol=LARGEST, msg=lambda text, name=name: f"{name}: {text}"
        )


def name_first(name: str):
    return lambda text: f"{name}: {text}"


@pytest.mark.parametrize("method", ["adamw"])
@pytest.mark.parametrize("case", ["copies", "fsdp", "tensor"])
def test_two_ranks_equal_one_over_twenty_steps(two_ranks, case: str, method: str):
    assert_equal_to_one_rank(two_ranks.steps(case, method), case, method)


@pytest.mark.parametrize("case", ["copies", "grid"])
def test_four_ranks_equal_one_over_twenty_steps(four_ranks, case: str):
    assert_equal_to_one_rank(four_ranks.steps(case, "adamw"), case, "adamw")
