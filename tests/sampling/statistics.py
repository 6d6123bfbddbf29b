"""Draws by the million, and the chi-square test that judges them."""

import numpy as np
import torch

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def splitmix(word: np.ndarray) -> np.ndarray:
    """The hash on unsigned integers, in NumPy."""
    word = (word ^ (word >> np.uint64(30))) * FACTORS[0]
    word = (word ^ (word >> np.uint64(27))) * FACTORS[1]
    return word ^ (word >> np.uint64(31))


def keys_of(seed, sample, position) -> torch.Tensor:
    """What `key` gives, for arrays of seeds, samples or positions."""
    mixed = np.uint64(0)
    with np.errstate(over="ignore"):
        for number in np.broadcast_arrays(seed, sample, position):
            mixed = splitmix((mixed ^ number.astype(np.uint64)) + GOLDEN)
    return torch.from_numpy(mixed.view(np.int64).copy())


def draws(logits: torch.Tensor, count: int, seed: int, at_once: int = 100_000, most: int = 0) -> torch.Tensor:
    """How often each id is drawn in `count` draws at consecutive positions."""
    from glassgpt.sampling import choose

    counts = torch.zeros(len(logits), dtype=torch.int64)
    at_once = min(at_once, 4_000_000 // len(logits))
    for start in range(0, count, at_once):
        keys = keys_of(seed, 0, np.arange(start, min(start + at_once, count)))
        chosen = choose(logits.expand(len(keys), -1), keys, most)
        counts += torch.bincount(chosen, minlength=len(logits))
    return counts


def p_value(observed: torch.Tensor, chances: torch.Tensor) -> float:
    """Pearson's chi-square test; cells with less than 10 expected draws are merged, impossible ones must be empty."""
    expected = chances.double() * observed.sum()
    if bool((observed[expected == 0] > 0).any()):
        return 0.0
    rare = expected < 10
    cells = torch.cat([observed[~rare].double(), observed[rare].sum()[None].double()])
    wanted = torch.cat([expected[~rare], expected[rare].sum()[None]])
    cells, wanted = cells[wanted > 0], wanted[wanted > 0]
    if len(cells) == 1:
        return 1.0
    statistic = ((cells - wanted) ** 2 / wanted).sum()
    return float(torch.special.gammaincc(torch.tensor((len(cells) - 1) / 2).double(), statistic / 2))
