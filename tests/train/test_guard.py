"""The guard judges by the numbers alone, and a resumed guard judges alike."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.train.guard import Watch, batch_number, deviations
from glassgpt.train.settings import Guard

NUMBERS = st.floats(-1e6, 1e6)


def watched(settings: Guard, values: list[float]) -> Watch:
    watch = Watch(settings)
    for step, value in enumerate(values, start=1):
        assert watch.judge(step, value, 1.0) is None
    return watch


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_bad_in_the_loss_and_in_the_gradient(bad: float):
    for loss, norm in ((bad, 1.0), (1.0, bad)):
        verdict = Watch(Guard()).judge(1, loss, norm)
        assert verdict is not None
        assert not verdict.finite
        assert str(bad) in verdict.reason


def test_an_outlier_is_bad_only_where_asked_and_once_the_window_is_full():
    values = [1.0, 1.1] * 4
    for settings, count, is_bad in (
        (Guard(z_loss=5.0, window=8), 8, True),
        (Guard(z_loss=5.0, window=8), 7, False),
        (Guard(window=8), 8, False),
        (Guard(z_norm=5.0, window=8), 8, False),
    ):
        verdict = watched(settings, values[:count]).judge(count + 1, 9.0, 1.0)
        assert (verdict is not None) == is_bad
        assert verdict is None or verdict.finite


def test_a_lasting_change_becomes_the_custom():
    watch = watched(Guard(z_loss=3.0, window=8, max_bad_steps=99), [1.0, 1.1] * 4)
    verdicts = [watch.judge(step, 9.0 + step % 2 / 10, 1.0) for step in range(9, 25)]
    assert verdicts[0] is not None
    assert verdicts[-1] is None


def test_a_falling_loss_is_no_outlier():
    watch = watched(Guard(z_loss=3.0, window=8), [1.0, 1.1] * 4)
    assert watch.judge(9, -9.0, 1.0) is None


def test_it_gives_up_after_bad_steps_in_a_row_and_a_good_one_starts_the_count_anew():
    watch, nan = Watch(Guard(max_bad_steps=2)), float("nan")
    for step, value in enumerate([nan, 1.0, nan], start=1):
        watch.judge(step, value, 1.0)
    assert not watch.gives_up
    watch.judge(4, nan, 1.0)
    assert watch.gives_up


def test_steps_done_again_after_going_back_do_not_count_as_progress():
    watch, nan = Watch(Guard(max_bad_steps=2)), float("nan")
    for step, value in [(5, nan), (3, 1.0), (4, 1.0), (5, nan)]:
        watch.judge(step, value, 1.0)
    assert watch.gives_up


@given(before=st.lists(NUMBERS, max_size=30), after=st.lists(st.one_of(NUMBERS, st.just(float("nan"))), max_size=20))
def test_a_restored_watch_judges_as_the_one_before(before: list[float], after: list[float]):
    settings = Guard(z_loss=2.0, z_norm=2.0, window=8, max_bad_steps=4)
    first, second = Watch(settings), Watch(settings)
    for step, value in enumerate(before, start=1):
        first.judge(step, value, -value)
    second.restore(first.state())
    for step, value in enumerate(after, start=len(before) + 1):
        assert first.judge(step, value, -value) == second.judge(step, value, -value)
        assert first.gives_up == second.gives_up


@given(st.lists(st.floats(-100, 100), min_size=8, max_size=8), st.floats(-100, 100))
def test_deviations_are_those_of_the_definition(values: list[float], value: float):
    mean = sum(values) / 8
    spread = (sum((v - mean) ** 2 for v in values) / 8) ** 0.5
    found = deviations(value, deque(values, maxlen=8))
    if spread > 1e-6:
        assert found == pytest.approx((value - mean) / spread, rel=1e-6, abs=1e-6)


@given(st.sets(st.integers(0, 40), max_size=10))
def test_batches_that_are_left_out_are_never_read_and_no_other_is_missed(left_out: set[int]):
    read = [batch_number(step, list(left_out)) for step in range(60)]
    assert read == [number for number in range(60 + len(left_out)) if number not in left_out][:60]
