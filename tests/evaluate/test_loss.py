"""The strided loss equals the plain definition, token by token."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.evaluate import Loss, loss_of, losses_of
from glassgpt.evaluate.loss import packed_bits_per_byte, ratio_variance, together
from glassgpt.model import GPT2, GPT2Config, initialize

CONTEXT = 12


@pytest.fixture(scope="module")
def tiny() -> GPT2:
    config = GPT2Config(vocab_size=50, context_length=CONTEXT, emb_dim=16, n_heads=2, n_layers=2)
    return initialize(GPT2(config), 0).eval()


def one_by_one(model: GPT2, tokens: list[int], stride: int) -> float:
    """Each token from what its window holds before it: the earliest window that reaches it."""
    total = 0.0
    for index in range(1, len(tokens)):
        start = max(0, math.ceil((index - CONTEXT) / stride)) * stride
        logits = model(torch.tensor([tokens[start:index]]))[0, -1]
        total -= torch.log_softmax(logits, -1)[tokens[index]].item()
    return total


@given(
    tokens=st.lists(st.integers(0, 49), min_size=2, max_size=60),
    stride=st.integers(1, CONTEXT),
)
@settings(max_examples=30)
def test_strided_windows_equal_one_token_at_a_time(tiny: GPT2, tokens: list[int], stride: int):
    loss = loss_of(tiny, np.array(tokens, np.uint16), text_bytes=100, stride=stride)
    assert loss.tokens == len(tokens) - 1
    assert loss.nats == pytest.approx(one_by_one(tiny, tokens, stride), rel=1e-4)


def test_bits_per_byte_do_not_depend_on_the_vocabulary(tiny: GPT2):
    loss = loss_of(tiny, np.arange(20, dtype=np.uint16), text_bytes=40)
    assert loss.bits_per_byte == pytest.approx(loss.nats_per_token * 19 / math.log(2) / 40)
    assert loss.perplexity == pytest.approx(math.exp(loss.nats_per_token))


def test_the_mode_of_the_model_is_left_as_it_was(tiny: GPT2):
    tiny.train()
    loss_of(tiny, np.arange(20, dtype=np.uint16), text_bytes=40)
    assert tiny.training
    tiny.eval()


def test_one_token_is_too_few(tiny: GPT2):
    with pytest.raises(InvalidParameter, match="two"):
        loss_of(tiny, np.zeros(1, np.uint16), text_bytes=1)


def test_documents_are_judged_each_on_its_own(small: GPT2, tokenizer):
    texts = ["the dog", "the fox jumps over the lazy dog and does not care, " * 3, "x"]
    together_judged = losses_of(small, tokenizer, texts, stride=7)
    for text, loss in zip(texts, together_judged, strict=True):
        (alone,) = losses_of(small, tokenizer, [text], stride=7)
        assert (alone.tokens, alone.text_bytes) == (loss.tokens, loss.text_bytes) == (loss.tokens, len(text))
        assert loss.tokens == len(tokenizer.encode(text)) + 1
        assert loss.nats == pytest.approx(alone.nats, rel=1e-5)


def test_a_sum_of_losses_is_the_loss_of_the_sum():
    whole = together([Loss(10.0, 4, 20, 1.0), Loss(2.0, 8, 10, 3.0)])
    assert (whole.nats, whole.tokens, whole.text_bytes, whole.variance) == (12.0, 12, 30, 4.0)
    assert whole.standard_error == pytest.approx(2 / 12)
    assert together([Loss(3.0, 2, 4)]).standard_error != 0  # unknown is not zero


def test_the_standard_error_is_that_of_a_mean_when_windows_are_alike():
    sums = np.array([3.0, 5.0, 7.0, 9.0])
    variance = ratio_variance(sums, np.ones(4))
    assert math.sqrt(variance) / 4 == pytest.approx(sums.std(ddof=1) / 2)


def test_xz_needs_fewer_bits_for_a_text_that_repeats():
    assert packed_bits_per_byte(["abc" * 1000]) < 1 < packed_bits_per_byte(["Sphinx of black quartz"])
