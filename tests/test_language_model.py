"""The small class that speaks text: it adds nothing to what model and engine say."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = st.text(alphabet="abc dog, DOG.é🤖", max_size=12)
CORPUS = ["the quick brown fox jumps over the lazy dog, and the dog does not care at all. "] * 4


@pytest.fixture(autouse=True)
def one_thread():
    """The model is so small that a second thread would only be waited for."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def lm():
    """A random model whose choices differ, with a vocabulary of 290 tokens and a window of 24."""
    from glassgpt.language_model import LanguageModel
    from glassgpt.model import GPT2, GPT2Config, initialize
    from glassgpt.tokens import learn

    tokenizer = learn(CORPUS, 290)
    config = GPT2Config(
        vocab_size=tokenizer.vocab_size, context_length=24, emb_dim=24, n_heads=3, n_layers=2, drop_rate=0.5
    )
    model = initialize(GPT2(config), seed=3)
    with torch.no_grad():
        model.wte.weight.mul_(20)
    return LanguageModel(model, tokenizer, "tiny")


def logprobs(lm, ids) -> np.ndarray:
    """The plain forward: log-probability of every id but the first."""
    with torch.no_grad():
        table = lm.model(torch.tensor([ids]))[0].log_softmax(-1)
    return table[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0].numpy()


def test_the_model_is_in_eval_mode(lm):
    assert not lm.model.training


@settings(max_examples=8)
@given(prompt=TEXT, seed=st.integers(0, 2**32 - 1), temperature=st.sampled_from([0.0, 0.7, 1.0]))
def test_streamed_pieces_joined_are_the_generated_text(lm, prompt, seed, temperature):
    asked = {"max_new_tokens": 6, "seed": seed, "temperature": temperature}
    whole = lm.generate(prompt, **asked)
    assert "".join(lm.stream(prompt, **asked)) == whole
    assert lm.complete(prompt, **asked)[0].text == whole
    assert lm.complete_many(["other", prompt], **asked)[1][0].text == whole


def test_several_samples_are_several_texts(lm):
    samples = lm.complete("the dog", n=4, max_new_tokens=8, temperature=2.0, seed=1)
    assert len(samples) == 4
    assert len({tuple(sample.ids) for sample in samples}) > 1


def test_without_a_seed_each_call_is_fresh(lm):
    texts = {lm.generate("the", max_new_tokens=12, temperature=3.0) for _ in range(4)}
    assert len(texts) > 1


def test_an_empty_prompt_starts_after_end_of_text(lm):
    assert list(lm.request("").ids) == [lm.tokenizer.end_of_text]
    assert lm.request("<|endoftext|>").ids != lm.request("").ids


@pytest.mark.parametrize("method", ["generate", "stream"])
def test_one_text_is_asked_for_where_one_is_returned(lm, method):
    from glassgpt.errors import InvalidParameter

    with pytest.raises(InvalidParameter, match="complete returns several"):
        getattr(lm, method)("the", n=2)


def test_a_misspelt_setting_is_refused_by_name(lm):
    from glassgpt.errors import InvalidParameter

    with pytest.raises(InvalidParameter, match="temprature"):
        lm.generate("the", temprature=1.0)


@settings(max_examples=15)
@given(text=TEXT, top=st.integers(1, 290))
def test_next_words_are_the_models_own_probabilities_best_first(lm, text, top):
    found = lm.next_words(text, top)
    ids = lm.tokenizer.encode(text) or [lm.tokenizer.end_of_text]
    with torch.no_grad():
        chances = lm.model(torch.tensor([ids]))[0, -1].softmax(-1)
    assert len({word.id for word in found}) == top
    assert [word.probability for word in found] == sorted((word.probability for word in found), reverse=True)
    np.testing.assert_allclose([w.probability for w in found], [float(chances[w.id]) for w in found], rtol=1e-4)
    assert [word.text for word in found] == [lm.tokenizer.decode([word.id]) for word in found]
    if top == 290:
        assert math.isclose(sum(word.probability for word in found), 1.0, rel_tol=1e-4)


