"""With the published weights at hand: outputs that others published. GLASSGPT_GPT2_DIR says where they lie.

It names a folder with one model, or one with a folder for each: gpt2, gpt2-medium … in any format that loads.
"""

import json
import os
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from glassgpt.checkpoints import Loaded, load_model
from glassgpt.errors import GlassGPTError
from glassgpt.model import SIZES

pytestmark = [pytest.mark.weights, pytest.mark.slow]

SIZE = {"124M": ("gpt2", "small"), "355M": ("gpt2-medium", "medium")}


@pytest.fixture
def outputs(shared_data):
    rows = json.loads((shared_data / "reference" / "gpt2_reference_figures.json").read_text(encoding="utf-8"))
    return rows["outputs"]


def published(size: str) -> Loaded:
    """The model of one size, or a skip that says where it was looked for."""
    name, shape = SIZE[size]
    folder = Path(os.environ["GLASSGPT_GPT2_DIR"])
    for place in (folder / name, folder / size, folder):
        if not place.is_dir():
            continue
        try:
            loaded = load_model(place)
        except GlassGPTError:
            continue  # a folder of folders, or of another model's files
        if loaded.model.config.emb_dim == SIZES[shape].emb_dim:
            return loaded
    return pytest.skip(f"no {size} model in {folder}, {folder / name} or {folder / size}")


@torch.no_grad()
def continue_greedily(loaded: Loaded, ids: list[int], count: int) -> list[int]:
    """Without a past: the plain model alone."""
    for _ in range(count):
        ids = [*ids, int(loaded.model(torch.tensor([ids]))[0, -1].argmax())]
    return ids


@pytest.mark.parametrize("size", SIZE)
def test_greedy_continuations_are_those_that_were_published(outputs, size):
    loaded = published(size)
    for row in (row for row in outputs if row["kind"] == "greedy" and row["model"] == size):
        prompt = loaded.tokenizer.encode(row["prompt"])
        assert prompt == row.get("prompt_ids", prompt)
        count = row["max_length"] - len(prompt) if "max_length" in row else row["max_new_tokens"]
        ids = continue_greedily(loaded, prompt, count)
        assert ids == row.get("expected_ids", ids), row["source"]
        whole, new = loaded.tokenizer.decode(ids), loaded.tokenizer.decode(ids[len(prompt) :])
        assert row["expected_text"] in (whole, new), row["source"]


def test_ten_steps_on_one_batch_give_the_published_losses(outputs):
    (row,) = (row for row in outputs if row["kind"].startswith("10 training steps"))
    model = published(row["model"]).model
    ids = torch.tensor(row["batch"]["ids_257"])
    inputs, targets = ids[:256].reshape(4, 64), ids[1:257].reshape(4, 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    for expected in row["expected_losses"]:
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        assert loss.item() == pytest.approx(expected, abs=float(row["tolerance"]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_the_head_is_the_token_embedding_and_nothing_was_left_out():
    loaded = published("124M")
    assert sum(parameter.numel() for parameter in loaded.model.parameters()) == 124_439_808
    assert loaded.model.config.tie_embeddings
