"""The last word of a passage: where it begins, when it counts as found, and what a filter changes."""

import json
import math

import pytest
import torch

from glassgpt.errors import DataError
from glassgpt.evaluate import fill, read_blanks
from glassgpt.evaluate.cloze import STOP_WORDS, Blank, stop_ids
from glassgpt.tokens import learn


def test_the_answer_is_what_follows_the_last_space(tmp_path):
    texts = ["He said,\n“Come here, Tom", "we saw the \n\nrecorder", "plain words end "]
    rows = tmp_path / "a.jsonl"
    rows.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    found = list(read_blanks(rows))
    assert [blank.word for blank in found] == [" Tom", " \n\nrecorder", " end"]
    assert found[0].context == "He said,\n“Come here,"
    lines = tmp_path / "a.txt"
    lines.write_text("one two three\n\nfour five\n")
    assert list(read_blanks(lines)) == [Blank("one two", " three"), Blank("four", " five")]


def test_a_passage_of_one_word_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("two words\nalone\n")
    with pytest.raises(DataError, match="passage 2: at least two words"):
        list(read_blanks(tmp_path / "a.txt"))


def likeliest(small, tokenizer) -> tuple[str, str]:
    """A context, and the word of one token that the model writes after it."""
    for start in ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog"]:
        ids = tokenizer.encode(start)
        best = int(small(torch.tensor([ids]))[0, -1].argmax())
        word = tokenizer.decode([best])
        if tokenizer.encode(start + word) == [*ids, best]:
            return start, word
    raise AssertionError("the model writes nothing that can be typed")


def test_a_word_is_found_when_the_model_would_write_it(small, tokenizer):
    context, word = likeliest(small, tokenizer)
    found = fill(small, tokenizer, [Blank(context, word), Blank(context, " zebra")])
    assert (found.passages, found.found, found.accuracy) == (2, 1, 0.5)


def test_perplexity_is_by_the_word(small, tokenizer):
    blanks = [Blank("the quick brown", " fox"), Blank("over the lazy", " zebra")]
    nats = [fill(small, tokenizer, [blank]).nats for blank in blanks]
    both = fill(small, tokenizer, blanks)
    assert both.perplexity == pytest.approx(math.exp(sum(nats) / 2), rel=1e-4)
    spread = abs(nats[0] - nats[1]) / 2  # the standard error of a mean of two
    assert both.perplexity_error == pytest.approx(both.perplexity * spread, rel=1e-3)


def test_the_filter_forbids_words_of_grammar_and_marks_but_not_what_begins_like_them():
    tokenizer = learn([" the dog, the theatre, The theatre ... of the dog of the ..."] * 3, 330)
    texts = {tokenizer.decode([token]) for token in stop_ids(tokenizer)}
    assert {" the", " of", ",", '"', " The", "..."} <= texts
    assert {" dog", " theatre", "the", "he", "1", "a"} & texts == set()
    assert all(len(tokenizer.encode(text)) == 1 for text in (" theatre", " the", "the", " The"))
    assert {"the", "was", "him"} <= STOP_WORDS


def test_the_filter_changes_accuracy_only(small, tokenizer):
    blanks = [Blank("the quick brown fox jumps over", " the"), Blank("the quick", " fox")]
    plain, filtered = (fill(small, tokenizer, blanks, stop_words=flag) for flag in (False, True))
    assert plain.nats == filtered.nats


def test_the_floor_is_a_word_drawn_from_the_passage(small, tokenizer):
    assert fill(small, tokenizer, [Blank("dog, a dog and fox", " dog")]).floor == pytest.approx(2 / 5)


def test_the_passages_beside_the_clone_are_read_whole(shared_data):
    blanks = list(read_blanks(shared_data / "lambada" / "lambada-dev-1500.jsonl.gz"))
    assert len(blanks) == 1500
    assert all(blank.word.startswith(" ") for blank in blanks)
