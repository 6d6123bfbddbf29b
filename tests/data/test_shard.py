"""Shards return what was written, and damage is found before it is read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data import ShardWriter, open_shard, write_shard
from glassgpt.data.shard import COMMON, HEADER, MAGIC
from glassgpt.errors import DataError
from tests.data.conftest import FINGERPRINT

ids = st.lists(st.integers(0, 50_256), max_size=40)
documents = st.lists(ids.flatmap(lambda one: st.tuples(st.just(one), st.integers(0, len(one)))), max_size=10)


def write(path: Path, documents: list[tuple[list[int], int]], vocab_size: int = 50_257):
    writer = ShardWriter(path, FINGERPRINT, vocab_size)
    for one, prompt in documents:
        writer.add(np.array(one, np.uint32), 3 * len(one), prompt)
    writer.close()
    return open_shard(path)


@given(documents=documents, vocab_size=st.sampled_from([50_257, 100_000]))
def test_what_was_written_is_read(tmp_path_factory, documents, vocab_size):
    shard = write(tmp_path_factory.mktemp("shard") / "train.bin", documents, vocab_size)
    whole = [token for one, _ in documents for token in one]
    assert shard.tokens.tolist() == whole
    assert (shard.text_bytes, shard.vocabulary) == (3 * len(whole), FINGERPRINT)
    assert shard.tokens.itemsize == (2 if vocab_size < 65_536 else 4)
    with shard.reading() as reader:
        assert reader.read(0, len(whole)).tolist() == whole
    kept = [(one, prompt) for one, prompt in documents if one]
    starts = np.cumsum([0, *(len(one) for one, _ in kept)])[:-1]
    assert shard.starts.tolist() == starts.tolist()
    assert shard.answers.tolist() == [start + prompt for start, (_, prompt) in zip(starts, kept, strict=True)]


@given(tokens=st.lists(st.integers(0, 50_256), max_size=40))
def test_a_shard_of_the_first_version_still_opens(tmp_path_factory, tokens):
    path = tmp_path_factory.mktemp("shard") / "old.bin"
    header = COMMON.pack(MAGIC, 1, 2, 77, len(tokens), bytes.fromhex(FINGERPRINT))
    path.write_bytes(header + np.array(tokens, "<u2").tobytes())
    shard = open_shard(path)
    assert (shard.tokens.tolist(), shard.text_bytes, shard.documents) == (tokens, 77, 0)


EXAMPLE = [([7, 8, 9], 1), ([4] * 30, 0), (list(range(60)), 20)]


@given(cut=st.integers(0, HEADER.size + 2 * 93 + 6 + 6 * 8 - 1))
def test_every_truncation_is_found(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("cut")
    write(folder / "a.bin", EXAMPLE)
    whole = (folder / "a.bin").read_bytes()
    assert len(whole) == cut or cut < len(whole)
    (folder / "b.bin").write_bytes(whole[:cut])
    with pytest.raises(DataError):
        open_shard(folder / "b.bin")


@given(place=st.integers(0, HEADER.size + 2 * 93 + 6 + 6 * 8 - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_an_id_and_never_crashes(tmp_path_factory, place, bit):
    folder = tmp_path_factory.mktemp("flip")
    before = write(folder / "a.bin", EXAMPLE)
    damaged = bytearray((folder / "a.bin").read_bytes())
    damaged[place] ^= 1 << bit
    (folder / "b.bin").write_bytes(damaged)
    try:
        shard = open_shard(folder / "b.bin")
        starts, answers = shard.starts, shard.answers
    except DataError:
        return
    assert np.all(np.diff(starts) > 0)
    assert np.all(answers >= starts)
    assert shard.tokens.shape == before.tokens.shape


@pytest.mark.parametrize(("offset", "what"), [(0, "not a token shard"), (8, "version"), (12, "ids"), (24, "damaged")])
def test_a_wrong_header_is_refused_by_name(tmp_path, offset, what):
    write(tmp_path / "good.bin", EXAMPLE)
    damaged = bytearray((tmp_path / "good.bin").read_bytes())
    damaged[offset] = 9
    (tmp_path / "bad.bin").write_bytes(damaged)
    with pytest.raises(DataError, match=what):
        open_shard(tmp_path / "bad.bin")


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    def broken():
        yield np.arange(5, dtype=np.uint32), 5
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        write_shard(tmp_path / "x.bin", broken(), FINGERPRINT, 1000)
    assert list(tmp_path.iterdir()) == []
