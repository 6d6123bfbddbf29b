"""TensorFlow's files without TensorFlow, against a checkpoint that TensorFlow itself wrote."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.checkpoints import tensor_table
from glassgpt.checkpoints.crc32c import crc32c, masked
from glassgpt.checkpoints.protobuf import (
    fixed32_field,
    message_field,
    number_field,
    read_message,
    read_varint,
    write_varint,
)
from glassgpt.checkpoints.tensor_bundle import DTYPES, index_bundle, write_bundle
from glassgpt.checkpoints.tensor_table import read_table, write_table
from glassgpt.errors import CheckpointError

INDEX, DATA = "model.ckpt.index", "model.ckpt.data-00000-of-00001"
HEADER = number_field(1, 1) + message_field(3, number_field(1, 1))


@pytest.fixture
def original(shared_fixtures):
    return shared_fixtures / "tensorflow_bundle"


@pytest.fixture
def bundle(tmp_path):
    """A small checkpoint of our own, and its index as a dictionary."""
    write_bundle(tmp_path / "model.ckpt", {"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4)})
    return tmp_path


def rewrite(folder, **changes):
    """Replace entries of the index, with correct checksums."""
    entries = read_table((folder / INDEX).read_bytes())
    (folder / INDEX).write_bytes(write_table(entries | {key.encode(): value for key, value in changes.items()}))
    return folder / "model.ckpt"


def entry(number=1, shape=(4,), shard=0, offset=24, size=16, more=b""):
    dimensions = b"".join(message_field(2, number_field(1, length)) for length in shape)
    fields = message_field(2, dimensions) + number_field(3, shard) + number_field(4, offset) + number_field(5, size)
    return number_field(1, number) + fields + fixed32_field(6, masked(crc32c(bytes(16)))) + more


def test_every_array_that_tensorflow_wrote_is_read_bit_for_bit(original):
    found = index_bundle(original / "model.ckpt")
    with np.load(original / "ref.npz") as expected:
        assert {name.replace("|", "/") for name in expected.files} == found.keys()
        for name in expected.files:
            read = found[name.replace("|", "/")].read().numpy()
            assert read.dtype == expected[name].dtype
            assert np.array_equal(read, expected[name])


def test_our_files_are_those_of_tensorflow_byte_for_byte(original, tmp_path):
    tensors = {name: stored.read() for name, stored in index_bundle(original / "model.ckpt").items()}
    write_bundle(tmp_path / "model.ckpt", dict(reversed(tensors.items())))
    for name in (INDEX, DATA):
        assert (tmp_path / name).read_bytes() == (original / name).read_bytes()


@settings(max_examples=25)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=40),
        st.tuples(st.sampled_from([kind.torch for kind in DTYPES.values()]), st.lists(st.integers(0, 3), max_size=4)),
        max_size=40,
    )
)
def test_what_is_written_is_read(tmp_path_factory, spec):
    prefix = tmp_path_factory.mktemp("bundle") / "x"
    tensors = {name: torch.randint(0, 100, shape).to(dtype) for name, (dtype, shape) in spec.items()}
    write_bundle(prefix, tensors)
    found = index_bundle(prefix)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        read = found[name].read()
        assert read.dtype == tensor.dtype
        assert torch.equal(read, tensor)


@given(st.dictionaries(st.binary(min_size=1, max_size=20), st.binary(max_size=20), min_size=1, max_size=50))
def test_a_table_holds_what_was_put_in(entries):
    assert read_table(write_table(entries)) == entries


@given(st.integers(0, 2**63))
def test_numbers_survive_their_encoding(value):
    assert read_varint(write_varint(value), 0) == (value, len(write_varint(value)))


def test_a_message_holds_what_was_put_in():
    message = number_field(1, 300) + message_field(2, b"abc") + fixed32_field(6, 7) + b"\x39" + bytes(7) + b"\x01"
    assert read_message(message) == {1: 300, 2: b"abc", 6: 7, 7: 1 << 56}


@pytest.mark.parametrize("raw", [b"\x80", b"\xff" * 11, b"\x0a\x05ab", b"\x0b", b"\x0c", b"\x35\x00"])
def test_malformed_messages_are_refused(raw):
    with pytest.raises(CheckpointError, match="TensorFlow's index"):
        read_message(raw)


def test_a_flipped_bit_in_the_data_is_found_when_the_tensor_is_read(bundle):
    data = bytearray((bundle / DATA).read_bytes())
    data[30] ^= 4
    (bundle / DATA).write_bytes(data)
    found = index_bundle(bundle / "model.ckpt")
    found["a"].read()
    with pytest.raises(CheckpointError, match="checksum"):
        found["b"].read()


def test_every_flipped_bit_in_the_index_is_found_or_changes_nothing(bundle):
    index = (bundle / INDEX).read_bytes()
    before = index_bundle(bundle / "model.ckpt")
    for position in range(8 * len(index)):
        changed = bytearray(index)
        changed[position // 8] ^= 1 << position % 8
        try:
            after = read_table(bytes(changed))
        except CheckpointError:
            continue
        assert after == read_table(index)
    assert before.keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"": number_field(1, 1) + number_field(2, 1)}, "big-endian"),
        ({"": HEADER[:2] + message_field(3, number_field(2, 9))}, "newer version"),
        ({"": number_field(1, 0)}, "claims 0 data files"),
        ({"": number_field(1, 10**6)}, "claims 1,000,000 data files"),
        ({"": number_field(1, 2)}, r"Cannot read .*data-00000-of-00002"),
        ({"b": entry(more=message_field(7, b""))}, "slices"),
        ({"b": entry(number=7)}, "number type 7"),
        ({"b": entry(number=0)}, "number type"),
        ({"b": entry(shard=1)}, "data file 1 of 1"),
        ({"b": entry(size=15)}, "does not fit"),
        ({"b": entry(shape=(5,), size=20)}, "cut off"),
        ({"b": entry(offset=2**62)}, "cut off"),
        ({"b": entry(shape=(2**40, 2**40))}, "does not fit"),
        ({"b": entry(shape=(2**63,))}, "impossible"),
        ({"b": entry(shape=(1,) * 9)}, "malformed"),
        ({"b": entry(offset=8)}, "overlaps"),
        ({"c": entry()}, "overlaps"),
        ({"b": number_field(1, 1) + number_field(2, 5)}, "should be a message"),
        ({"b": message_field(1, b"x")}, "should be a number"),
        ({"k" * 1001: b""}, "malformed"),
    ],
)
def test_what_cannot_be_read_faithfully_is_refused(bundle, changes, reason):
    with pytest.raises(CheckpointError, match=reason):
        index_bundle(rewrite(bundle, **changes))


def test_a_compressed_block_is_refused(bundle):
    block = tensor_table._pack([(b"", HEADER)]) + b"\1"  # 1 stands for Snappy
    sealed = block + masked(crc32c(block)).to_bytes(4, "little")
    (bundle / INDEX).write_bytes(around(sealed, [(0, len(block) - 1)]))
    with pytest.raises(CheckpointError, match="compressed"):
        index_bundle(bundle / "model.ckpt")


@pytest.mark.parametrize("keep", [0, 1, 47, 48, 100])
def test_an_index_cut_off_anywhere_is_refused(bundle, keep):
    index = (bundle / INDEX).read_bytes()
    for cut in (index[:keep], index[-keep:] if keep else b""):
        (bundle / INDEX).write_bytes(cut)
        with pytest.raises(CheckpointError, match="TensorFlow"):
            index_bundle(bundle / "model.ckpt")


def test_keys_out_of_order_and_blocks_used_twice_are_refused():
    data = tensor_table._seal(tensor_table._pack([(b"b", b""), (b"a", b"")]))
    with pytest.raises(CheckpointError, match="not in order"):
        read_table(around(data, [(0, len(data) - 5)]))
    data = tensor_table._seal(tensor_table._pack([(b"a", b"")]))
    with pytest.raises(CheckpointError, match="overlap"):
        read_table(around(data, [(0, len(data) - 5)] * 2))


def around(data, handles):
    """A whole table around one data block, with an index that names it as told."""
    rows = [(b"k%d" % i, write_varint(offset) + write_varint(size)) for i, (offset, size) in enumerate(handles)]
    index = tensor_table._seal(tensor_table._pack(rows))
    footer = b"".join(map(write_varint, (0, 0, len(data), len(index) - 5))).ljust(40, b"\0")
    return data + index + footer + tensor_table.MAGIC.to_bytes(8, "little")


def test_a_missing_data_file_is_named(bundle):
    (bundle / DATA).unlink()
    with pytest.raises(CheckpointError, match="data-00000-of-00001"):
        index_bundle(bundle / "model.ckpt")
