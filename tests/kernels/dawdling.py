"""Kernels that stop for a moment at points that a seed decides, as they do when another program takes the core."""

import numpy as np

from glassgpt.kernels.crew import nap
from glassgpt.kernels.operation import entry
from glassgpt.kernels.types_of_llvm import I64, PTR

KERNEL, ARGUMENTS, SEED, NAP, NAP_TIME = (8 * place for place in range(5))


def add_dawdle(module) -> None:
    """Write a kernel that may sleep, calls another, and may sleep again."""
    with module.function("dawdle", arguments=PTR, state=PTR, thread=I64, first=I64, count=I64) as f:
        own = f["arguments"]
        mixed = (f.load(I64, own + SEED) + f["thread"] * 7919 + f["first"] * 104_729) * 0x9E3779B97F4A7C1
        for shift in (40, 50):
            with f.when(((mixed >> shift) & 3).equals(0)):
                f.call(f.load(PTR, own + NAP), f.load(I64, own + NAP_TIME), f.value(I64, 0))
            if shift == 40:
                arguments = (f.load(PTR, own + ARGUMENTS), f["state"], f["thread"], f["first"], f["count"])
                f.call(f.load(PTR, own + KERNEL), *arguments)


def dawdling(library, program, seed):
    """The same program with pauses; and what must be kept while it runs."""
    changed, kept = program.copy(), []
    for n, line in enumerate(changed):
        kept.append(np.array([line[0], line[1], seed % 2**31 + 31 * n, *nap()], np.int64))
        line[:2] = entry(library.address("dawdle"), kept[-1], 1)[:2]
    return changed, kept


def never_spared(crew) -> None:
    """All threads are asked always, however often they hold up the others."""
    crew.strength.learn = lambda now, took, lost: None
