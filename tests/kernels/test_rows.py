"""Normalisation and the forms of rows against their twins."""

import numpy as np
import pytest

from glassgpt.kernels.arithmetic import from_bfloat16_twin
from glassgpt.kernels.layout import BFLOAT16, FLOAT32, FORMATS, padded
from glassgpt.kernels.memory import aligned
from glassgpt.kernels.normalize import NORMALIZE, normalize_twin
from glassgpt.kernels.operation import STATE, Slots
from glassgpt.kernels.rows import row_bytes, rows_twin
from glassgpt.kernels.types_of_llvm import F32, I64, PTR
from tests.kernels.machines import DESIGNS, QUICK, call, library


def read_rows(stored, form, inner):
    if form is FLOAT32:
        return stored[:, : 4 * inner].view(np.float32)
    if form is BFLOAT16:
        return from_bfloat16_twin(stored[:, : 2 * inner].view(np.uint16))
    whole = stored[:, :inner].view(np.int8).astype(np.float32)
    groups = inner // form.group
    scales = stored[:, inner : inner + 4 * groups].view(np.float32)
    starts = stored[:, inner + 4 * groups : inner + 8 * groups].view(np.int32)
    assert (starts == -form.offset * whole.reshape(len(whole), groups, -1).sum(axis=2)).all()
    return whole * np.repeat(scales, form.group, axis=1)


def normalised(machine, form, width, rows, *, threads=1, private=False, wanted=None):
    """(as the kernel stores them, as the twin does)"""
    random = np.random.default_rng(width)
    inner = padded(width)
    x, gain, bias = np.zeros((rows, inner), np.float32), *np.zeros((2, inner), np.float32)
    x[:, :width] = random.standard_normal((rows, width)) * 3 + 7
    gain[:width], bias[:width] = random.standard_normal((2, width))
    valid = (np.arange(inner) < width).astype(np.float32)
    numbers, every = np.array(wanted or [0], np.int64), np.arange(rows)
    out = aligned((threads if private else 1, rows, row_bytes(inner, form)), np.uint8)
    arguments = NORMALIZE.fill(
        {"x": x, "x_stride": x.strides[0], "inner": inner, "gain": gain, "bias": bias, "valid": valid}
        | {"one_over_width": 1 / width, "epsilon": 1e-5, "out": out, "out_stride": out.strides[1]}
        | {"private": out.strides[0] if private else 0, "wanted_only": int(wanted is not None)}
    )
    state = dict.fromkeys(STATE.kinds, 0) | {"rows": rows, "wanted": len(numbers)}
    state = STATE.fill(state | {"every_row": every, "wanted_rows": numbers})
    count = rows if wanted is None else len(wanted)
    for thread in range(threads):
        first, last = (0, count) if private else (count * n // threads for n in (thread, thread + 1))
        kernel = (library(machine, DESIGNS[form.name]), f"normalize_{form.name}")
        call(*kernel, arguments, state, thread, first, last - first)
    twin = normalize_twin(x[:, :width].astype(np.float64), gain[:width], bias[:width], 1e-5)
    twin = np.pad(twin, ((0, 0), (0, inner - width)))[numbers if wanted else every]
    return [read_rows(one[: len(twin)], form, inner) for one in out], twin


@pytest.mark.parametrize(("machine", "name"), QUICK)
@pytest.mark.parametrize("width", [1, 40, 64, 100, 768])
def test_rows_are_normalised_and_stored(machine, name, width):
    form = FORMATS[name]
    (stored,), twin = normalised(machine, form, width, rows=3)
    rounded, largest = rows_twin(twin.astype(np.float32), form), np.abs(twin).max(axis=1, keepdims=True)
    error, near = np.abs(stored - rounded), 4e-6 * largest
    step = {"float32": 0 * twin, "bfloat16": np.abs(twin) * 2**-7}.get(name, largest / 127)
    assert (error <= step + near).all()  # what lies on the edge between two roundings may fall to either side …
    assert (error <= near).mean() > 0.98  # … but that is rare
    assert not stored[:, width:].any()


def test_threads_share_rows_or_each_do_all():
    (alone,), _ = normalised(QUICK[0][0], FORMATS["bfloat16"], 70, rows=5)
    (shared,), _ = normalised(QUICK[0][0], FORMATS["bfloat16"], 70, rows=5, threads=3)
    copies, _ = normalised(QUICK[0][0], FORMATS["bfloat16"], 70, rows=5, threads=3, private=True)
    assert len(copies) == 3
    assert all((one == alone).all() for one in (shared, *copies))


def test_only_wanted_rows_are_packed_together():
    (stored,), twin = normalised(QUICK[0][0], FLOAT32, 70, rows=5, wanted=[4, 1])
    np.testing.assert_allclose(stored, twin, rtol=1e-5, atol=1e-5)


def test_slots_take_what_their_types_say():
    slots = Slots(a=PTR, b=I64, c=F32)
    numbers = np.arange(4)
    words = slots.fill({"a": numbers, "b": 7, "c": 0.5})
    assert words[:2].tolist() == [numbers.ctypes.data, 7]
    assert words[2:].view(np.float32)[0] == 0.5
    with pytest.raises(AssertionError, match="needs exactly a, b, c"):
        slots.fill({"a": 0, "b": 1})
    with pytest.raises(AssertionError, match="without gaps"):
        slots.fill({"a": numbers[::2], "b": 1, "c": 0})
    with pytest.raises(AssertionError, match="address"):
        slots.fill({"a": 4096, "b": 1, "c": 0})
