"""Each filter equals transformers' processor of the same name, row by row, with settings of its own for every row."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import generation as hf

from glassgpt.sampling import Row, SamplingParams, filters, process

INF = math.inf
ROWS = 10
BATCHES = 40


def batches(name):
    """Logits of many shapes, from flat to sharp, some tokens already forbidden; and a generator for settings."""
    for number in range(BATCHES):
        generator = torch.Generator().manual_seed(1000 * sum(name.encode()) + number)
        size = (3, 7, 20, 50, 211)[number % 5]
        logits = torch.randn(ROWS, size, generator=generator) * (0.1, 1.0, 4.0, 12.0)[number % 4]
        if number % 3 == 0:
            logits[:, 1::4] = -INF
        yield logits, torch.rand(ROWS, generator=generator).clamp(0.01, 0.99), generator


def check(name, ours, theirs):
    """`ours(logits, chances, texts)` on all rows equals `theirs(chance)(text, row)` on each."""
    for logits, chances, generator in batches(name):
        lengths = torch.randint(1, 12, (ROWS,), generator=generator).tolist()
        texts = [torch.randint(logits.shape[1], (n,), generator=generator).tolist() for n in lengths]
        before = logits.clone()
        result = ours(logits, chances, texts)
        for row in range(ROWS):
            wanted = theirs(float(chances[row]))(torch.tensor([texts[row]]), logits[row : row + 1].clone())
            assert torch.equal(result[row], wanted[0]), (row, chances[row])
        assert torch.equal(logits, before), "a filter changes nothing in place"


def count(chance, most=20):
    return 1 + int(chance * most)


def ids_in(texts, logits):
    return torch.stack([torch.bincount(torch.tensor(t), minlength=logits.shape[1]) for t in texts])


# 400 rows each; with the chain below 5,200 in all
CASES = {
    "temperature": (
        lambda logits, p, texts: filters.apply_temperature(logits, p * 3),
        lambda p: hf.TemperatureLogitsWarper(float(torch.tensor(p) * 3)),
    ),
    "top-k": (
        lambda logits, p, texts: filters.keep_top_k(logits, [count(x) for x in p.tolist()]),
        lambda p: hf.TopKLogitsWarper(count(p)),
    ),
    "top-p": (lambda logits, p, texts: filters.keep_top_p(logits, p), lambda p: hf.TopPLogitsWarper(p)),
    "min-p": (lambda logits, p, texts: filters.keep_min_p(logits, p), lambda p: hf.MinPLogitsWarper(p)),
    "typical": (lambda logits, p, texts: filters.keep_typical(logits, p), lambda p: hf.TypicalLogitsWarper(p)),
    "repetition": (
        lambda logits, p, texts: filters.penalize_repetition(logits, ids_in(texts, logits) > 0, p * 2),
        lambda p: hf.RepetitionPenaltyLogitsProcessor(float(torch.tensor(p) * 2)),
    ),
    "n-grams": (
        lambda logits, p, texts: filters.forbid_repeated_ngrams(logits, texts, [count(x, 3) for x in p.tolist()]),
        lambda p: hf.NoRepeatNGramLogitsProcessor(count(p, 3)),
    ),
    "forbidden": (
        lambda logits, p, texts: filters.forbid(logits, [[count(x, 2)] for x in p.tolist()]),
        lambda p: hf.SuppressTokensLogitsProcessor([count(p, 2)]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_filter_equals_that_of_transformers(name):
    check(name, *CASES[name])


def settings_of(chances):
    a, b, c, d = chances
    return SamplingParams(
        temperature=0.3 + a,
        top_k=count(b, 30),
        top_p=0.2 + 0.79 * c,
        min_p=0.2 * d,
        typical_p=0.2 + 0.79 * b,
        repetition_penalty=0.6 + d,
        no_repeat_ngram=count(c, 3),
        min_new_tokens=5,
        max_new_tokens=9,
    )


def chain_of(p, prompt):
    return hf.LogitsProcessorList(
        [
            hf.RepetitionPenaltyLogitsProcessor(p.repetition_penalty),
            hf.NoRepeatNGramLogitsProcessor(p.no_repeat_ngram),
            hf.MinNewTokensLengthLogitsProcessor(prompt, p.min_new_tokens, [0, 2], device="cpu"),
            hf.TemperatureLogitsWarper(p.temperature),
            hf.TopKLogitsWarper(p.top_k),
            hf.TopPLogitsWarper(p.top_p),
            hf.MinPLogitsWarper(p.min_p),
            hf.TypicalLogitsWarper(p.typical_p),
        ]
    )


def test_all_filters_in_a_row_equal_those_of_transformers():
    for number in range(200):
        generator = torch.Generator().manual_seed(number)
        logits = torch.randn(ROWS, 60, generator=generator) * (1, 3, 6)[number % 3]
        chances = torch.rand(ROWS, 4, generator=generator).tolist()
        texts = torch.randint(60, (ROWS, 11), generator=generator).tolist()
        rows = [Row(settings_of(c), t, 1 + number % 9, (0, 2)) for c, t in zip(chances, texts, strict=True)]
        result = process(logits, rows)
        for place, row in enumerate(rows):
            chain = chain_of(row.params, len(row.text) - row.written)
            wanted = chain(torch.tensor([row.text]), logits[place : place + 1].clone())[0]
            assert torch.equal(result[place].isfinite(), wanted.isfinite())
            torch.testing.assert_close(result[place], wanted, rtol=1e-6, atol=1e-6)


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, -INF]), min_size=1, max_size=12), st.integers(1, 14))
def test_top_k_keeps_exactly_k_and_of_equal_ones_the_lower_ids(logits, k):
    kept = filters.keep_top_k(torch.tensor([logits, logits]), [k, 0])
    order = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    wanted = [logit if token in order[:k] else -INF for token, logit in enumerate(logits)]
    assert kept.tolist() == [wanted, logits]


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=1, max_size=12), st.floats(0.01, 0.99))
def test_top_p_keeps_the_lower_of_equal_ids_and_no_more_than_it_must(logits, p):
    kept = filters.keep_top_p(torch.tensor([logits]), torch.tensor([p]))[0].isfinite().tolist()
    order = sorted(range(len(logits)), key=lambda token: (-logits[token], token))
    chances = torch.tensor(logits).double().softmax(0).tolist()
    size = sum(kept)
    assert sorted(order[:size]) == [token for token, keep in enumerate(kept) if keep]
    assert sum(chances[token] for token in order[: size - 1]) < p + 1e-6
    assert sum(chances[token] for token in order[:size]) > p - 1e-6


def test_bias_presence_and_frequency_follow_their_formulas():
    params = SamplingParams(logit_bias={1: 2.0, 3: -INF, 99: 1.0}, presence_penalty=0.5, frequency_penalty=0.25)
    row = Row(params, [4, 4, 0, 2, 2], written=3)
    assert process(torch.zeros(1, 5), [row]).tolist() == [[-0.75, 2.0, -1.0, -INF, 0.0]]


def test_padding_ids_are_never_allowed_and_greedy_rows_ignore_what_narrows():
    rows = [Row(SamplingParams(temperature=0.0, typical_p=0.1, top_k=1, top_p=0.1), [0]), Row(SamplingParams(), [0])]
    logits = torch.tensor([[3.0, 2.0, 1.0, 9.0]]).expand(2, -1)
    assert process(logits, rows, allowed=3).tolist() == [[3.0, 2.0, 1.0, -INF]] * 2


@given(st.integers(0, 2**31), st.integers(1, 9))
def test_a_row_is_filtered_as_if_it_were_alone(seed, place):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(ROWS, 37, generator=generator) * 3
    chances = torch.rand(ROWS, 4, generator=generator).tolist()
    rows = [Row(SamplingParams() if c[0] < 0.3 else settings_of(c), [1, 2, 3, 1, 2], 2) for c in chances]
    together = process(logits, rows)
    assert torch.equal(together[place : place + 1], process(logits[place : place + 1], rows[place : place + 1]))
