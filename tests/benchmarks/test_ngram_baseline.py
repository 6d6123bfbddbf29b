"""The n-gram baseline against a dictionary implementation, against the axioms, and against a known entropy."""

import gzip
import json
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import glassgpt.tokens
from benchmarks import ngram_baseline as ngram

VOCABULARY, END = 6, 5


smoothings = pytest.mark.parametrize("smoothing", ["kneser-ney", "witten-bell"])
corpora = st.lists(st.lists(st.integers(0, VOCABULARY - 1), max_size=40), min_size=1, max_size=4)


# Long enough for the estimated discounts of some orders, and for the customary ones of others.
LONG = [[int(5 * u**3) for u in np.random.default_rng(2).random(700)]]


def learn(documents, order, smoothing, vocabulary=VOCABULARY):
    stream = ngram.lay_out([np.array(document, int) for document in documents], vocabulary - 1, order)
    return ngram.smooth(ngram.count(stream, order, vocabulary), smoothing, vocabulary)


def score(model, documents):
    order = len(model.orders)
    stream = ngram.lay_out([np.array(document, int) for document in documents], model.vocabulary - 1, order)
    return ngram.probabilities(model, stream)


class Plain:
    """The same models with dictionaries of tuples, one n-gram at a time."""

    def __init__(self, documents, order, smoothing):
        self.order, self.smoothing = order, smoothing
        seen = [Counter() for _ in range(order + 1)]
        for document in documents:
            for context, token in windows(document, order):
                for n in range(1, order + 1):
                    seen[n][(*context[len(context) - n + 1 :], token)] += 1
        self.counts = list(seen)
        if smoothing == "kneser-ney":
            for n in range(1, order):
                self.counts[n] = Counter(gram[1:] for gram in seen[n + 1])
        self.followers = defaultdict(dict)
        for grams in self.counts[1:]:
            for gram, number in grams.items():
                self.followers[gram[:-1]][gram[-1]] = number

    def discount(self, n, number):
        met = Counter(self.counts[n].values())
        customary = {0: 0, 1: 0.5, 2: 1, 3: 1.5}
        if all(met[c] for c in (1, 2, 3, 4)):
            y = met[1] / (met[1] + 2 * met[2])
            estimate = {0: 0, **{c: c - (c + 1) * y * met[c + 1] / met[c] for c in (1, 2, 3)}}
            return (estimate if min(estimate.values()) >= 0 else customary)[min(number, 3)]
        return customary[min(number, 3)]

    def probability(self, context, token):
        below = self.probability(context[1:], token) if context else 1 / VOCABULARY
        after = self.followers.get(context)
        if not after:
            return below
        total, number, n = sum(after.values()), after.get(token, 0), len(context) + 1
        if self.smoothing == "witten-bell":
            return (number + len(after) * below) / (total + len(after))
        freed = sum(self.discount(n, each) for each in after.values())
        return (number - self.discount(n, number) + freed * below) / total


def windows(document, order):
    """Each token that is predicted, after the order - 1 before it."""
    padded = [END] * (order - 1) + list(document) + [END]
    for at in range(order - 1, len(padded)):
        yield tuple(padded[at - order + 1 : at]), padded[at]


@smoothings
@given(train=corpora, valid=corpora, order=st.integers(1, 5))
@example(train=LONG, valid=LONG, order=4)
@settings(max_examples=60)
def test_sorted_arrays_equal_dictionaries(smoothing, train, valid, order):
    plain = Plain(train, order, smoothing)
    expected = [plain.probability(*window) for document in valid for window in windows(document, order)]
    np.testing.assert_allclose(score(learn(train, order, smoothing), valid), expected, rtol=1e-12)


@smoothings
@given(train=corpora, context=st.lists(st.integers(0, VOCABULARY - 1), max_size=6), order=st.integers(1, 5))
@settings(max_examples=60)
def test_probabilities_after_any_context_sum_to_one(smoothing, train, context, order):
    model = learn(train, order, smoothing)
    last = [score(model, [[*context, token]])[len(context)] for token in range(VOCABULARY)]
    assert min(last) >= 0
    assert sum(last) == pytest.approx(1, abs=1e-12)


