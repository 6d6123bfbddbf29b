"""Any shape: GPT-2 small at full length, the depth and heads of the largest, half precision, a run still training."""

import numpy as np
import pytest
import torch

from glassgpt.checkpoints import load_model, save_model, write_manifest
from glassgpt.interpret import (
    Head,
    attention,
    attribute,
    compare,
    effect,
    lens,
    looks,
    score_heads,
    sweep,
    thumbnails,
    trace,
    zero,
)
from glassgpt.model import GPT2, SIZES, GPT2Config, initialize
from glassgpt.tokens import learn

DEEP = GPT2Config(vocab_size=53, context_length=12, emb_dim=50, n_heads=25, n_layers=48, drop_rate=0.0)


def test_48_layers_of_25_heads_are_taken_apart():
    model = initialize(GPT2(DEEP), seed=2).eval()
    seen = trace(model, range(10))
    assert looks(seen, -1).values.shape == (48, 25, 10)
    assert thumbnails(seen, 47, 4).values.shape == (25, 4, 4)
    assert lens(seen).ids.shape == (97, 10)
    found = attribute(seen, 7)
    assert found.heads.shape == (48, 25)
    assert abs(found.total - found.logit) < 1e-4
    silent = effect(seen, seen.under(zero(Head(47, 24))))
    assert silent.kl > 0


@pytest.mark.slow
def test_48_layers_of_25_heads_are_swept_and_scored():
    model = initialize(GPT2(DEEP), seed=2).eval()
    seen = trace(model, range(6))
    found = sweep(seen, word=3)
    assert found.heads.shape == (48, 25)
    assert np.isclose(found.heads_kl[47, 24], effect(seen, seen.under(zero(Head(47, 24)))).kl, atol=1e-6)
    assert score_heads(model, texts=1).first.shape == (48, 25)


@pytest.mark.slow
def test_gpt2_small_at_full_length_stays_small():
    model = initialize(GPT2(SIZES["small"]), seed=0).eval()
    ids = torch.randint(50257, (1024,), generator=torch.Generator().manual_seed(1)).tolist()
    seen = trace(model, ids)
    held = sum(tensor.untyped_storage().nbytes() for tensor in (seen.stream, *seen.kept))
    assert held == 4 * 1024 * 768 * (25 + 12 * 3), "the stream at 25 stops, and Q, K and V of 12 layers: 192 MB"
    view = attention(seen, 11, 11)
    np.testing.assert_allclose(view.pattern.sum(-1), 1, atol=1e-5)
    found = attribute(seen, 262)
    assert abs(found.total - found.logit) < 1e-4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_read_as_it_is(model, ids, dtype):
    half = model.to(dtype)
    seen = trace(half, ids[0].tolist())
    assert seen.stream.dtype == dtype
    assert seen.residual(0).dtype == np.float32
    assert abs(attribute(seen, 3).total - attribute(seen, 3).logit) < 0.05
    assert sweep(seen).heads.dtype == np.float32
    assert attention(seen, 0, 0).pattern.dtype == np.float32


def test_a_model_in_training_mode_is_read_without_dropout(config, ids):
    from dataclasses import replace

    model = initialize(GPT2(replace(config, drop_rate=0.5)), seed=0)
    assert model.training
    one, two = (trace(model, ids[0].tolist()) for _ in range(2))
    assert torch.equal(one.stream, two.stream)
    assert model.training


def test_a_run_that_is_still_training_is_opened_at_its_newest_checkpoint(tmp_path):
    tokenizer = learn(["to be or not to be " * 4], 260)
    shape = GPT2Config(vocab_size=tokenizer.vocab_size, context_length=16, emb_dim=12, n_heads=2, n_layers=2)

    def save(step):
        folder = tmp_path / "run" / "ckpt" / f"step-{step:08d}"
        save_model(initialize(GPT2(shape), seed=step), folder, tokenizer=tokenizer)
        write_manifest(folder)

    save(10)
    ids = tokenizer.encode("to be")
    early = trace(load_model(tmp_path / "run").model, ids)
    (tmp_path / "run" / "ckpt" / ".tmp-step-00000020-77").mkdir()  # being written
    again = trace(load_model(tmp_path / "run").model, ids)
    assert compare(early, again).kl.max() < 1e-6
    save(20)
    later = trace(load_model(tmp_path / "run").model, ids)
    assert compare(early, later).kl.min() > 0
    first = trace(load_model(f"{tmp_path / 'run'}@10").model, ids)
    assert compare(early, first).kl.max() < 1e-6
