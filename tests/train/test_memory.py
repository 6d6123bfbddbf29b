"""Errors of a full memory are recognised, and the advice names only what would help."""

from dataclasses import replace

import pytest
import torch

from glassgpt.errors import OutOfMemory
from glassgpt.train.memory import advice, explain_out_of_memory

REAL = (
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("std::bad_alloc: bad allocation"),
    MemoryError(),
)


@pytest.mark.parametrize("error", REAL, ids=range(len(REAL)))
def test_an_error_of_memory_becomes_advice(recipe, error: Exception):
    with pytest.raises(OutOfMemory, match=r"micro_rows=1 \(rows stay 4\)"), explain_out_of_memory(recipe):
        raise error


def test_what_torch_really_says_is_recognised(recipe):
    with pytest.raises(OutOfMemory), explain_out_of_memory(recipe):
        torch.empty(1 << 60)


def test_another_error_stays_what_it_is(recipe):
    with pytest.raises(RuntimeError, match="shapes"), explain_out_of_memory(recipe):
        raise RuntimeError("shapes do not match")


def test_advice_names_only_what_is_left_to_do(recipe):
    least = replace(recipe, micro_rows=1, recompute=True, loss_rows=64)
    assert "Nothing in the recipe is left" in advice(least)
    assert advice(replace(least, recompute=False)).startswith("Try recompute=true:")
