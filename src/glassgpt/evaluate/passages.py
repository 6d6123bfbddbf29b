"""Passages in, log-probabilities out: every measure of this folder is a way to make passages and to add them up.

A passage is a few ids of which the last ones are judged, each by all before it. Passages of like length are read
together, padded on the right, where no token that is judged can see; the head is applied to judged places only, a
handful at a time, so the table of all logits never exists.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.evaluate.stem import read_stem
from glassgpt.model import GPT2, NOTHING, Past

TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 65_536}
"""Padded tokens of one forward pass: more do not make a CPU faster, and a GPU wants many."""
LOGITS_AT_ONCE = 1 << 21
"""Entries of the table of logits that exist at a time: 8 MB stay in a cache."""

WORTH_SHARING = 32
"""Tokens that passages must have in common for their beginning to be read once."""

Report = Callable[[int, int], None]
"""Told how many tokens are read, and how many there are."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Some ids, the last `judged` of which are to be foreseen."""

    ids: Sequence[int] | np.ndarray
    judged: int

    def __post_init__(self) -> None:
        """The first id can only be read."""
        if not 1 <= self.judged < len(self.ids):
            raise InvalidParameter("judged", self.judged, f"must be in 1..{len(self.ids) - 1}: the first is only read")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model made of a passage."""

    logprobs: np.ndarray
    """Natural logarithm of the probability of each judged token (float32)."""
    foreseen: bool
    """Whether each of them was the likeliest at its place, the first one among those that may come first."""

    @property
    def logprob(self) -> float:
        """Of all judged tokens together."""
        return float(self.logprobs.sum(dtype=np.float64))


def judge(
    model: GPT2,
    passages: Sequence[Passage],
    *,
    not_first: Sequence[int] = (),
    report: Report = lambda done, goal: None,
) -> list[Judgement]:
    """The log-probabilities of all judged tokens, passage by passage, in the order given.

    The ids in `not_first` count as impossible for `foreseen` at the first judged place; probabilities stay as they are.
    Raises ContextOverflow for a passage that does not fit into the model's context.
    """
    return judge_families(model, [[passage] for passage in passages], not_first=not_first, report=report)


@torch.inference_mode()
def judge_families(
    model: GPT2,
    families: Sequence[Sequence[Passage]],
    *,
    not_first: Sequence[int] = (),
    report: Report = lambda done, goal: None,
) -> list[Judgement]:
    """The same for passages in families, one after the other; a long beginning that a family shares is read once."""
    passages = [passage for family in families for passage in family]
    _check(passages, model.config.context_length)
    device, was_training = model.wte.weight.device, model.training
    never = torch.tensor(not_first, dtype=torch.long, device=device)
    found: list[Judgement | None] = [None] * len(passages)
    done, goal = 0, sum(len(passage.ids) - 1 for passage in passages)
    model.eval()
    try:
        for group, shared in _groups(families, TOKENS_AT_ONCE.get(device.type, TOKENS_AT_ONCE["cpu"])):
            members = [passages[index] for index in group]
            past = read_stem(model, members[0].ids[:shared]) if shared else NOTHING
            ends = [Passage(member.ids[shared:], member.judged) for member in members]
            for index, judgement in zip(group, _together(model, ends, never, past), strict=True):
                found[index] = judgement
            done += sum(len(passage.ids) - 1 for passage in members)
            report(done, goal)
    finally:
        model.train(was_training)
    return [judgement for judgement in found if judgement is not None]


def _groups(families: Sequence[Sequence[Passage]], limit: int) -> Iterator[tuple[list[int], int]]:
    """Places of passages to be read together, and how many first tokens they share and need not read again."""
    alone: list[int] = []
    passages: list[Passage] = []
    for family in families:
        here = list(range(len(passages), len(passages) + len(family)))
        passages += family
        shared = _shared(family)
        if shared >= WORTH_SHARING:
            yield here, shared
        else:
            alone += here
    for group in _alike([passages[index] for index in alone], limit):
        yield [alone[index] for index in group], 0


def _shared(family: Sequence[Passage]) -> int:
    """How many first ids all have in common, up to the one before the first that is judged."""
    if len(family) < 2:
        return 0
    most = min(len(passage.ids) - passage.judged for passage in family) - 1
    first, *others = ([int(token) for token in passage.ids[:most]] for passage in family)
    return min(common(first, other) for other in others)


def common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many first ids two texts share."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _check(passages: Sequence[Passage], context: int) -> None:
    longest = max((len(passage.ids) for passage in passages), default=0) - 1
    if longest > context:
        raise ContextOverflow(f"a passage has {longest:,} tokens to read; the model sees {context:,}. Use windows.")


def _alike(passages: Sequence[Passage], limit: int) -> Iterator[list[int]]:
    """Places of passages to be read together, longest first, so that memory runs out at once or never."""
    order = sorted(range(len(passages)), key=lambda index: -len(passages[index].ids))
    group: list[int] = []
    for index in order:
        if group and (len(group) + 1) * (len(passages[group[0]].ids) - 1) > limit:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _together(model: GPT2, passages: Sequence[Passage], never: Int[Tensor, " N"], past: Past) -> list[Judgement]:
    """One forward pass."""
    device = model.wte.weight.device
    width = max(len(passage.ids) for passage in passages)
    table = np.zeros((len(passages), width), np.int64)
    for row, passage in enumerate(passages):
        table[row, : len(passage.ids)] = passage.ids
    ids = torch.from_numpy(table).to(device)
    rows = np.repeat(np.arange(len(passages)), [passage.judged for passage in passages])
    places = np.concatenate([np.arange(len(p.ids) - 1 - p.judged, len(p.ids) - 1) for p in passages])
    firsts = torch.from_numpy(np.cumsum([0, *(passage.judged for passage in passages)])[:-1]).to(device)
    at = torch.from_numpy(rows).to(device), torch.from_numpy(places).to(device)
    hidden = model.hidden(ids[:, :-1], past)[at]
    logprobs, best = _foresee(model, hidden, ids[at[0], at[1] + 1], firsts, never)
    ends = np.cumsum([passage.judged for passage in passages])[:-1]
    pairs = zip(np.split(logprobs, ends), np.split(best, ends), strict=True)
    return [Judgement(chances, bool(hits.all())) for chances, hits in pairs]


def _foresee(
    model: GPT2,
    hidden: Float[Tensor, "N D"],
    targets: Int[Tensor, " N"],
    firsts: Int[Tensor, " P"],
    never: Int[Tensor, " M"],
) -> tuple[np.ndarray, np.ndarray]:
    """The log-probability of each target, and whether it was the likeliest; the head in pieces."""
    step = max(1, LOGITS_AT_ONCE // model.config.vocab_size)
    is_first = torch.zeros(len(targets), dtype=torch.bool, device=targets.device)
    is_first[firsts] = True
    chances: list[Tensor] = []
    hits: list[Tensor] = []
    for start in range(0, len(targets), step):
        piece = slice(start, start + step)
        logits, target = model.logits(hidden[piece]).float(), targets[piece, None]
        chances.append(logits.gather(1, target)[:, 0] - logits.logsumexp(dim=1))
        if len(never):
            logits[is_first[piece].nonzero(), never] = -torch.inf
        hits.append(logits.argmax(dim=1) == target[:, 0])
    return torch.cat(chances).cpu().numpy(), torch.cat(hits).cpu().numpy()