def test_the_first_next_word_is_what_greedy_decoding_writes(lm):
    assert lm.next_words("the dog", 1)[0].id == lm.complete("the dog", max_new_tokens=1, temperature=0.0)[0].ids[0]


@settings(max_examples=15)
@given(TEXT.filter(bool))
def test_a_score_is_the_log_probability_of_a_document_that_starts_so(lm, text):
    score = lm.score(text)
    ids = lm.tokenizer.encode(text)
    assert score.ids == tuple(ids)
    np.testing.assert_allclose(score.logprobs, logprobs(lm, [lm.tokenizer.end_of_text, *ids]), atol=1e-5)
    assert math.isclose(score.nats, -float(score.logprobs.sum()), rel_tol=1e-5)
    assert math.isclose(score.perplexity, math.exp(score.nats / len(ids)), rel_tol=1e-5)
    assert math.isclose(score.bits_per_byte * len(text.encode()), score.nats / math.log(2), rel_tol=1e-5)


@pytest.mark.parametrize("words", [6, 12, 13, 40, 100])
def test_a_long_text_is_scored_whole_each_token_with_half_a_window_before_it(lm, words):
    text = "the quick dog jumps " * words
    score = lm.score(text)
    ids = [lm.tokenizer.end_of_text, *lm.tokenizer.encode(text)]
    assert len(score.logprobs) == len(ids) - 1
    limit = lm.config.context_length
    np.testing.assert_allclose(score.logprobs[: limit - 1], logprobs(lm, ids[:limit]), atol=1e-5)
    if len(ids) > 2 * limit:
        start = limit - limit // 2
        second = logprobs(lm, ids[start : start + limit])
        np.testing.assert_allclose(score.logprobs[limit - 1 : start + limit - 1], second[limit // 2 - 1 :], atol=1e-5)


def test_an_embedding_is_the_mean_of_the_last_hidden_states(lm):
    ids = lm.tokenizer.encode("the lazy dog")
    with torch.no_grad():
        mean = lm.model.hidden(torch.tensor([ids]))[0].mean(0).numpy()
    np.testing.assert_allclose(lm.embed("the lazy dog"), mean, atol=1e-6)
    assert lm.embed("").shape == (24,)


@pytest.mark.parametrize("method", ["embed", "next_words"])
def test_a_text_longer_than_the_window_is_refused_with_both_lengths(lm, method):
    from glassgpt.errors import ContextOverflow

    with pytest.raises(ContextOverflow, match=r"has 30 tokens; tiny sees 24"):
        getattr(lm, method)("q" * 30)


def test_nothing_cannot_be_scored_and_no_words_cannot_be_asked_for(lm):
    from glassgpt.errors import InvalidParameter

    with pytest.raises(InvalidParameter, match="nothing to score"):
        lm.score("")
    for top in (0, 291):
        with pytest.raises(InvalidParameter, match="from 1 to the vocabulary's 290"):
            lm.next_words("the", top)


def test_load_reads_what_was_saved(lm, tmp_path):
    import glassgpt
    from glassgpt.checkpoints import save_model

    save_model(lm.model, tmp_path / "saved", tokenizer=lm.tokenizer)
    again = glassgpt.load(tmp_path / "saved", device="cpu")
    assert again.generate("the dog", max_new_tokens=8, seed=5) == lm.generate("the dog", max_new_tokens=8, seed=5)
    assert (again.config.n_layers, again.name) == (2, "saved")


def test_every_setting_of_the_engine_can_be_given(lm):
    from dataclasses import fields

    from glassgpt.language_model import Sampling
    from glassgpt.sampling import SamplingParams

    assert set(Sampling.__annotations__) == {field.name for field in fields(SamplingParams)}
