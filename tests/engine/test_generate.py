"""The loop that writes: what comes back, when it ends, and that nothing but the request decides it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.engine import Request, TorchBackend, generate, stream
from glassgpt.errors import InvalidParameter
from glassgpt.sampling import SamplingParams
from glassgpt.tokens import Tokenizer
from tests.engine.counting import Counting
from tests.engine.models import Letters, sharp_model
from tests.sampling.statistics import p_value

PROMPT = [3, 1, 4]
INF = math.inf


def write(backend, ids=PROMPT, decode=None, **params):
    return generate(backend, [Request(ids, SamplingParams(**params))], decode)[0]


def test_greedy_takes_the_likeliest_token_each_time(sharp, backend):
    text = list(PROMPT)
    for _ in range(12):
        text.append(int(sharp(torch.tensor([text]))[0, -1].argmax()))
    assert list(write(backend, max_new_tokens=12, temperature=0.0)[0].ids) == text[3:]


def test_the_first_token_has_the_distribution_of_the_model(sharp, backend):
    chances = sharp(torch.tensor([PROMPT]))[0, -1].double().softmax(0).detach()
    drawn = [one.ids[0] for seed in range(4) for one in write(backend, max_new_tokens=1, n=1000, seed=seed)]
    assert p_value(torch.bincount(torch.tensor(drawn), minlength=61), chances) > 1e-4


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_no_more_texts_than_asked_are_side_by_side_and_none_is_another(backend, batch):
    counting = Counting(backend)
    requests = [Request(PROMPT, SamplingParams(max_new_tokens=6, seed=seed)) for seed in range(5)]
    assert generate(counting, requests, batch=batch) == generate(backend, requests)
    assert max(counting.rows) == batch


def test_a_batch_of_none_is_refused(backend):
    with pytest.raises(InvalidParameter, match="batch"):
        generate(backend, [Request(PROMPT)], batch=0)


def test_seeds_make_texts_different_and_repeatable(backend):
    texts = [write(backend, max_new_tokens=20, seed=seed)[0].ids for seed in range(64)]
    assert len(set(texts)) >= 60
    assert all(write(backend, max_new_tokens=20, seed=5)[0].ids == texts[5] for _ in range(20))
    assert len({one.ids for one in write(backend, max_new_tokens=20, seed=5, n=64)}) >= 60


def test_a_request_without_seed_gets_a_fresh_one_and_reports_it(backend):
    first, second = (write(backend, max_new_tokens=8)[0] for _ in "ab")
    assert first.seed != second.seed
    assert write(backend, max_new_tokens=8, seed=first.seed)[0] == first


def test_samples_share_the_reading_of_their_prompt_and_all_rows_share_steps(backend):
    counting = Counting(backend)
    requests = [
        Request([1] * 18, SamplingParams(n=7, max_new_tokens=5)),
        Request([2], SamplingParams(max_new_tokens=4)),
    ]
    generate(counting, requests)
    # the first sample reads 18 tokens, six others the last of them again; then each reads all but what it writes last
    assert (counting.read_tokens, counting.steps) == (18 + 6 + 7 * 4 + 1 + 3, 6)


def test_more_texts_than_fit_side_by_side_are_written_in_turn(backend):
    requests = [Request([1 + row % 50], SamplingParams(max_new_tokens=3, seed=row, n=1 + row % 2)) for row in range(90)]
    together = generate(backend, requests)
    assert [together[row] for row in (0, 41, 63, 64, 89)] == [
        generate(backend, [requests[row]])[0] for row in (0, 41, 63, 64, 89)
    ]


def test_no_requests_give_no_texts(backend):
    assert generate(backend, []) == []


def test_an_empty_prompt_starts_after_the_end_of_text_token(backend, letters):
    assert write(backend, [], letters, seed=1) == write(backend, [0], letters, seed=1)
    with pytest.raises(InvalidParameter, match="tokenizer"):
        write(backend, [])


def ends_of(backend, decode, **params):
    one = write(backend, [5], decode, temperature=0.0, max_new_tokens=20, logit_bias={0: -INF}, **params)[0]
    return one.ids, one.finish_reason


def test_a_text_ends_with_a_stop_id_the_end_of_text_or_its_length(backend, letters):
    plain, reason = ends_of(backend, letters)
    assert (len(plain), reason) == (20, "length")
    stop = plain[4]
    shorter = plain[: plain.index(stop) + 1]
    assert ends_of(backend, letters, stop_ids=(stop,)) == (shorter, "stop")
    one = write(backend, [5], letters, logit_bias={0: 1e6}, max_new_tokens=9)[0]
    assert (one.ids, one.text, one.finish_reason) == ((0,), "", "eos")
    on = write(backend, [5], letters, logit_bias={0: 1e6}, max_new_tokens=3, ignore_eos=True)[0]
    assert (on.ids, on.finish_reason) == ((0, 0, 0), "length")
    late = write(backend, [5], letters, logit_bias={0: 1e6}, max_new_tokens=9, min_new_tokens=3)[0]
    assert (len(late.ids), late.finish_reason) == (4, "eos")
    assert 0 not in late.ids[:3]


def test_ids_beyond_the_vocabulary_of_the_tokenizer_are_never_drawn(backend, letters):
    biased = {"logit_bias": dict.fromkeys(range(30, 61), 50.0), "ignore_eos": True}
    for params in ({"n": 30}, {"temperature": 0.0}, {"num_beams": 3, "top_k": 0}):
        for one in write(backend, PROMPT, letters, max_new_tokens=15, **params, **biased):
            assert max(one.ids) < letters.vocab_size


@pytest.mark.parametrize("params", [{}, {"temperature": 0.0}, {"top_k": 3}, {"num_beams": 2}], ids=str)
def test_to_forbid_every_token_is_an_error_and_not_a_guess(backend, params):
    with pytest.raises(InvalidParameter, match="forbid"):
        write(backend, logit_bias=dict.fromkeys(range(61), -INF), **params)


def test_a_broken_model_is_an_error_and_not_a_guess(sharp):
    with torch.no_grad():
        sharp.ln_f.weight[3] = math.nan
    with pytest.raises(InvalidParameter, match="nan or inf"):
        write(TorchBackend(sharp))


@pytest.mark.parametrize("ids", [[61], [-1], [3, 1000]])
def test_ids_that_the_model_does_not_have_are_refused(backend, ids):
    with pytest.raises(InvalidParameter, match="60"):
        write(backend, ids)


def test_stops_and_biases_that_the_model_does_not_have_are_refused(backend):
    for params in ({"stop_ids": (61,)}, {"logit_bias": {99: 1.0}}):
        with pytest.raises(InvalidParameter, match=next(iter(params))):
            write(backend, **params)


def test_log_probabilities_are_those_of_the_model_before_any_filter(sharp, backend):
    one = write(backend, max_new_tokens=15, seed=2, temperature=0.6, top_k=9, repetition_penalty=1.5, logprobs=61)[0]
    rows = sharp(torch.tensor([[*PROMPT, *one.ids[:-1]]]))[0, 2:].detach().log_softmax(-1)
    for token, entry, row in zip(one.ids, one.logprobs, rows, strict=True):
        assert entry.id == token
        assert entry.logprob == pytest.approx(float(row[token]), abs=1e-4)
        assert math.fsum(math.exp(logprob) for _, logprob in entry.top) == pytest.approx(1, abs=1e-6)
        assert list(entry.top) == sorted(entry.top, key=lambda pair: (-pair[1], pair[0]))
        assert dict(entry.top)[token] == entry.logprob


def test_log_probabilities_of_equal_tokens_name_the_lower_ids_first():
    model = sharp_model()
    with torch.no_grad():
        model.ln_f.weight.zero_()
        model.ln_f.bias.zero_()
    entry = write(TorchBackend(model), max_new_tokens=1, logprobs=3, seed=1)[0].logprobs[0]
    assert [token for token, _ in entry.top] == [0, 1, 2]


@settings(max_examples=40)
@given(
    st.lists(st.text(alphabet="abcdefgh ", min_size=1, max_size=2), max_size=3),
    st.integers(0, 9),
    st.lists(st.lists(st.integers(1, 29), max_size=4), min_size=1, max_size=3),
)
def test_streams_joined_are_the_texts_and_stops_are_cut_out(stops, seed, prompts):
    backend, letters = TorchBackend(sharp_model(scale=3.0)), Letters()
    params = SamplingParams(max_new_tokens=19, seed=seed, stop=tuple(stops), n=2)
    requests = [Request(prompt, params) for prompt in prompts]
    events = list(stream(backend, requests, letters))
    for number, texts in enumerate(generate(backend, requests, letters)):
        for sample, one in enumerate(texts):
            mine = [event for event in events if (event.request, event.sample) == (number, sample)]
            assert "".join(event.text for event in mine) == one.text
            assert tuple(event.id for event in mine) == one.ids
            assert [event.finish_reason for event in mine] == [None] * (len(mine) - 1) + [one.finish_reason]
            assert not any(stop in one.text for stop in stops)
            whole = b"".join(letters.token_bytes(token) for token in one.ids if token).decode()
            assert whole.startswith(one.text)
            if one.finish_reason == "stop":
                assert any(whole.startswith(one.text + stop) for stop in stops)
            else:
                assert whole == one.text


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_characters_of_many_tokens_are_streamed_whole(seed):
    alphabet = "é€😀".encode()
    letters, model = Letters(alphabet), sharp_model(scale=1.0, vocab_size=len(alphabet) + 1)
    params = SamplingParams(max_new_tokens=20, seed=seed, stop=("é",))
    one = generate(TorchBackend(model), [Request([1], params)], letters)[0][0]
    data = b"".join(letters.token_bytes(token) for token in one.ids if token)
    assert one.text == data.decode(errors="replace").partition("é")[0]


def test_a_real_vocabulary_works_too():
    model = sharp_model(vocab_size=50304, context_length=32)
    tokenizer = Tokenizer.gpt2()
    params = SamplingParams(max_new_tokens=12, seed=4, logprobs=0)
    one = generate(TorchBackend(model), [Request(tokenizer.encode("Hello"), params)], tokenizer)[0][0]
    assert one.text == tokenizer.decode([token for token in one.ids if token != tokenizer.end_of_text])


def test_two_streams_can_be_read_in_turns(backend):
    params = [SamplingParams(max_new_tokens=9, seed=seed) for seed in (1, 2)]
    alone = [[event.id for event in stream(backend, [Request(PROMPT, p)])] for p in params]
    both = [stream(backend, [Request(PROMPT, p)]) for p in params]
    turns = [[next(one).id for one in both] for _ in range(9)]
    assert [list(ids) for ids in zip(*turns, strict=True)] == alone


def test_requests_are_checked_before_the_first_token(backend):
    with pytest.raises(InvalidParameter):
        stream(backend, [Request(PROMPT), Request([99])])
