"""The torch backend against the plain model, and its memory."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.engine import Backend, Memory, Piece, TorchBackend, score_ids
from glassgpt.engine.row_stable import PackedLinear, PaddedLinear, can_pack
from glassgpt.engine.score import read
from glassgpt.errors import ContextOverflow, InvalidParameter
from glassgpt.model import GPT2
from tests.engine.models import sharp_model

TOLERANCE = {torch.float32: {"rtol": 2e-5, "atol": 2e-5}, torch.float64: {"rtol": 1e-11, "atol": 1e-11}}
TEXT = [3, 1, 4, 1, 5, 9, 2, 6, 5, 35, 58, 9, 7]


def whole(backend, text):
    return torch.cat([torch.as_tensor(logits) for logits in read(backend, text)])


def test_it_keeps_the_protocol(backend):
    assert isinstance(backend, Backend)
    assert isinstance(backend.memory(2, 4), Memory)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"emb_dim": 20, "n_heads": 5, "mlp_dim": 13, "activation": "relu"},
        {"qkv_bias": False, "tie_embeddings": False, "activation": "gelu"},
        {"scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True, "activation": "silu"},
        {"scale_attn_weights": False, "activation": "tanh"},
    ],
    ids=str,
)
def test_it_reads_as_the_plain_model_does(shape, dtype):
    model = sharp_model(1, scale=4.0, **shape).to(dtype)
    wanted = model(torch.tensor([TEXT]))[0].float()
    for pack in (True, False):
        read = whole(TorchBackend(model, pack=pack, chunk=4), TEXT)
        torch.testing.assert_close(read, wanted, **TOLERANCE[torch.float32])


def test_bfloat16_is_as_near_to_float32_as_the_plain_model_is(sharp):
    wanted = sharp(torch.tensor([TEXT]))[0]
    half = sharp.to(torch.bfloat16)
    plain = (half(torch.tensor([TEXT]))[0].float() - wanted).abs().mean()
    ours = (whole(TorchBackend(half), TEXT) - wanted).abs().mean()
    assert ours < 1.5 * plain


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(1, 13), st.sampled_from([4, 8, 128]))
def test_decoding_with_a_past_equals_reading_the_whole_text_to_the_bit(start, rows, chunk):
    model = sharp_model()
    backend = TorchBackend(model, chunk=chunk)
    wanted = whole(TorchBackend(model), TEXT)
    memory = backend.memory(rows, len(TEXT))
    logits = backend.extend(memory, [Piece(row, TEXT[:start]) for row in range(rows)])
    for place in range(start, len(TEXT)):
        assert torch.equal(logits, wanted[place - 1].expand(rows, -1))
        logits = backend.extend(memory, [Piece(row, TEXT[place : place + 1]) for row in range(rows)])
    assert torch.equal(logits[-1], wanted[-1])


@settings(max_examples=40)
@given(st.data(), st.integers(1, 5), st.sampled_from([4, 8, 128]))
def test_rows_read_on_in_any_company_as_if_alone(data, rows, chunk):
    check_company(TorchBackend(sharp_model(), chunk=chunk), TorchBackend(sharp_model()), data, rows, 24)


def check_company(backend, alone, data, rows, room):
    """Pieces of any lengths in any rows, scored after as many tokens as one likes; rows cut and copied between."""
    memory, held = backend.memory(rows, room), [[] for _ in range(rows)]
    for _ in range(data.draw(st.integers(1, 6))):
        pieces = []
        for row in data.draw(st.lists(st.integers(0, rows - 1), unique=True, min_size=1)):
            if len(held[row]) < room:
                ids = data.draw(
                    st.lists(st.integers(0, 60), min_size=1, max_size=min(room // 2, room - len(held[row])))
                )
                pieces.append(Piece(row, ids, data.draw(st.integers(0, len(ids)))))
        if pieces:
            scored = torch.as_tensor(backend.extend(memory, pieces)).split([piece.scored for piece in pieces])
            for piece, logits in zip(pieces, scored, strict=True):
                held[piece.row] = [*held[piece.row], *piece.ids]
                wanted = whole(alone, held[piece.row])
                assert torch.equal(logits, wanted[len(wanted) - piece.scored :])
        source, row = (data.draw(st.integers(0, rows - 1)) for _ in "ab")
        length = data.draw(st.integers(0, len(held[source])))
        memory.copy(source, row, length)
        held[row] = held[source][:length]
        row, length = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, room))
        memory.cut(row, length)
        held[row] = held[row][:length]
        assert list(memory.lengths) == [len(text) for text in held]


def test_the_model_itself_is_left_alone(sharp):
    before = {name: value.clone() for name, value in sharp.state_dict().items()}
    kinds = [type(module) for module in sharp.modules()]
    whole(TorchBackend(sharp), [1, 2])
    assert [type(module) for module in sharp.modules()] == kinds
    assert all(torch.equal(before[name], value) for name, value in sharp.state_dict().items())
    assert isinstance(sharp, GPT2)
    assert all(parameter.requires_grad for parameter in sharp.parameters())


@given(st.integers(1, 70), st.integers(1, 40), st.integers(1, 9), st.booleans())
def test_both_stable_matrices_equal_the_plain_one(inside, outside, rows, bias):
    generator = torch.Generator().manual_seed(inside)
    weight, x = torch.randn(outside, inside, generator=generator), torch.randn(rows, 3, inside, generator=generator)
    offset = torch.randn(outside, generator=generator) if bias else None
    wanted = torch.nn.functional.linear(x, weight, offset)
    torch.testing.assert_close(PaddedLinear(weight, offset)(x), wanted, rtol=1e-4, atol=1e-5)
    if can_pack(weight):
        torch.testing.assert_close(PackedLinear(weight, offset)(x), wanted, rtol=1e-4, atol=1e-5)


def test_scores_are_those_of_the_plain_forward_pass(sharp, backend):
    wanted = sharp(torch.tensor([TEXT]))[0, :-1].log_softmax(-1).gather(1, torch.tensor(TEXT[1:])[:, None])[:, 0]
    scores = score_ids(backend, TEXT)
    torch.testing.assert_close(torch.from_numpy(scores), wanted.detach(), **TOLERANCE[torch.float32])
    assert score_ids(backend, [4]).shape == score_ids(backend, []).shape == (0,)


def test_scores_refuse_what_the_model_cannot_see(backend):
    with pytest.raises(ContextOverflow, match=r"25.*24"):
        score_ids(backend, [1] * 25)
    with pytest.raises(InvalidParameter, match="61"):
        score_ids(backend, [1, 61])
