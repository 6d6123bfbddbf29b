"""Files of questions are recognised by what stands in them and read as the papers mean them."""

import gzip
import json

import pytest

from glassgpt.errors import DataError
from glassgpt.evaluate.detokenize import penn
from glassgpt.evaluate.questions import (
    KINDS,
    blimp,
    children,
    credit,
    first_of_each,
    in_place_of,
    recognise,
    winograd,
)

PAIR = {"UID": "npi", "field": "semantics", "sentence_good": "No dog ever barks.", "sentence_bad": "A dog ever barks."}
SCHEMA = {
    "text1": "The fox could not eat the dog because",
    "pronoun": "it",
    "text2": "was too big.",
    "options": ["The fox", "the dog"],
    "label": 1,
}
STORY = "".join(f"{number} The {word} said `` no , '' .\n" for number, word in enumerate(["fox"] * 20, start=1))
CHILD = f"{STORY}21 Then the XXXXX did n't care .\tdog\t\tdog|fox|cat|hen|cow|pig|owl|ant|bee|eel\n\n"


@pytest.fixture
def write(tmp_path):
    def write(name, *rows):
        text = "".join(f"{json.dumps(row)}\n" if isinstance(row, dict) else row for row in rows)
        packed = name.endswith(".gz")
        (tmp_path / name).write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        return tmp_path / name

    return write


def test_files_are_recognised_by_what_stands_in_them(write):
    assert recognise(write("a.jsonl", PAIR)) == "blimp"
    assert recognise(write("b.jsonl.gz", SCHEMA)) == "winograd"
    assert recognise(write("c.txt", "\n", CHILD)) == "cbt"
    for other in (write("d.jsonl", {"text": "no question"}), write("e.txt", "prose"), write("f.txt", "")):
        with pytest.raises(DataError, match="no questions known here"):
            recognise(other)


def test_a_minimal_pair_is_two_whole_sentences(write):
    (question,) = blimp(write("a.jsonl.gz", PAIR))
    assert [option.text for option in question.options] == [PAIR["sentence_good"], PAIR["sentence_bad"]]
    assert (question.answer, question.parts) == (0, {"paradigm": "npi", "field": "semantics"})
    assert question.floor == 0.0  # the bad one is shorter


def test_a_gap_is_judged_with_the_rest_of_its_sentence(write):
    (question,) = children(write("a.txt", CHILD))
    assert [option.text for option in question.options][:2] == ["dog didn't care.", "fox didn't care."]
    assert len(question.options) == 10
    assert question.options[0].context.startswith('The fox said "no,".')
    assert question.options[0].context.endswith("Then the ")
    assert question.floor == 0.0  # fox is more frequent


def test_each_story_stands_alone(write):
    first, second = children(write("a.txt", CHILD, CHILD.replace("fox said", "hen said")))
    assert "hen said" not in first.options[0].context
    assert "fox said" not in second.options[0].context


def test_a_schema_is_scored_in_whole_and_in_part(write):
    partial, full = winograd(write("a.jsonl", SCHEMA))
    assert [option.text for option in partial.options] == [" was too big."] * 2
    assert partial.options[0].context == "The fox could not eat the dog because the fox"
    assert full.options[1].text == "The fox could not eat the dog because the dog was too big."
    assert full.options[1].context == ""
    assert (partial.answer, partial.parts, full.parts) == (1, {"scoring": "partial"}, {"scoring": "full"})


@pytest.mark.parametrize(
    ("pronoun", "name", "before", "after", "said"),
    [
        ("they", "The city councilmen", "refused because", "feared", "the city councilmen"),
        ("He", "Bob", "He paid.", "is kind.", "Bob"),
        ("It", "an oak tree", "There it is.", "is old.", "An oak tree"),
        ("she", "Ann's", "She knows", "personal problems", "Ann"),
        ("his", "Bob", "He took", "hat.", "Bob's"),
        ("her", "Ann", "He took", "coat.", "Ann's"),
        ("her", "Ann", "He saw", ".", "Ann"),
        ("it", "Tina's", "and", "did look better", "Tina's"),
    ],
)
def test_a_name_takes_the_form_of_its_pronoun(pronoun, name, before, after, said):
    assert in_place_of(pronoun, name, before, after) == said


def test_no_space_comes_before_a_full_stop(write):
    (partial, full) = winograd(write("a.jsonl", {**SCHEMA, "text2": "."}))
    assert partial.options[0].text == "."
    assert full.options[0].text.endswith("because the fox.")


@pytest.mark.parametrize(
    ("name", "rows", "told"),
    [
        ("a.jsonl", [{**PAIR, "UID": 3}], "no text under 'UID'"),
        ("a.jsonl", ['{"sentence_good": '], "line 1: not JSON"),
        ("a.jsonl", ["[1, 2]"], "an object is needed"),
        ("b.jsonl", [{**SCHEMA, "label": 2}], "the place of the right one"),
        ("c.txt", [CHILD.replace("XXXXX", "gap")], "line 21: a sentence with XXXXX"),
        ("c.txt", [CHILD.replace("\tdog\t", "\tdig\t")], "line 21"),
    ],
)
def test_a_bad_row_is_named(write, name, rows, told):
    kind = {"a": "blimp", "b": "winograd", "c": "cbt"}[name[0]]
    with pytest.raises(DataError, match=told):
        list(KINDS[kind].read(write(name, *rows)))


def test_what_is_not_there_or_not_text_is_said(tmp_path, write):
    with pytest.raises(DataError, match="is not there"):
        recognise(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="a folder"):
        recognise(tmp_path)
    broken = tmp_path / "bad.txt"
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="UTF-8"):
        recognise(broken)


def test_a_limit_takes_the_first_of_each_part(write):
    rows = [{**PAIR, "UID": part} for part in "aabbb"]
    path = write("a.jsonl", *rows)
    assert [q.parts["paradigm"] for q in first_of_each(blimp(path), 1)] == ["a", "b"]
    assert len(list(first_of_each(blimp(path), 0))) == 5


def test_ties_share_the_point():
    assert credit([1.0, 0.0], 0) == 1.0
    assert credit([1.0, 0.0], 1) == 0.0
    assert credit([2.0, 2.0], 1) == 0.5
    assert credit([1.0, 1.0, 1.0, 0.0], 0) == pytest.approx(1 / 3)


def test_the_conventions_of_the_penn_treebank_are_undone():
    tokenised = "`` Papa , '' she said , `` I do n't think it 's Sara 's ( or his ) ; they 'll go -LRB- soon -RRB- . ''"
    typed = "\"Papa,\" she said, \"I don't think it's Sara's (or his); they'll go (soon).\""
    assert penn(tokenised) == typed


@pytest.mark.slow
def test_the_files_beside_the_clone_are_read_whole(shared_data):
    counts = {
        "blimp/blimp-dev.jsonl.gz": ("blimp", 20_100),
        "cbt_style/cbt_style_CN_dev.txt": ("cbt", 223),
        "cbt_style/cbt_style_NE_dev.txt": ("cbt", 200),
        "winograd/wsc-first80.jsonl": ("winograd", 160),
    }
    for name, (kind, count) in counts.items():
        path = shared_data / name
        assert recognise(path) == kind
        questions = list(KINDS[kind].read(path))
        assert len(questions) == count
        assert all(len(question.options) == (10 if kind == "cbt" else 2) for question in questions)
    paradigms = {question.parts["paradigm"] for question in blimp(shared_data / "blimp" / "blimp-dev.jsonl.gz")}
    assert len(paradigms) == 67
