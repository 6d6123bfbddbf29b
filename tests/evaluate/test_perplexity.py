"""Perplexity by the word: the same surprise, divided by what the corpus counts."""

import gzip
import math

import numpy as np
import pytest

from glassgpt.evaluate import loss_of, word_perplexity
from glassgpt.evaluate.detokenize import plain, wikitext
from glassgpt.evaluate.perplexity import _spelling, read_corpus, recognise

LINES = ("", "= The fox =", "", "The quick fox 's <unk> jumps over 2 @,@ 000 dogs ( or so ) , and <unk> stays .")
CORPUS = "".join(f" {line} \n" for line in LINES)


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        (" = Homarus gammarus = \n", "= Homarus gammarus =\n"),
        (" = = Life cycle = = \n", "== Life cycle ==\n"),
        (" = = = Deeper = = = \n", "=== Deeper ===\n"),
        (" 380 @,@ 000 men , 7 @.@ 5 km ( 5 mi ) . \n", "380,000 men, 7.5 km (5 mi).\n"),
        (" quasi @-@ judicial ; the ship 's crew \n", "quasi-judicial; the ship's crew\n"),
        (' the " <unk> " , and the " cutter " , is \n', 'the "<unk>", and the "cutter", is\n'),
        (" US $ 1 @.@ 7 million , £ 6 @,@ 000 \n", "US $1.7 million, £6,000\n"),
        (" 48 – 0 ( 15 – 17 July ) at 40 % : 70 ° F \n", "48–0 (15–17 July) at 40%: 70° F\n"),
        (" America — including Britain — 30 km / h \n", "America — including Britain — 30 km/h\n"),
        (" a ' cutter ' is \n", "a 'cutter' is\n"),
        (" the boys ' hats \n", "the boys' hats\n"),
    ],
)
def test_what_was_done_to_wikitext_is_undone(stored, typed):
    assert wikitext(stored) == typed


def test_plain_text_stays_as_it_is():
    assert plain(" a , b @-@ c ") == " a , b @-@ c "


def test_the_kind_of_corpus_is_seen_in_the_text():
    assert recognise(CORPUS) == "wikitext"
    assert recognise(" aer banknote <unk> N years old will join the board does n't \n") == "ptb"
    assert recognise("It's a plain text, isn't it?") == "plain"


def test_all_surprise_is_divided_by_the_words_of_the_corpus(small, tokenizer):
    found = word_perplexity(small, tokenizer, CORPUS, stride=5)
    ids = np.array([tokenizer.end_of_text, *tokenizer.encode(wikitext(CORPUS))])
    loss = loss_of(small, ids, 1, stride=5)
    assert (found.words, found.lines, found.unknown) == (len(CORPUS.split()), 4, 2)
    assert found.loss.nats == pytest.approx(loss.nats)
    assert found.perplexity == pytest.approx(math.exp(loss.nats / (found.words + 4)))
    assert found.perplexity_of_words == pytest.approx(math.exp(loss.nats / found.words))


def test_unknown_words_are_told_apart_by_their_characters(tokenizer):
    text = "the dog <unk>, the <unk>fox"
    ids = tokenizer.encode(text)
    inside = _spelling(tokenizer, text, ids)
    spelled = [tokenizer.decode([token]) for token, inner in zip(ids, inside, strict=True) if inner]
    others = [tokenizer.decode([token]) for token, inner in zip(ids, inside, strict=True) if not inner]
    assert "".join(spelled).replace(" ", "") == "<unk><unk>"
    assert "".join(others).replace(" ", "") == "thedog,thefox"


def test_without_unknown_words_their_surprise_and_their_number_are_left_out(small, tokenizer):
    found = word_perplexity(small, tokenizer, CORPUS)
    rest, words = found.loss.nats - found.unknown_nats, found.words + found.lines - 2
    assert 0 < found.unknown_nats < found.loss.nats
    assert found.perplexity_of_known == pytest.approx(math.exp(rest / words))
    clean = word_perplexity(small, tokenizer, CORPUS.replace("<unk>", "fox"))
    assert (clean.unknown, clean.unknown_nats) == (0, 0)
    assert clean.perplexity_of_known == clean.perplexity


def test_a_corpus_is_read_line_by_line_packed_or_not(tmp_path):
    (tmp_path / "a.tokens").write_text(CORPUS)
    (tmp_path / "a.tokens.gz").write_bytes(gzip.compress(CORPUS.encode()))
    assert read_corpus(tmp_path / "a.tokens") == read_corpus(tmp_path / "a.tokens.gz") == CORPUS
    assert read_corpus(tmp_path / "a.tokens", most_lines=2) == "".join(CORPUS.splitlines(keepends=True)[:2])


def test_wikitext_2_counts_the_words_that_its_makers_count(shared_data):
    text = read_corpus(shared_data / "wikitext2" / "wiki.valid.tokens.gz")
    assert len(text.split()) + text.count("\n") == 217_646
    typed = wikitext(text)
    assert " @-@ " not in typed
    assert " ," not in typed
    assert typed.count("<unk>") == text.count("<unk>")
    assert typed.count("\n") == text.count("\n")
