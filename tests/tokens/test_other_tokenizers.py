"""The tokenizers everybody uses, built from our files and ranks, give our ids."""

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tiktoken_ext.openai_public import r50k_pat_str
from transformers import AutoTokenizer, GPT2Tokenizer, PreTrainedTokenizerFast

from glassgpt.tokens import END_OF_TEXT, Tokenizer, learn
from tests.tokens.texts import TEXTS

CORPUS = ["the cat sat on the mat, the cats sat on mats; " * 3, "naïve 你好 don't don't  \n\n 1234 1234"]


@pytest.fixture(scope="module")
def learnt():
    return learn(CORPUS, 300, specials=(END_OF_TEXT, "<|x|>"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory, learnt):
    """Our two vocabularies as folders, read by Hugging Face's classes."""
    found = []
    for name, tokenizer in {"gpt2": Tokenizer.gpt2(), "learnt": learnt}.items():
        folder = tmp_path_factory.mktemp(name)
        tokenizer.save(folder)
        auto = AutoTokenizer.from_pretrained(folder)
        fast = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
        pair = GPT2Tokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
        found.append((tokenizer, [auto, fast, pair]))
    return found


@pytest.fixture(scope="module")
def openai():
    ranks = dict(Tokenizer.gpt2().vocabulary.ids)
    return tiktoken.Encoding("gpt2", pat_str=r50k_pat_str, mergeable_ranks=ranks, special_tokens={END_OF_TEXT: 50256})


@given(TEXTS)
def test_tiktoken_gives_our_ids(openai, text):
    assert Tokenizer.gpt2().encode(text) == openai.encode_ordinary(text)
    assert Tokenizer.gpt2().encode(text, allow_special=True) == openai.encode(text, allowed_special="all")


@given(TEXTS)
def test_transformers_reads_our_folders_and_gives_our_ids(saved, text):
    for ours, theirs in saved:
        for other in theirs:
            assert other.encode(text) == ours.encode(text, allow_special=True)


@given(st.lists(st.integers(0, 292), max_size=20))
def test_transformers_decodes_our_ids_to_our_text(saved, ids):
    for ours, theirs in saved:
        for other in theirs:
            assert other.decode(ids, clean_up_tokenization_spaces=False) == ours.decode(ids)


def test_the_reader_knows_our_end_of_text(saved):
    for ours, theirs in saved:
        assert (theirs[0].eos_token_id, len(theirs[0])) == (ours.end_of_text, ours.vocab_size)


def test_what_transformers_saves_we_read(saved, tmp_path):
    for number, (ours, theirs) in enumerate(saved):
        for kind, other in enumerate(theirs[:2]):
            folder = tmp_path / f"{number}{kind}"
            other.save_pretrained(folder)
            assert Tokenizer.load(folder).fingerprint == ours.fingerprint
