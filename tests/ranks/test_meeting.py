"""What a process does before it meets others, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from glassgpt.errors import InvalidParameter
from glassgpt.train.divided import by_rank, by_third
from glassgpt.train.meeting import Seat, gathered
from glassgpt.train.ranks import ALONE
from glassgpt.train.settings import Optimizer, Parallel
from tests.ranks.steps import CPU, PLAIN


def test_a_process_that_nobody_launched_is_alone(monkeypatch: pytest.MonkeyPatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert Seat.taken() == Seat(0, 1, 0)
    with gathered(replace(PLAIN, parallel=Parallel(shard="fsdp")), CPU) as ranks:
        assert ranks is ALONE


def test_one_process_cannot_divide_heads():
    with pytest.raises(InvalidParameter, match="start it with torchrun"), gathered(divided(tensor=2), CPU):
        pass


def test_each_rank_of_a_host_takes_a_gpu_of_its_own():
    assert Seat(5, 8, 1).device(torch.device("cuda")) == torch.device("cuda", 1)
    assert Seat(5, 8, 1).device(torch.device("cuda:3")) == torch.device("cuda:3")
    assert Seat(5, 8, 1).device(CPU) == CPU
    assert Seat(0, 1, 0).device(torch.device("cuda")) == torch.device("cuda")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"optimizer": Optimizer(method="muon")}, "optimizer.method"),
        ({"precision": "bfloat16_weights"}, "precision"),
        ({"compile": True}, "compile"),
    ],
)
def test_divided_weights_refuse_what_they_cannot_do(change, name: str):
    from glassgpt.train.meeting import allow

    with pytest.raises(InvalidParameter, match=f"{name}=.* with divided weights"):
        allow(replace(divided(shard="fsdp"), **change))


def divided(**parallel):
    return replace(PLAIN, parallel=Parallel(**parallel))


@pytest.mark.parametrize("shape", [(3 * 12, 12), (12, 3 * 12), (3 * 12,)])
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_a_rank_gets_the_same_heads_of_queries_keys_and_values(shape: tuple[int, ...], ranks: int):
    thirds = torch.arange(3).repeat_interleave(12) * 100 + torch.arange(12).repeat(3)  # which third, which row of it
    view = [-1 if size == 36 else 1 for size in shape]
    whole = thirds.view(view).expand(shape).clone()
    arranged = by_rank(whole, ranks)
    axis = shape.index(36)
    for rank, part in enumerate(arranged.chunk(ranks, dim=axis)):
        rows = torch.arange(12).chunk(ranks)[rank]
        expected = torch.cat([100 * third + rows for third in range(3)])
        assert torch.equal(part.movedim(axis, 0).flatten(1)[:, 0] if part.dim() > 1 else part, expected)
    assert torch.equal(by_third(arranged, ranks), whole)
