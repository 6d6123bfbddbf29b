"""What ranks say to each other, tried out by every rank of a group; each line names what holds."""

from collections.abc import Iterator

import torch
import torch.distributed as dist

from glassgpt.errors import RunError, StoppedElsewhere
from glassgpt.train.meeting import gathered
from glassgpt.train.ranks import Ranks
from tests.ranks.steps import CPU, PLAIN


def facts() -> dict[str, object]:
    """What each rank finds, by name."""
    with gathered(PLAIN, CPU) as ranks:
        me, last = dist.get_rank(), dist.get_world_size() - 1
        return {
            "leads": ranks.leads,
            "rows": ranks.rows(8),
            "total": ranks.total(torch.tensor(me + 1)).item(),
            "highest": ranks.highest(me),
            "highest of none": ranks.highest(-me),
            "told": ranks.told({"number": 0.1 + me, "word": "é" * (me + 1)}),
            "attempt": ranks.attempt(lambda: me),
            "the last fails": outcome(ranks, me == last),
            "all fail": outcome(ranks, True),
            "relay": [(name, tensor.tolist(), str(tensor.dtype)) for name, tensor in ranks.relay(told(me))],
            "broken relay": broken(ranks, me),
            "uneven rows": refused(ranks),
        }


def outcome(ranks: Ranks, fails: bool) -> str:
    def act() -> None:
        if fails:
            raise RunError("this one")

    try:
        ranks.attempt(act)
    except RunError as error:
        return type(error).__name__
    return "went well"


def told(me: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Rank 0 has tensors; the others have nothing to read them from."""
    assert me == 0, "only rank 0 reads"
    yield "a", torch.arange(3, dtype=torch.int64)
    yield "b", torch.tensor(1.5, dtype=torch.bfloat16)
    yield "c", torch.ones(4, 2).T[:1]


def broken(ranks: Ranks, me: int) -> list[str]:
    def damaged() -> Iterator[tuple[str, torch.Tensor]]:
        yield "a", torch.zeros(1)
        raise RunError("damaged")

    seen = []
    try:
        for name, _ in ranks.relay(damaged() if me == 0 else ()):
            seen.append(name)
    except StoppedElsewhere:
        return [*seen, "stopped"]
    except RunError:
        return [*seen, "said why"]
    return seen


def refused(ranks: Ranks) -> str:
    try:
        ranks.rows(7)
    except ValueError as error:
        return str(error)
    return ""
