"""Documents that share a row do as if each were alone."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassgpt.model import GPT2, GPT2Config, initialize
from glassgpt.model.attend import explicit, fused
from glassgpt.model.isolated import Isolated

CONFIG = GPT2Config(vocab_size=61, context_length=24, emb_dim=24, n_heads=3, n_layers=2, drop_rate=0.0)


@pytest.fixture
def network():
    return initialize(GPT2(CONFIG), seed=0).eval()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(lengths=st.lists(st.integers(1, 8), min_size=1, max_size=3), key=st.integers(0, 99), plain=st.booleans())
def test_each_document_of_a_row_is_computed_as_if_it_were_alone(network, lengths, key, plain):
    generator = torch.Generator().manual_seed(key)
    ids = torch.randint(61, (2, sum(lengths)), generator=generator)
    documents = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths)).expand(2, -1)
    past = Isolated(documents)
    for block in network.h:
        block.attn.attend = explicit if plain else fused
    with torch.no_grad():
        together = network(ids, past)
        for number in range(len(lengths)):
            alone = network(ids[:, documents[0] == number])
            torch.testing.assert_close(together[:, documents[0] == number], alone, rtol=0, atol=2e-6)


def test_changing_one_document_changes_no_bit_of_the_others(network, ids):
    documents = torch.tensor([0] * 4 + [1] * 5 + [2] * 2).expand(3, -1)
    changed = ids.clone()
    changed[:, 4:9] = (changed[:, 4:9] + 7) % 61
    with torch.no_grad():
        before, after = network(ids, Isolated(documents)), network(changed, Isolated(documents))
    assert torch.equal(before[:, :4], after[:, :4])
    assert torch.equal(before[:, 9:], after[:, 9:])
    assert not torch.equal(before[:, 4:9], after[:, 4:9])


def test_positions_count_from_zero_in_each_document():
    documents = torch.tensor([[0, 0, 1, 1, 1, 2], [0, 1, 2, 2, 2, 2]])
    assert Isolated(documents).positions(documents).tolist() == [[0, 1, 0, 1, 2, 0], [0, 0, 0, 1, 2, 3]]
