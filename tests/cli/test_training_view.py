"""What is shown of a run: a board that fits any window, lines where nobody watches, never a control character."""

import math
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.cli import training_view
from glassgpt.cli.options import Talk
from glassgpt.cli.training_board import MOST_POINTS, Board, Pace, Trend
from glassgpt.cli.training_view import TrainingView
from glassgpt.recipes import tiny
from glassgpt.train import Evaluation, Resumed, Sample, Saved, Step, Trouble

RECIPE = replace(tiny(300), steps=200)


def plain(text: str, style: str) -> str:
    return text


def step(number: int, loss: float = 3.0) -> Step:
    return Step(number, loss, 0.5, 1.25, 9_000.0)


def board(*events, utilisation=None) -> Board:
    made = Board(RECIPE, Pace(began=0.0), utilisation)
    for event in events:
        made.take(event)
    return made


def test_the_board_shows_every_figure():
    shown = "\n".join(
        board(
            *(step(n, 5.0 - n / 50) for n in range(1, 101)),
            Evaluation(100, 3.5, 1.25),
            Sample(100, "The", " cat\nsat"),
            utilisation=lambda speed: speed / 1e5,
        ).lines(50.0, 100, 30, plain)
    )
    for expected in ("step 100/200", "lr ×0.50", "gradient 1.25", "9,000 tokens/s", "MFU 9 %", "50s left"):
        assert expected in shown
    assert "validation 3.5000 nats a token, 1.2500 bits a byte (step 100)" in shown
    assert "sample (step 100): The cat sat" in shown
    assert any("\u2801" <= letter <= "\u28ff" for letter in shown)


def test_what_is_not_known_is_not_shown():
    shown = "\n".join(board().lines(0.0, 80, 30, plain))
    assert shown.startswith("step 0/200")
    assert "MFU" not in "\n".join(board(step(1)).lines(1.0, 80, 30, plain))
    assert "nan" not in shown


@settings(max_examples=40)
@given(
    losses=st.lists(st.floats(0, 50), max_size=60),
    width=st.integers(40, 120),
    height=st.integers(5, 50),
    text=st.text(max_size=300),
)
def test_the_board_fits_the_window_whatever_is_shown(losses, width, height, text):
    made = board(*(step(n, loss) for n, loss in enumerate(losses, start=1)), Sample(1, "", text))
    rows = made.lines(9.0, width, height, plain)
    assert len(rows) <= max(height, 7)
    assert max(map(len, rows)) <= width
    assert not any(ord(letter) < 32 for row in rows for letter in row)


def test_time_left_counts_from_where_the_run_went_on():
    pace = Pace(began=100.0, first=50)
    assert pace.seconds_left(now=110.0, done=60, steps=100) == pytest.approx(40.0)
    assert math.isnan(pace.seconds_left(now=110.0, done=50, steps=100))


def test_a_long_curve_stays_short_and_keeps_its_mean():
    trend = Trend()
    for number in range(1, 5 * MOST_POINTS + 1):
        trend.add(number, float(number % 2))
    assert len(trend.values) <= MOST_POINTS
    assert trend.each == 8
    assert set(trend.values) == {0.5}
    assert trend.steps == sorted(trend.steps)


def test_elsewhere_there_is_a_line_now_and_then(capsys, monkeypatch):
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(training_view.time, "monotonic", lambda: float(next(clock)))
    with TrainingView(Talk(verbose=True), RECIPE) as view:
        view.tell(Resumed(10))
        for number in range(11, 20):
            view.tell(step(number))
        view.tell(Evaluation(19, 3.5, 1.25))
        view.tell(Sample(19, "The", " cat\x1b[2J"))
        view.tell(Trouble(19, "guard", "step 19 skipped"))
        view.tell(Saved(19, "step-00000019"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "going on after step 10"
    assert 1 <= sum("tokens/s" in line for line in lines) < 9
    assert lines[-4:-2] == [
        "step 19: validation 3.5000 nats a token, 1.2500 bits per byte",
        "step 19: sample: The cat⟨001B⟩[2J",
    ]
    assert lines[-2:] == ["guard: step 19 skipped", "step 19: saved step-00000019"]


def test_quiet_is_quiet(capsys):
    with TrainingView(Talk(quiet=True), RECIPE) as view:
        view.tell(Evaluation(19, 3.5, 1.25))
    assert capsys.readouterr().err == ""


def test_at_a_terminal_the_board_is_drawn_over_itself(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    with TrainingView(Talk(), RECIPE) as view:
        for number in range(1, 40):
            view.tell(step(number))
        view.tell(Evaluation(39, 3.5, 1.25))
        view.tell(Trouble(39, "guard", "step 39 skipped"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "step 39/200" in shown.err
    assert "guard: step 39 skipped" in shown.err
    assert "validation 3.5000" in shown.err
