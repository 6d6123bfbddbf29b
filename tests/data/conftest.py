"""Shards of numbered documents."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import strategies as st

FINGERPRINT = "ab" * 32

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=60)
"""How long the documents of a shard are."""


@pytest.fixture(scope="session")
def shard_of(tmp_path_factory) -> Callable:
    """A shard whose token at place p is p, cut into documents of these lengths, some of each a prompt."""
    from glassgpt.data import ShardWriter, open_shard

    def make(lengths: Sequence[int], prompts: Sequence[int] = ()):
        path = tmp_path_factory.mktemp("shard") / "train.bin"
        writer = ShardWriter(path, FINGERPRINT, 100_000)
        starts = np.cumsum([0, *lengths])
        for number, length in enumerate(lengths):
            prompt = prompts[number] if prompts else 0
            writer.add(np.arange(starts[number], starts[number] + length, dtype=np.uint32), 3 * length, prompt)
        writer.close()
        return open_shard(path)

    return make
