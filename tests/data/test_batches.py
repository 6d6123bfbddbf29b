"""`batch(step)` is a pure function; ranks read its rows and nothing else."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.data import make_batches
from glassgpt.data.batch import IGNORED
from glassgpt.data.mixture import Share, source_of
from glassgpt.errors import DataError, InvalidParameter

PACKINGS = ("concatenate", "aligned", "best_fit")
ONE = Fraction(1)
DOCUMENTS = [5, 9, 14, 3, 8, 20, 2, 7] * 12


@pytest.fixture(scope="module")
def shards(shard_of):
    """Three of different sizes."""
    return [shard_of(DOCUMENTS[cut:]) for cut in (0, 20, 50)]


@given(seed=st.integers(0, 1000), step=st.integers(0, 500), rows=st.integers(1, 8))
def test_windows_of_a_stream_have_the_next_tokens_as_targets(shards, seed, step, rows):
    read = make_batches([(shards[0], ONE)], context=16, rows=rows, seed=seed).batch(step)
    assert read.ids.shape == read.targets.shape == (rows, 16)
    assert torch.equal(read.ids + 1, read.targets)
    assert read.documents is None


@pytest.mark.parametrize("packing", PACKINGS)
@settings(max_examples=30)
@given(seed=st.integers(0, 99), step=st.integers(0, 40), isolate=st.booleans(), data=st.data())
def test_the_rows_of_all_ranks_are_the_batch(shards, packing, seed, step, isolate, data):
    weights = data.draw(st.sampled_from([[1], [1, 2], [3, 1, 1]]))
    mixture = [(shard, Fraction(weight)) for shard, weight in zip(shards, weights, strict=False)]
    made = make_batches(mixture, context=12, rows=8, seed=seed, packing=packing, isolate=isolate)
    whole = made.batch(step)
    for world in (2, 4):
        parts = [made.rows(step, 8 // world * rank, 8 // world * (rank + 1)) for rank in range(world)]
        for name in ("ids", "targets", "documents") if isolate else ("ids", "targets"):
            assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))


@given(seed=st.integers(0, 99), packing=st.sampled_from(PACKINGS), sizes=st.sampled_from([(1, 6), (2, 3), (3, 4)]))
def test_the_order_of_samples_does_not_depend_on_the_rows_of_a_batch(shards, seed, packing, sizes):
    few, many = (make_batches([(shards[0], ONE)], context=8, rows=n, seed=seed, packing=packing) for n in sizes)
    joined = torch.cat([few.batch(step).ids for step in range(sizes[1])])
    assert torch.equal(joined, torch.cat([many.batch(step).ids for step in range(sizes[0])]))


@pytest.mark.parametrize("packing", PACKINGS)
def test_no_sample_comes_twice_in_an_epoch_and_every_epoch_is_asked_for_in_any_order(shards, packing):
    made = make_batches([(shards[0], ONE)], context=16, rows=1, seed=5, packing=packing)
    stream = made.streams[0]
    counts = [stream.packing.rows(epoch) for epoch in range(3)]
    spans = [tuple(stream.spans(sample)) for sample in range(sum(counts))]
    for first, count in zip(np.cumsum([0, *counts[:-1]]), counts, strict=True):
        assert len(set(spans[first : first + count])) == count
    fresh = make_batches([(shards[0], ONE)], context=16, rows=1, seed=5, packing=packing).streams[0]
    assert [tuple(fresh.spans(sample)) for sample in reversed(range(sum(counts)))] == spans[::-1]


@given(lengths=st.lists(st.integers(1, 30), min_size=3, max_size=30), packing=st.sampled_from(PACKINGS))
def test_isolated_documents_are_numbered_and_teach_nothing_across_their_ends(shard_of, lengths, packing):
    shard = shard_of([*lengths, 40])
    owner = np.repeat(np.arange(len(lengths) + 1), [*lengths, 40])
    read = make_batches([(shard, ONE)], context=12, rows=3, seed=1, packing=packing, isolate=True).batch(0)
    for ids, targets, documents in zip(*(t.numpy() for t in (read.ids, read.targets, read.documents)), strict=True):
        assert documents[0] == 0
        assert set(np.diff(documents)) <= {0, 1}
        real = np.trim_zeros(np.where(documents == documents[-1], ids, 1), "b").size if ids[-1] == 0 else len(ids)
        for place in range(real):
            if targets[place] != IGNORED:
                assert targets[place] == ids[place] + 1
                assert owner[targets[place]] == owner[ids[place]]
            elif place + 1 < real and documents[place] == documents[place + 1]:
                raise AssertionError("a target inside a document is ignored")
        for number in range(documents.max() + 1):
            assert len(set(owner[ids[documents == number]])) == 1


@settings(max_examples=40)
@given(lengths=st.lists(st.integers(1, 9), min_size=12, max_size=30), data=st.data(), isolate=st.booleans())
def test_prompts_are_read_and_never_learned(shard_of, lengths, data, isolate):
    prompts = [data.draw(st.integers(0, length)) for length in lengths]
    shard = shard_of([40, *lengths], [5, *prompts])
    starts = np.cumsum([0, 40, *lengths[:-1]])
    hidden = {p for start, prompt in zip(starts, [5, *prompts], strict=True) for p in range(start, start + prompt)}
    for packing in PACKINGS:
        read = make_batches([(shard, ONE)], context=8, rows=4, seed=0, packing=packing, isolate=isolate).batch(0)
        learned = set(read.targets[read.targets != IGNORED].tolist())
        assert not learned & hidden
        if not isolate and packing == "concatenate":
            assert learned == set((read.ids + 1).flatten().tolist()) - hidden


@given(weights=st.lists(st.fractions(Fraction(1, 50), 10), min_size=1, max_size=5), start=st.integers(0, 10**12))
def test_a_mixture_keeps_its_proportions_in_every_stretch(weights, start):
    taken = [source_of(k, weights) for k in range(start, start + 60)]
    for source, weight in enumerate(weights):
        own = [before for who, before in taken if who == source]
        assert own == list(range(own[0], own[0] + len(own))) if own else True
        assert abs(len(own) - 60 * weight / sum(weights)) < 2 * len(weights)


@settings(max_examples=30)
@given(weights=st.lists(st.fractions(Fraction(1, 9), 9), min_size=1, max_size=4))
def test_the_samples_of_each_source_are_counted_from_its_first(weights):
    counts = [0] * len(weights)
    for k in range(80):
        source, before = source_of(k, weights)
        assert before == counts[source]
        counts[source] += 1


@pytest.mark.parametrize("text", ["a*0", "a*-1", "a*many", "a*", "a*1/0"])
def test_a_weight_must_be_a_number_above_zero(text):
    with pytest.raises(InvalidParameter):
        Share.parse(text)


def test_a_shard_cut_short_under_a_run_is_an_error_and_not_a_crash(shard_of):
    shard = shard_of(DOCUMENTS)
    made = make_batches([(shard, ONE)], context=16, rows=4, seed=0)
    made.batch(0)
    with shard.reading() as reader:
        with shard.path.open("r+b") as file:
            file.truncate(shard.start + 8)
        with pytest.raises(DataError, match="cut short"):
            reader.read(10, 20)
    with pytest.raises(DataError, match=r"train\.bin changed while in use"):
        made.batch(1)
    shard.path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        made.batch(2)


def test_an_id_outside_the_vocabulary_is_named(shard_of):
    made = make_batches([(shard_of(DOCUMENTS), ONE)], context=16, rows=4, seed=0, vocab_size=100)
    with pytest.raises(DataError, match="outside the vocabulary of 100"):
        made.batch(0)
