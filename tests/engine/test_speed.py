"""What is timed, and what it must take at least."""

import pytest

from glassgpt.engine import NativeBackend, TorchBackend
from glassgpt.engine.speed import Work, seconds
from glassgpt.errors import InvalidParameter
from glassgpt.model import parameter_count
from glassgpt.model.cost import forward_flops
from tests.engine.counting import Counting


def test_writing_reads_the_weights_once_a_step_and_each_text_itself(backend):
    weights, token = backend.bytes_read_each_step, backend.bytes_kept_each_token
    assert weights == 4 * (parameter_count(backend.config) - 24 * 24)  # all but the table of places
    assert token == 2 * 2 * 24 * 4
    assert Work(3, 5, 2, one_by_one=True).bytes(backend) == 2 * weights + 3 * (6 + 7) * token
    assert Work(1, 0, 1024, one_by_one=False).bytes(backend) == 2 * weights


def test_a_prompt_is_scored_once(backend):
    config = backend.config
    head = 2 * config.vocab_size * config.emb_dim
    whole = sum(forward_flops(config, place) for place in (1, 2, 3))
    assert Work(1, 0, 3, one_by_one=True).operations(backend) == whole
    assert Work(2, 0, 3, one_by_one=False).operations(backend) == 2 * (whole - 2 * head)


@pytest.mark.parametrize("make", [TorchBackend, lambda model: NativeBackend.of(model, weights="int8")])
def test_it_is_done_as_often_as_it_says(sharp, make):
    backend = Counting(make(sharp))
    assert seconds(backend, Work(2, 4, 6, one_by_one=True)) > 0
    assert (backend.steps, backend.read_tokens) == (2 + 6, 2 * (4 + 6))
    assert seconds(backend, Work(1, 0, 7, one_by_one=False)) > 0
    assert (backend.steps, backend.read_tokens) == (9, 27)


def test_what_does_not_fit_is_refused(backend):
    with pytest.raises(InvalidParameter, match="24"):
        seconds(backend, Work(1, 20, 5, one_by_one=True))
    with pytest.raises(InvalidParameter, match="count=0"):
        Work(1, 1, 0, one_by_one=True)