@smoothings
def test_probabilities_of_a_large_vocabulary_sum_to_one(smoothing):
    vocabulary, random = 50_257, np.random.default_rng(3)
    text = (random.pareto(1.0, 20_000) * 10).astype(int) % vocabulary
    model = learn([text], 5, smoothing, vocabulary)
    for context in (text[100:104], np.array([*text[:2], 50_000, text[9]]), np.full(4, 50_001)):
        stream = ngram.Stream(np.tile(np.append(context, 0), vocabulary), np.tile([False] * 4 + [True], vocabulary))
        stream.tokens[4::5] = np.arange(vocabulary)
        assert ngram.probabilities(model, stream).sum() == pytest.approx(1, abs=1e-9)


@smoothings
def test_a_markov_source_costs_its_entropy(smoothing):
    random, size = np.random.default_rng(0), 8
    following = random.dirichlet(np.full(size, 0.5), size)
    text = [0]
    for uniform in random.random(60_000):
        text.append(min(int(following[text[-1]].cumsum().searchsorted(uniform)), size - 1))
    learned, held = text[:50_000], text[50_000:]
    true_bits = -np.log2(following[held[:-1], held[1:]]).mean()
    by_order = [
        -np.log2(score(learn([learned], order, smoothing, size + 1), [held])[1:-1]).mean() for order in (1, 2, 3)
    ]
    assert by_order[1] == pytest.approx(true_bits, abs=0.01)
    assert by_order[2] == pytest.approx(true_bits, abs=0.02)
    assert by_order[0] > true_bits + 0.1


@given(documents=corpora, limit=st.integers(0, 100))
@settings(max_examples=40)
def test_learning_from_fewer_tokens_keeps_to_the_limit_and_still_sums_to_one(documents, limit):
    stream = ngram.keep(ngram.lay_out([np.array(document, int) for document in documents], END, 3), limit)
    model = ngram.smooth(ngram.count(stream, 3, VOCABULARY), "kneser-ney", VOCABULARY)
    assert stream.predicted.sum() <= limit
    assert sum(score(model, [[1, 2, token]])[2] for token in range(VOCABULARY)) == pytest.approx(1)


def test_the_discounts_are_those_of_chen_and_goodman():
    counts = np.repeat([1, 2, 3, 4, 5, 900], [100, 40, 20, 12, 7, 1])  # y = 100 / 180 = 5 / 9
    expected = [0, 1 - 2 * 5 / 9 * 0.4, 2 - 3 * 5 / 9 * 0.5, 3 - 4 * 5 / 9 * 0.6]
    np.testing.assert_allclose(ngram.discounts(counts), expected)
    np.testing.assert_allclose(ngram.discounts(np.array([0, 1, 1, 9])), [0, 0.5, 1, 1.5])


def test_the_command_reports_bits_per_byte(tmp_path, capsys):
    for name, texts in (("train", ["a cat sat on a mat. " * 20] * 3), ("valid", ["a cat sat. é"])):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    train, valid = tmp_path / "train.jsonl.gz", tmp_path / "valid.jsonl.gz"
    glassgpt.tokens.learn(["a cat sat on a mat. "], vocab_size=260).save(tmp_path / "tokenizer")
    arguments = {"--tokenizer": tmp_path / "tokenizer", "--train": f"{train}*2", "--valid": valid, "--order": 2}
    ngram.main([*(str(part) for pair in arguments.items() for part in pair), "--json"])
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["order"] for record in records] == [1, 2]
    assert records[0]["bytes"] == len("a cat sat. é".encode())
    assert records[1]["bits_per_byte"] * 13 == pytest.approx(records[1]["bits_per_token"] * records[1]["tokens"])
    assert records[1]["bits_per_byte"] < records[0]["bits_per_byte"]
