"""The contract of the scheduler: company, order, pieces, copies and guesses change nothing, to the bit.

And the test is worth something: with any of a handful of mistakes in the engine it fails.
"""

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from glassgpt.engine import TorchBackend
from glassgpt.engine.draft import Draft
from glassgpt.engine.draw import Place
from glassgpt.engine.native_backend import TOLERANCE
from glassgpt.engine.past import StaticPast
from glassgpt.engine.rows import Rows
from tests.engine.schedules import check, schedules


@settings(max_examples=8)
@given(schedules(), st.booleans())
def test_a_schedule_changes_nothing(schedule, guess):
    check(schedule, torch.float32, guess)


@settings(max_examples=2)
@given(schedules(), st.booleans())
def test_a_schedule_changes_nothing_in_bfloat16(schedule, guess):
    check(schedule, torch.bfloat16, guess)


@pytest.mark.parametrize("weights", ["float32", "int8"])
@settings(max_examples=3)
@given(schedules(), st.booleans())
def test_a_schedule_changes_nothing_with_native_kernels(weights, schedule, guess):
    check(schedule, weights, guess)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("weights", TOLERANCE)
@settings(max_examples=25)
@given(schedules(), st.booleans())
def test_a_hundred_of_three_hundred_schedules_change_nothing_with_native_kernels(weights, schedule, guess):
    check(schedule, weights, guess)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=200)
@given(schedules(), st.booleans())
def test_two_hundred_of_three_hundred_schedules_change_nothing(schedule, guess):
    check(schedule, torch.float32, guess)


@pytest.mark.release
@pytest.mark.timeout(0)
@settings(max_examples=10_000)
@given(
    schedules(), st.booleans(), st.sampled_from([torch.float32, torch.bfloat16, "float32", "bfloat16", "int8", "int4"])
)
def test_ten_thousand_schedules_change_nothing(schedule, guess, dtype):
    check(schedule, dtype, guess)


def noise_of_a_neighbour(monkeypatch):
    """The draws of one step get each other's noise."""
    from glassgpt.engine import scheduler

    right = scheduler.draw

    def wrong(logits, places, allowed):
        keys = [place.key for place in places]
        return right(logits, [Place(p.row, k) for p, k in zip(places, keys[1:] + keys[:1], strict=True)], allowed)

    monkeypatch.setattr(scheduler, "draw", wrong)


def one_noise_for_all_guesses(monkeypatch):
    """The draws after guesses get the noise of the first."""
    right = Draft.places

    def wrong(self, guesses=()):
        places = right(self, guesses)
        return [Place(place.row, places[0].key) for place in places]

    monkeypatch.setattr(Draft, "places", wrong)


def wrong_guesses_stay(monkeypatch):
    """What was guessed wrongly is not taken back from memory."""
    monkeypatch.setattr(Rows, "cut", lambda self, row, length: None)


def guesses_are_believed(monkeypatch):
    """A guess is taken for right although another token was drawn."""
    from glassgpt.engine import seat

    right = seat.TextSeat.take

    def wrong(self, drawn, logits, memory):
        drawn = [(guess, note) for guess, (_, note) in zip(self.guesses, drawn, strict=False)] + [drawn[-1]]
        right(self, drawn, logits, memory)

    monkeypatch.setattr(seat.TextSeat, "take", wrong)


def too_much_is_copied(monkeypatch):
    """A beginning is taken for longer than it is."""
    right = Rows.shared

    def wrong(self, held, ids):
        length = right(self, held, ids)
        return min(length + 1, len(held), len(ids) - 1) if length else 0

    monkeypatch.setattr(Rows, "shared", wrong)


def rows_trade_places(monkeypatch):
    """A text that was moved in memory is looked for where it was."""
    right = StaticPast._swap

    def wrong(self, here, there):
        right(self, here, there)
        self._place.sort()

    monkeypatch.setattr(StaticPast, "_swap", wrong)


def numbers_depend_on_company(monkeypatch):
    """The last bit of a logit depends on how many rows are read."""
    right = TorchBackend.extend

    def wrong(self, memory, pieces):
        return right(self, memory, pieces) * (1 + 2e-7 * (len(pieces) > 2))

    monkeypatch.setattr(TorchBackend, "extend", wrong)


MISTAKES = [
    noise_of_a_neighbour,
    one_noise_for_all_guesses,
    wrong_guesses_stay,
    guesses_are_believed,
    too_much_is_copied,
    rows_trade_places,
    numbers_depend_on_company,
]


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake, monkeypatch):
    """Within as many schedules as CI plays; most are found in a few."""
    mistake(monkeypatch)

    @settings(
        max_examples=300, phases=[Phase.generate], suppress_health_check=list(HealthCheck), report_multiple_bugs=False
    )
    @given(schedules())
    def play(schedule):
        check(schedule, torch.float32, guess=True)

    with pytest.raises(AssertionError):
        play()
