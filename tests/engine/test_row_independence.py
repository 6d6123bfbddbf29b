"""The contract: the same request gives the same ids and the same log-probabilities, to the bit, in any company."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.engine import Request, TorchBackend, generate, score_ids
from glassgpt.sampling import SamplingParams
from tests.engine.models import sharp_model

WIDTHS = [(1, 1), (2, 1), (5, 1), (7, 7), (12, 3), (20, 5), (36, 4), (40, 5), (48, 1), (60, 3), (65, 13), (96, 2)]
"""emb_dim and n_heads: heads of width 1, 4, 5, 8, 9, 20, 48 …, most of them no multiple of a vector register."""


@st.composite
def shapes(draw):
    width, heads = draw(st.sampled_from(WIDTHS))
    return {
        "emb_dim": width,
        "n_heads": heads,
        "n_layers": draw(st.integers(1, 3)),
        "vocab_size": draw(st.sampled_from([2, 7, 31, 64, 97, 257])),
        "context_length": draw(st.sampled_from([8, 24, 65, 150])),
        "mlp_dim": draw(st.sampled_from([None, 1, 13, 50])),
        "activation": draw(st.sampled_from(["gelu_new", "gelu", "relu", "silu", "tanh"])),
        "qkv_bias": draw(st.booleans()),
        "tie_embeddings": draw(st.booleans()),
        "scale_attn_by_inverse_layer_idx": draw(st.booleans()),
        "reorder_and_upcast_attn": draw(st.booleans()),
    }


@st.composite
def requests(draw, shape):
    context, words = shape["context_length"], shape["vocab_size"]
    length = draw(st.integers(1, context - 1))
    params = {
        "max_new_tokens": draw(st.integers(1, 12)),
        "temperature": draw(st.sampled_from([0.0, 0.7, 1.0, 1.5])),
        "top_k": draw(st.sampled_from([0, 0, 1, 5])),
        "top_p": draw(st.sampled_from([1.0, 1.0, 0.8])),
        "min_p": draw(st.sampled_from([0.0, 0.0, 0.05])),
        "typical_p": draw(st.sampled_from([1.0, 1.0, 0.9])),
        "repetition_penalty": draw(st.sampled_from([1.0, 1.2])),
        "frequency_penalty": draw(st.sampled_from([0.0, 0.3])),
        "seed": draw(st.integers(0, 2**64 - 1)),
        "n": draw(st.integers(1, 3)),
        "logprobs": draw(st.integers(0, 3)),
        "stop_ids": draw(st.sampled_from([(), (0,), (1,)])),
        "window": draw(st.sampled_from(["stop", "slide"])),
    }
    return draw(st.lists(st.integers(0, words - 1), min_size=length, max_size=length)), params


@st.composite
def schedules(draw):
    shape = draw(shapes())
    asked = draw(st.lists(requests(shape), min_size=2, max_size=6))
    return (
        shape,
        asked,
        draw(st.permutations(range(len(asked)))),
        draw(st.sampled_from([4, 8, 20, 64, 128])),
        draw(st.integers(0, 3)),
    )


def torch_backend(model, chunk=128):
    return TorchBackend(model, chunk=chunk)


def unpacked_backend(model, chunk=128):
    return TorchBackend(model, pack=False, chunk=chunk)


def check(shape, asked, order, chunk, seed, dtype, make=torch_backend):
    """Answer requests alone with one thread, then together in another order with two and other chunks."""
    model = sharp_model(seed, **shape).to(dtype)
    asked = [Request(ids, SamplingParams(**params)) for ids, params in asked]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = [generate(make(model), [request])[0] for request in asked]
        torch.set_num_threads(2)
        backend = make(model, chunk)
        together = generate(backend, [asked[number] for number in order])
        for number, answer in zip(order, together, strict=True):
            assert answer == alone[number]
        text = [*asked[0].ids, *alone[0][0].ids][: shape["context_length"]]
        whole = score_ids(backend, text)
    finally:
        torch.set_num_threads(threads)
    steps = [logprob.logprob for logprob in alone[0][0].logprobs]
    start = len(asked[0].ids)
    for place in range(start, len(text)):
        assert whole[place - 1] == torch.tensor(steps[place - start])


@settings(max_examples=8)
@given(schedules())
def test_a_request_gets_the_same_bits_alone_and_in_company(schedule):
    check(*schedule, torch.float32)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=300)
@given(schedules())
def test_a_request_gets_the_same_bits_alone_and_in_company_many_times(schedule):
    check(*schedule, torch.float32)


@settings(max_examples=3)
@given(schedules())
def test_a_request_gets_the_same_bits_in_bfloat16(schedule):
    check(*schedule, torch.bfloat16)


@settings(max_examples=4)
@given(schedules(), st.sampled_from([torch.float32, torch.float64]))
def test_a_request_gets_the_same_bits_without_packed_matrices_too(schedule, dtype):
    check(*schedule, dtype, unpacked_backend)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("width", [(768, 12, 50257), (1600, 25, 1000)], ids=["small", "xl"])
def test_the_published_widths_keep_the_contract(width, dtype):
    shape = dict(zip(("emb_dim", "n_heads", "vocab_size"), width, strict=True), n_layers=1, context_length=1024)
    words = torch.Generator().manual_seed(0)
    asked = [
        (
            torch.randint(shape["vocab_size"], (length,), generator=words).tolist(),
            {"max_new_tokens": 5, "seed": length, "n": n, "logprobs": 1},
        )
        for length, n in ((1, 2), (16, 1), (130, 1), (300, 1), (700, 2), (1019, 1))
    ]
    check(shape, asked, [3, 0, 5, 2, 4, 1], 36, 0, dtype)
