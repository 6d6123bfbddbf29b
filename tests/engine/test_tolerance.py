"""The native rung stands within its tolerance of PyTorch's at every position, however a text is read."""

import pytest
import torch

from glassgpt.engine import NativeBackend, TorchBackend
from glassgpt.engine.native_backend import ANYWHERE, TOLERANCE
from tests.engine.models import sharp_model
from tests.engine.nearness import nearness

CONTEXT = 1024


def check(model, weights: str, text: list[int], piece: int = 100) -> None:
    """All logits, read in pieces and read token by token, which must be the same to the bit."""
    found = nearness(NativeBackend.of(model, weights=weights), TorchBackend(model), text, piece)
    assert found.same_bits
    assert len(found.in_pieces) == len(text) == model.config.context_length
    assert found.whole < TOLERANCE[weights]
    assert found.worst < ANYWHERE[weights]


def random_text(words: int, count: int = CONTEXT) -> list[int]:
    return torch.randint(words, (count,), generator=torch.Generator().manual_seed(7)).tolist()


@pytest.mark.parametrize("weights", TOLERANCE)
def test_every_position_of_a_long_text_is_within_tolerance(weights):
    model = sharp_model(3, scale=4.0, vocab_size=211, context_length=CONTEXT, emb_dim=64, n_heads=2)
    check(model, weights, random_text(211))


@pytest.mark.slow
@pytest.mark.parametrize("weights", TOLERANCE)
@pytest.mark.parametrize("piece", [1, 7, 256, 1024])
def test_so_it_is_in_pieces_of_any_size(weights, piece):
    model = sharp_model(4, scale=4.0, vocab_size=300, context_length=CONTEXT, emb_dim=96, n_heads=3, n_layers=4)
    check(model, weights, random_text(300), piece)


@pytest.mark.slow
@pytest.mark.parametrize("weights", TOLERANCE)
def test_so_it_is_with_the_model_that_ships(weights):
    from glassgpt.checkpoints import load_model

    loaded = load_model("embedded")
    text = loaded.tokenizer.encode("It was a dark night, and the captain said that he would not go. " * 100)
    check(loaded.model, weights, text[: loaded.model.config.context_length])


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["float32", "bfloat16"])
def test_so_it_is_at_the_width_of_gpt2_small(weights):
    model = sharp_model(5, scale=1.0, vocab_size=3001, context_length=CONTEXT, emb_dim=768, n_heads=12)
    check(model, weights, random_text(3001))


@pytest.mark.release
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("weights", TOLERANCE)
def test_so_it_is_in_all_of_gpt2_small(weights):
    from glassgpt.model import GPT2, SIZES, initialize

    check(initialize(GPT2(SIZES["small"]), seed=0).eval(), weights, random_text(50257))


def test_one_position_that_is_off_is_noticed():
    """Nothing of the kind goes under in the mean of a thousand positions."""
    model = sharp_model(3, scale=4.0, vocab_size=211, context_length=CONTEXT, emb_dim=64, n_heads=2)
    other = sharp_model(3, scale=4.0, vocab_size=211, context_length=CONTEXT, emb_dim=64, n_heads=2)
    with torch.no_grad():
        other.wpe.weight[1000] += 2e-5 * torch.randn(64, generator=torch.Generator().manual_seed(0))
    found = nearness(NativeBackend.of(other), TorchBackend(model), random_text(211), 100)
    assert found.in_pieces[:1000].max() < ANYWHERE["float32"] < found.worst == found.in_pieces[1000]
    assert found.whole < TOLERANCE["float32"]
