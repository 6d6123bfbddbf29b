"""Packed weights on disk: the same back, or nothing."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.kernels import FORMATS, read_facts, read_packed, replace_fact, write_packed
from tests.kernels.small_models import packed, shape

FACTS = {"who": "a" * 64, "what": "tests"}


def arrays(thing):
    """Every array in it, in order."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, tuple):
        for part in thing:
            yield from arrays(part)
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from arrays(getattr(thing, field.name))


@pytest.mark.parametrize("name", FORMATS)
def test_weights_come_back_bit_for_bit(name, tmp_path):
    weights, path = packed(shape(), name), tmp_path / "a.packed"
    write_packed(path, weights, FACTS)
    found = read_packed(path)
    assert found.shape == weights.shape
    for ours, theirs in zip(arrays(weights), arrays(found), strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert np.array_equal(ours, theirs)
    assert found.head.packed.format is FORMATS[name]
    assert FACTS.items() <= read_facts(path).items()
    assert [path.name for path in tmp_path.iterdir()] == ["a.packed"]


def test_matrices_begin_on_cache_lines_and_tables_stay_in_the_file(tmp_path):
    write_packed(tmp_path / "a", packed(shape(), "int4", tied=False), FACTS)
    found = read_packed(tmp_path / "a")
    for block in found.blocks:
        for part in (block.c_attn, block.mlp_proj):
            assert part.packed.data.ctypes.data % 64 == part.bias.ctypes.data % 64 == 0
    assert not found.words.flags.writeable
    assert isinstance(found.words.base, np.memmap)


def test_a_tied_embedding_is_stored_once(tmp_path):
    sizes = {}
    for tied in (True, False):
        write_packed(tmp_path / "a", packed(shape(), "int8", tied=tied), FACTS)
        assert (read_packed(tmp_path / "a").words is None) == tied
        sizes[tied] = (tmp_path / "a").stat().st_size
    assert sizes[False] - sizes[True] >= 4 * shape().vocabulary * shape().width


def test_other_programs_read_the_file_too(tmp_path):
    from safetensors.numpy import load_file

    weights = packed(shape(), "int8")
    write_packed(tmp_path / "a", weights, FACTS)
    assert np.array_equal(load_file(tmp_path / "a")["head.data"], weights.head.packed.data)


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_never_taken_for_a_good_one(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("damage") / "a"
    weights = packed(shape(), "int8")
    write_packed(path, weights, FACTS)
    whole = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(whole[:8], "little")
    kind = data.draw(st.sampled_from(["flip", "cut", "longer", "zeros"]))
    place = data.draw(st.integers(start, len(whole) - 9))
    if kind == "flip":
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "zeros":
        whole[place : place + 8] = bytes(8) if any(whole[place : place + 8]) else b"\1" * 8
    path.write_bytes({"cut": whole[:place], "longer": whole + b"\0"}.get(kind, whole))
    assert read_packed(path) is None


@given(st.binary(max_size=300))
def test_what_is_no_such_file_is_nothing(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("other") / "a"
    assert read_packed(path) is read_facts(path) is None
    path.write_bytes(content)
    assert read_packed(path) is None
    path.write_bytes(len(content).to_bytes(8, "little") + content)
    assert read_packed(path) is None


def test_a_fact_can_be_replaced_by_one_of_its_length(tmp_path):
    path = tmp_path / "a"
    write_packed(path, packed(shape(), "float32"), FACTS)
    replace_fact(path, "a" * 64, "b" * 64)
    assert read_facts(path)["who"] == "b" * 64
    replace_fact(path, "b" * 64, "longer" * 64)
    assert read_facts(path)["who"] == "b" * 64
    assert read_packed(path) is not None


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glassgpt.kernels.packed_file._checksum", full)
    with pytest.raises(OSError, match="No space"):
        write_packed(tmp_path / "a", packed(shape(), "int8"), FACTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change", [{"vocabulary": 129}, {"positions": 151}, {"width": 104}, {"heads": 2}, {"layers": 1}, {"mlp": 130}]
)
def test_arrays_that_are_not_of_the_shape_are_refused(tmp_path, change):
    from dataclasses import replace

    weights = packed(shape(), "int4")
    write_packed(tmp_path / "a", replace(weights, shape=replace(weights.shape, **change)), FACTS)
    assert read_packed(tmp_path / "a") is None
