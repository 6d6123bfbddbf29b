"""Shards return what was written, and damage is found before it is read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.data.shard import HEADER, open_shard, write_shard
from glassgpt.errors import DataError

FINGERPRINT = "ab" * 32
documents = st.lists(st.lists(st.integers(0, 50_256), max_size=40), max_size=10)


@given(documents=documents, vocab_size=st.sampled_from([50_257, 100_000]))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[int]], vocab_size: int
):
    path = tmp_path_factory.mktemp("shard") / "train.bin"
    rows = [(np.array(ids, np.uint32), 3 * len(ids)) for ids in documents]
    shard = write_shard(path, rows, FINGERPRINT, vocab_size)
    assert shard.tokens.tolist() == [token for ids in documents for token in ids]
    assert shard.text_bytes == 3 * len(shard.tokens)
    assert shard.vocabulary == FINGERPRINT
    assert shard.tokens.itemsize == (2 if vocab_size < 65_536 else 4)


@pytest.fixture
def shard_bytes(tmp_path: Path) -> bytes:
    path = tmp_path / "good.bin"
    write_shard(path, [(np.arange(100, dtype=np.uint32), 300)], FINGERPRINT, 1000)
    return path.read_bytes()


@given(cut=st.integers(0, HEADER.size + 199))
def test_every_truncation_is_found(tmp_path_factory: pytest.TempPathFactory, cut: int):
    folder = tmp_path_factory.mktemp("cut")
    write_shard(folder / "a.bin", [(np.arange(100, dtype=np.uint32), 300)], FINGERPRINT, 1000)
    (folder / "b.bin").write_bytes((folder / "a.bin").read_bytes()[:cut])
    with pytest.raises(DataError):
        open_shard(folder / "b.bin")


@pytest.mark.parametrize(("offset", "what"), [(0, "not a token shard"), (8, "version"), (12, "ids"), (24, "damaged")])
def test_a_wrong_header_is_refused_by_name(tmp_path: Path, shard_bytes: bytes, offset: int, what: str):
    path = tmp_path / "bad.bin"
    path.write_bytes(shard_bytes[:offset] + b"\x09" + shard_bytes[offset + 1 :])
    with pytest.raises(DataError, match=what):
        open_shard(path)


def test_a_writer_that_fails_leaves_nothing(tmp_path: Path):
    def broken():
        yield np.arange(5, dtype=np.uint32), 5
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError):
        write_shard(tmp_path / "x.bin", broken(), FINGERPRINT, 1000)
    assert list(tmp_path.iterdir()) == []
