import json
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter, TokenizerError
from glassgpt.tokens import END_OF_TEXT, Tokenizer, learn
from glassgpt.tokens.byte_alphabet import spell
from glassgpt.tokens.pairs import Pairs
from glassgpt.tokens.split import split
from tests.tokens.texts import TEXTS

CORPORA = st.lists(st.one_of(st.text("ab ", max_size=80), TEXTS), min_size=1, max_size=4)


def by_the_rule(texts, wanted):
    """Count all pairs anew for every merge: slow, and nothing but the definition."""
    words = Counter(piece.encode() for text in texts for part in text.split(END_OF_TEXT) for piece in split(part))
    rows = [([piece[i : i + 1] for i in range(len(piece))], times) for piece, times in words.items()]
    merges = []
    while len({left + right for left, right in merges}) < wanted:
        counts = Counter()
        for word, times in rows:
            for pair in pairwise(word):
                counts[pair] += times
        if not counts:
            break
        best = max(counts, key=lambda pair: (counts[pair], pair))
        merges.append(best)
        for word, _ in rows:
            place = 0
            while place < len(word) - 1:
                if (word[place], word[place + 1]) == best:
                    word[place : place + 2] = [best[0] + best[1]]
                place += 1
    return merges


def test_the_reference_merges_are_learnt_exactly(shared_data):
    folder = shared_data / "bpe_training"
    tokenizer = learn([(folder / "corpus.en").read_text(encoding="utf-8")], 500)
    reference = (folder / "train-bpe-reference-merges.txt").read_text(encoding="utf-8").splitlines()
    assert [f"{spell(left)} {spell(right)}" for left, right in tokenizer.merges] == reference


def test_the_reference_vocabulary_is_ours_with_the_special_token_first_instead_of_last(shared_data):
    folder = shared_data / "bpe_training"
    tokenizer = learn([(folder / "corpus.en").read_text(encoding="utf-8")], 500)
    reference = json.loads((folder / "train-bpe-reference-vocab.json").read_text(encoding="utf-8"))
    assert reference.pop(END_OF_TEXT) == 0
    assert {spell(token): position + 1 for token, position in tokenizer.vocabulary.ids.items()} == reference
    assert tokenizer.end_of_text == 499


@given(CORPORA, st.integers(0, 40))
def test_learning_follows_the_rule(texts, wanted):
    assert list(learn(texts, 257 + wanted).merges) == by_the_rule(texts, wanted)


@settings(max_examples=50)
@given(CORPORA, st.integers(0, 60))
def test_what_is_learnt_encodes_and_decodes_its_corpus(texts, wanted):
    tokenizer = learn(texts, 257 + wanted)
    assert [tokenizer.decode(tokenizer.encode(text)) for text in texts] == texts
    assert tokenizer.vocab_size <= 257 + wanted


def test_documents_do_not_depend_on_how_they_are_given():
    together = learn([f"low lower{END_OF_TEXT}lowest"], 270)
    assert learn(iter(["low lower", "lowest"]), 270).merges == together.merges
    assert b"<|" not in together.vocabulary.ids


def test_a_poor_corpus_gives_a_smaller_vocabulary_and_the_log_says_so(caplog):
    assert learn(["aaaa"], 1000).vocab_size == 259
    assert "only 2 of the 743 tokens" in caplog.text


def test_a_long_piece_is_learnt_without_rescanning_it(monkeypatch):
    """Each join may note two new neighbours; a scan for each of the thousand merges would note millions."""
    noted = Counter()
    add = Pairs._add

    def counting(pairs, pair, place):
        noted["places"] += 1
        add(pairs, pair, place)

    monkeypatch.setattr(Pairs, "_add", counting)
    letters = "".join(random.Random(5).choices("abcdefgh", k=20_000))
    learn([letters], 257 + 1_000)
    assert noted["places"] <= 3 * len(letters)


def test_progress_is_told_for_each_document_and_each_token():
    told = []
    learn(["low", "lower"], 259, on_progress=lambda what, done, goal: told.append((what, done, goal)))
    assert told == [("characters", 3, 0), ("characters", 8, 0), ("tokens", 1, 2), ("tokens", 2, 2)]


def test_memory_is_bounded_by_forgetting_the_rarest_pieces(caplog):
    rare = " ".join(f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(400))
    tokenizer = learn(["low low low " * 50, rare], 260, max_pieces=100)
    assert [left + right for left, right in tokenizer.merges] == [b"ow", b"low", b" low"]
    assert "forgot the rarest" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["x"], 256), "need 257"),
        (("one text", 300), r"such as \[text\]"),
        ((["x"], 300, {"specials": ("",)}), "specials"),
        ((["x"], 300, {"specials": ("<a>", "<a>")}), "specials"),
        ((["x"], 300, {"max_pieces": 0}), "max_pieces"),
    ],
)
def test_settings_without_sense_are_refused(arguments, message):
    texts, size, *rest = arguments
    with pytest.raises(InvalidParameter, match=message):
        learn(texts, size, **(rest[0] if rest else {}))


def test_half_a_surrogate_pair_in_the_corpus_is_refused():
    with pytest.raises(TokenizerError, match="U\\+D800"):
        learn(["fine", "not \ud800"], 300)


def test_the_learnt_vocabulary_survives_saving(tmp_path):
    tokenizer = learn(["low lower lowest newer wider"], 275)
    tokenizer.save(tmp_path / "new" / "folder")
    assert Tokenizer.load(tmp_path / "new" / "folder").vocabulary == tokenizer.vocabulary
