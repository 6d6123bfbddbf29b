import pytest

from glassgpt.errors import TokenizerError
from glassgpt.tokens import END_OF_TEXT, Tokenizer, Vocabulary

MERGES = [(b"a", b"b"), (b"ab", b"c")]


def test_the_shipped_vocabulary_is_that_of_the_published_files(shared_data):
    published = Tokenizer.load(shared_data / "gpt2_tokenizer")
    assert published.vocabulary == Tokenizer.gpt2().vocabulary
    assert published.fingerprint == Tokenizer.gpt2().fingerprint


def test_ids_are_bytes_then_merges_then_specials():
    vocabulary = Vocabulary.from_merges(MERGES, ["<x>", "<y>"])
    assert (vocabulary.ids[b"!"], vocabulary.ids[b"ab"], vocabulary.ids[b"abc"]) == (0, 256, 257)
    assert (vocabulary.specials, vocabulary.size) == ({"<x>": 258, "<y>": 259}, 260)


def test_two_merges_of_one_token_share_its_id():
    vocabulary = Vocabulary.from_merges([(b"a", b"a"), (b"aa", b"a"), (b"a", b"aa")])
    assert (vocabulary.size, vocabulary.specials[END_OF_TEXT]) == (259, 258)


def test_the_fingerprint_changes_with_anything_that_decides_an_id():
    ids = Vocabulary.from_merges(MERGES).ids
    swapped = {**ids, b"a": ids[b"b"], b"b": ids[b"a"]}
    vocabularies = [
        Vocabulary.from_merges(MERGES),
        Vocabulary.from_merges(MERGES[:1]),
        Vocabulary.from_merges([(b"a", b"b"), (b"b", b"c")]),
        Vocabulary.from_merges(MERGES, []),
        Vocabulary.from_merges(MERGES, ["<x>"]),
        Vocabulary(swapped, MERGES, {}),
    ]
    assert len({vocabulary.fingerprint for vocabulary in vocabularies}) == len(vocabularies)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ids: (ids, [(b"ab", b"c"), (b"a", b"b")], {}), "no earlier merge"),
        (lambda ids: (ids, [*MERGES, MERGES[0]], {}), "twice"),
        (lambda ids: (ids, [*MERGES, (b"x", b"y")], {}), "has no id"),
        (lambda ids: (ids | {b"zz": 258}, MERGES, {}), "no merge makes 'zz'"),
        (lambda ids: ({t: i for t, i in ids.items() if t != b"q"}, MERGES, {}), "0x71"),
        (lambda ids: (ids, MERGES, {"<x>": 3}), "second token"),
        (lambda ids: (ids, MERGES, {"<x>": -1}), "from -1"),
        (lambda ids: (ids, MERGES, {"<x>": 2**31}), "2147483648"),
        (lambda ids: (ids, MERGES, {"": 258}), "empty"),
        (lambda ids: (ids, MERGES, {"abc": 258}), "an ordinary one is spelled so"),
        (lambda ids: (ids, MERGES, {"Ġ": 258}), "an ordinary one is spelled so"),
        (lambda ids: (ids, MERGES, {"\ud800": 258}), "no text"),
    ],
)
def test_a_vocabulary_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(TokenizerError, match=message):
        Vocabulary(*change(dict(Vocabulary.from_merges(MERGES).ids)))
