"""Our reader and writer against the format's own library, and against forged headers."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from glassgpt.checkpoints import safetensors_file
from glassgpt.checkpoints.safetensors_file import (
    DTYPES,
    MAX_HEADER_BYTES,
    index_safetensors,
    read_metadata,
    read_tensors,
    write_tensors,
)
from glassgpt.errors import CheckpointError

SHAPES = st.lists(st.integers(0, 4), max_size=4)
TENSORS = st.dictionaries(
    st.text(min_size=1, max_size=8), st.tuples(st.sampled_from([kind.torch for kind in DTYPES.values()]), SHAPES)
)


def random_tensor(dtype, shape):
    raw = torch.randint(0, 2 if dtype is torch.bool else 256, (*shape, dtype.itemsize), dtype=torch.uint8)
    return raw.reshape(-1).view(dtype).reshape(shape)


def same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and raw(one) == raw(other)


def raw(tensor):
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())


def forge(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(begin=0, end=4, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@settings(max_examples=25)
@given(spec=TENSORS)
def test_the_library_reads_what_we_write(tmp_path_factory, spec):
    path = tmp_path_factory.mktemp("ours") / "f.safetensors"
    tensors = {name: random_tensor(dtype, shape) for name, (dtype, shape) in spec.items()}
    write_tensors(path, tensors)
    read = load_file(path)
    assert read.keys() == tensors.keys()
    assert all(same(read[name], tensor) for name, tensor in tensors.items())


@settings(max_examples=25)
@given(spec=TENSORS)
def test_we_read_what_the_library_writes(tmp_path_factory, spec):
    path = tmp_path_factory.mktemp("theirs") / "f.safetensors"
    tensors = {name: random_tensor(dtype, shape) for name, (dtype, shape) in spec.items()}
    save_file(tensors, path)
    read = read_tensors(path)
    assert read.keys() == tensors.keys()
    assert all(same(read[name], tensor) for name, tensor in tensors.items())


def test_transposed_views_are_written_in_row_order(tmp_path):
    matrix = torch.arange(6.0).reshape(2, 3)
    write_tensors(tmp_path / "f", {"m": matrix.T})
    assert torch.equal(load_file(tmp_path / "f")["m"], matrix.T)


def test_a_dtype_converts_floating_point_numbers_only(tmp_path):
    write_tensors(tmp_path / "f", {"w": torch.ones(2), "i": torch.ones(2, dtype=torch.int64)}, dtype=torch.bfloat16)
    read = read_tensors(tmp_path / "f")
    assert (read["w"].dtype, read["i"].dtype) == (torch.bfloat16, torch.int64)


def test_metadata_travels(tmp_path):
    write_tensors(tmp_path / "f", {}, metadata={"licence": "MIT"})
    assert read_metadata(tmp_path / "f") == {"format": "pt", "licence": "MIT"}


def test_what_was_read_is_free_of_the_file(tmp_path):
    write_tensors(tmp_path / "f", {"w": torch.ones(1000)})
    read = read_tensors(tmp_path / "f")["w"]
    (tmp_path / "f").write_bytes(b"")  # a memory map would now be a bus error
    assert read.sum() == 1000
    read.zero_()


def test_a_file_replaced_while_it_is_read_is_noticed(tmp_path):
    write_tensors(tmp_path / "f", {"w": torch.ones(10)})
    stored = index_safetensors(tmp_path / "f")["w"]
    write_tensors(tmp_path / "g", {"w": torch.zeros(10)})
    (tmp_path / "g").replace(tmp_path / "f")
    with pytest.raises(CheckpointError, match="changed by someone else"):
        stored.read()


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        ({"a": entry(), "b": entry()}, bytes(4), "overlaps"),
        ({"a": entry(4, 8)}, bytes(8), "gap"),
        ({"a": entry()}, bytes(5), "belong to no tensor"),
        ({"a": entry(0, 8)}, bytes(8), "does not fit"),
        ({"a": entry()}, bytes(3), "cut off"),
        ({"a": entry(shape=[2**40, 2**40])}, bytes(4), "does not fit"),
        ({"a": entry(shape=[1] * 9)}, bytes(4), "malformed"),
        ({"a": entry(shape=[-1])}, bytes(4), "malformed"),
        ({"a": entry(shape=[True])}, bytes(4), "malformed"),
        ({"a": entry(shape=[1.0])}, bytes(4), "malformed"),
        ({"a": entry(4, 0)}, bytes(4), "does not fit"),
        ({"a": entry(dtype="F8_E4M3", end=1)}, bytes(1), "number type 'F8_E4M3'"),
        ({"a": entry(dtype=["F32"])}, bytes(4), "number type"),
        ({"a": {**entry(), "more": 1}}, bytes(4), "malformed"),
        ({"a": 3}, b"", "malformed"),
        (b'{"a": 1, "a": 2}', b"", "duplicate"),
        (b"[]", b"", "object"),
        (b"{", b"", "not valid JSON"),
    ],
)
def test_a_forged_header_is_refused(tmp_path, header, data, reason):
    with pytest.raises(CheckpointError, match=reason):
        index_safetensors(forge(tmp_path / "f", header, data))


def test_a_header_that_claims_to_be_huge_is_not_read(tmp_path):
    for length in (100, MAX_HEADER_BYTES + 1, 2**63, 2**64 - 1):
        (tmp_path / "f").write_bytes(length.to_bytes(8, "little") + b"{}")
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            index_safetensors(tmp_path / "f")


def test_files_too_short_to_be_anything_are_refused(tmp_path):
    for length in range(8):
        (tmp_path / "f").write_bytes(bytes(length))
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            index_safetensors(tmp_path / "f")


def test_more_tensors_than_any_model_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors_file, "MAX_TENSORS", 2)
    header = {name: entry(0, 0, [0]) for name in "abc"}
    with pytest.raises(CheckpointError, match="lists 3 tensors"):
        index_safetensors(forge(tmp_path / "f", header))


def test_metadata_must_be_texts(tmp_path):
    with pytest.raises(CheckpointError, match="texts only"):
        read_metadata(forge(tmp_path / "f", {"__metadata__": {"a": 1}}))


def test_a_number_type_without_a_name_is_not_written(tmp_path):
    with pytest.raises(CheckpointError, match="complex64"):
        write_tensors(tmp_path / "f", {"z": torch.zeros(1, dtype=torch.complex64)})
