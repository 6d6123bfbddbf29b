"""So much of a prompt is read in a step that those who write wait at most so many times as long."""

import pytest

from glassgpt.engine.budget import Budget


def steps(budget, step, fixed, token, count=60):
    """The lengths of steps in which others write, on a machine with such costs."""
    budget.learn(step, written=8, read=0)
    for _ in range(count):
        read = budget.tokens()
        seconds = step + fixed + read * token
        yield seconds / step
        budget.learn(seconds, written=8, read=read)


@pytest.mark.parametrize(
    ("step", "fixed", "token"), [(0.04, 0.0, 0.0013), (0.0065, 0.001, 0.0003), (0.04, 0.02, 0.001)]
)
def test_a_step_in_which_prompts_are_read_lasts_as_long_as_it_may(step, fixed, token):
    *_, last = steps(Budget(16, 512, 2.5), step, fixed, token)
    assert last == pytest.approx(2.5, rel=0.1)


def test_a_few_tokens_are_read_however_long_it_takes_and_never_more_than_a_bound():
    *_, last = steps(Budget(16, 512, 2.5), 0.01, 0.0, 0.01)
    assert last == pytest.approx(1 + 16)
    budget = Budget(16, 512, 2.5)
    *_, _ = steps(budget, 0.01, 0.0, 1e-7)
    assert budget.tokens() == 512


def test_what_reading_costs_is_learnt_while_nobody_writes_too():
    budget = Budget(16, 512, 2.5)
    assert budget.tokens() == 16
    budget.learn(0.1, written=0, read=100)
    budget.learn(0.02, written=1, read=0)
    assert budget.tokens() == 30
