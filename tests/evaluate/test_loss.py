"""The strided loss equals the plain definition, token by token."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.errors import InvalidParameter
from glassgpt.evaluate import loss_of
from glassgpt.model import GPT2, GPT2Config, initialize

CONTEXT = 12


@pytest.fixture(scope="module")
def small() -> GPT2:
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
    rows=st.integers(1, 4),
)
@settings(max_examples=30)
def test_strided_windows_equal_one_token_at_a_time(small: GPT2, tokens: list[int], stride: int, rows: int):
    loss = loss_of(small, np.array(tokens, np.uint16), text_bytes=100, stride=stride, rows=rows)
    assert loss.tokens == len(tokens) - 1
    assert loss.nats == pytest.approx(one_by_one(small, tokens, stride), rel=1e-4)


def test_bits_per_byte_do_not_depend_on_the_vocabulary(small: GPT2):
    loss = loss_of(small, np.arange(20, dtype=np.uint16), text_bytes=40)
    assert loss.bits_per_byte == pytest.approx(loss.nats_per_token * 19 / math.log(2) / 40)
    assert loss.perplexity == pytest.approx(math.exp(loss.nats_per_token))


def test_the_mode_of_the_model_is_left_as_it_was(small: GPT2):
    small.train()
    loss_of(small, np.arange(20, dtype=np.uint16), text_bytes=40)
    assert small.training
    small.eval()


def test_one_token_is_too_few(small: GPT2):
    with pytest.raises(InvalidParameter, match="two"):
        loss_of(small, np.zeros(1, np.uint16), text_bytes=1)
