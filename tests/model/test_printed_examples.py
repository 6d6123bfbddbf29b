"""What the documents print that GlassGPT was built from, run as they print it."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from glassgpt.model import GPT2, SIZES, GPT2Config, initialize, parameter_count, tally
from glassgpt.model.attend import explicit, pattern
from glassgpt.model.cost import storage_bytes
from glassgpt.tokens import Tokenizer

GPT_CONFIG_124M = {
    "vocab_size": 50257,  # Vocabulary size
    "context_length": 1024,  # Context length
    "emb_dim": 768,  # Embedding dimension
    "n_heads": 12,  # Number of attention heads
    "n_layers": 12,  # Number of layers
    "drop_rate": 0.1,  # Dropout rate
    "qkv_bias": False,  # Query-Key-Value bias
}
BATCH = torch.tensor([[6109, 3626, 6100, 345], [6109, 1110, 6622, 257]])

SCORES = torch.tensor(
    [[0.11, 0.00, 0.81, 0.79], [0.19, 0.50, 0.30, 0.48], [0.53, 0.98, 0.95, 0.14], [0.81, 0.86, 0.38, 0.90]]
)
PATTERN = torch.tensor([[1, 0, 0, 0], [0.48, 0.52, 0, 0], [0.31, 0.35, 0.34, 0], [0.25, 0.26, 0.23, 0.26]])
"""Of "robot must obey orders": queries down, keys across."""


def test_the_printed_config_is_gpt2_small_without_query_key_value_biases():
    config = GPT2Config(**GPT_CONFIG_124M)
    assert config == replace(SIZES["small"], qkv_bias=False)
    assert parameter_count(config) == 124_439_808 - 12 * 3 * 768
    assert parameter_count(replace(config, tie_embeddings=False)) == 163_009_536


def test_the_printed_batch_gives_logits_of_2_by_4_by_50257():
    with torch.device("meta"):
        model = GPT2(GPT2Config(**GPT_CONFIG_124M))
    assert model(BATCH.to("meta")).shape == (2, 4, 50257)


def test_the_printed_batch_runs_through_all_124_million_parameters():
    model = initialize(GPT2(GPT2Config(**GPT_CONFIG_124M)), seed=123).eval()
    with torch.no_grad():
        logits = model(BATCH)
    assert logits.shape == (2, 4, 50257)
    assert_close(logits.std().item(), 0.02 * math.sqrt(768), rtol=0.05, atol=0)
    assert_close(logits.softmax(-1).sum(-1), torch.ones(2, 4))


def test_the_printed_ids_are_the_printed_words():
    tokenizer = Tokenizer.gpt2()
    assert [tokenizer.encode(text) for text in ("Every effort moves you", "Every day holds a")] == BATCH.tolist()


def test_the_printed_scores_become_the_printed_pattern():
    # Queries are the table and keys the identity, so that q kᵀ is the table. The printed numbers have two places, and
    # they follow only from scores divided by 4 = √16, as in a head of width 16; the drawings leave that step out.
    table = pattern(SCORES[None, None], torch.eye(4)[None, None], None, 16**-0.5)[0, 0]
    assert torch.equal((table * 100).round() / 100, PATTERN)


def test_without_dividing_the_printed_pattern_would_be_another():
    table = pattern(SCORES[None, None], torch.eye(4)[None, None], None, 1.0)[0, 0]
    assert_close(table[1, :2], torch.tensor([0.42, 0.58]), rtol=0, atol=0.005)


def test_must_takes_48_percent_from_robot_and_52_percent_from_itself():
    values = torch.diag(torch.tensor([1.0, 1.0, 9.0, 9.0]))  # robot, must, and two words that come too late
    fetched = explicit(SCORES[None, None], torch.eye(4)[None, None], values[None, None], None, 16**-0.5)
    assert_close(fetched[0, 0, 1], torch.tensor([0.48, 0.52, 0, 0]), rtol=0, atol=0.005)


@pytest.fixture
def figures(shared_data):
    """The tally of every matrix of the four sizes, and results of the published weights."""
    return json.loads((shared_data / "reference" / "gpt2_reference_figures.json").read_text(encoding="utf-8"))


TITLES = {"124M": "small", "355M": "medium", "774M": "large", "1558M": "xl"}


def test_every_matrix_of_every_size_has_the_tallied_shape(figures):
    for title, figure in figures["parameter_tally"].items():
        config = SIZES[TITLES[title.split()[0]]]
        shapes = {f"{name}.weight": row["shape"] for name, row in figure["embedding"].items()}
        for layer in range(figure["n_layer"]):
            shapes |= {f"h.{layer}.{name}": row["shape"][::-1] for name, row in figure["per_block"].items()}
        shapes |= {name: row["shape"] for name, row in figure["final"].items()}
        assert {tensor.name: list(tensor.shape) for tensor in tally(config)} == shapes, title


def test_every_sum_of_every_size_is_the_tallied_one(figures):
    for title, figure in figures["parameter_tally"].items():
        counts = {tensor.name: tensor.count for tensor in tally(SIZES[TITLES[title.split()[0]]])}
        embeddings = counts["wte.weight"] + counts["wpe.weight"]
        assert sum(counts.values()) == figure["total"], title
        assert sum(counts.values()) - counts["wpe.weight"] == figure["total_without_wpe"], title
        assert sum(counts.values()) - embeddings == figure["total_without_embeddings"], title
        assert sum(n for name, n in counts.items() if name.startswith("h.7.")) == figure["params_per_block"], title
        assert len(counts) == figure["n_tensors"], title
        matrices = [tensor for tensor in tally(SIZES[TITLES[title.split()[0]]]) if len(tensor.shape) == 2]
        assert sum(tensor.count for tensor in matrices) == figure["matmul_weights_decayed"], title


@pytest.mark.parametrize(
    ("size", "layers", "width", "heads", "millions", "paper_millions"),
    [
        ("small", 12, 768, 12, 124, 117),
        ("medium", 24, 1024, 16, 355, 345),
        ("large", 36, 1280, 20, 774, 762),
        ("xl", 48, 1600, 25, 1558, 1542),
    ],
)
def test_sizes_are_the_corrected_ones_and_the_papers_differ_by_the_vocabulary(
    size, layers, width, heads, millions, paper_millions
):
    config = SIZES[size]
    assert (config.n_layers, config.emb_dim, config.n_heads, config.head_dim) == (layers, width, heads, 64)
    assert round(parameter_count(config) / 1e6) == millions
    # The first GPT had 40,478 words: with them the sum is the paper's figure, to the million, for all four sizes.
    assert round(parameter_count(replace(config, vocab_size=40_478)) / 1e6) == paper_millions


def test_the_smallest_takes_about_500_megabytes_and_the_largest_13_times_that():
    small, largest = storage_bytes(SIZES["small"]), storage_bytes(SIZES["xl"])
    assert small == 497_759_232  # also the size of the published model.ckpt.data file
    assert storage_bytes(SIZES["medium"]) == 1_419_292_672
    assert round(largest / small) == 13
    # "More than 6.5 GB" is 13 x 500 MB; to the byte it is 6.23 GB, five per cent less.
    assert largest == 6_230_444_800
    assert_close(largest / 1e9, 6.5, rtol=0.05, atol=0)
