"""Charts show what is there, where it is: dots, ticks and names."""

import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.cli.braille import picture, sparkline
from glassgpt.cli.chart import Axis, Chart, Scale, Series, short
from glassgpt.cli.svg import drawing

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
VALUES = st.lists(st.one_of(NUMBERS, st.just(math.nan), st.just(math.inf)), min_size=1, max_size=50)


def chart(*series: Series, log: bool = False) -> Chart:
    return Chart("<run>", Axis("step"), Axis("nats", log), series)


def rows(*series: Series, width: int = 60, height: int = 12) -> list[str]:
    return picture(chart(*series), width=width, height=height).splitlines()[1:]


def test_a_falling_line_goes_from_the_upper_left_to_the_lower_right():
    found = rows(Series("loss", (0, 1, 2), (10.0, 5.0, 0.0)))
    dots = [[column for column, letter in enumerate(row) if "\u2801" <= letter <= "\u28ff"] for row in found[:-2]]
    assert all(dots)
    assert [min(columns) for columns in dots] == sorted(min(columns) for columns in dots)
    assert found[-3].endswith("loss")


def test_names_stand_where_lines_end_and_never_on_each_other():
    up, down, too = (Series(name, (0, 1), ys) for name, ys in (("up", (0, 9)), ("down", (9, 0)), ("too", (0, 9))))
    found = rows(up, down, too)
    assert found[0].endswith("up")
    assert found[1].endswith("too")
    assert found[-3].endswith("down")


def test_points_that_stand_alone_are_round_and_not_joined():
    found = rows(Series("models", (0, 1, 2), (0.0, 1.0, 4.0), line=False), width=30, height=11)
    marks = [(row, line.index("●")) for row, line in enumerate(found) if "●" in line]
    assert [row for row, _ in marks] == [0, 6, 8]
    assert not any("\u2801" <= letter <= "\u28ff" for line in found for letter in line)


@settings(max_examples=60)
@given(ys=VALUES, width=st.integers(30, 120), height=st.integers(6, 30), log=st.booleans(), line=st.booleans())
def test_any_values_make_a_picture_that_fits(ys, width, height, log, line):
    series = Series("a", tuple(range(len(ys))), tuple(ys), line)
    found = picture(chart(series, log=log), width=width, height=height).splitlines()
    assert len(found) == height + 1
    assert max(map(len, found)) <= width


@settings(max_examples=60)
@given(ys=VALUES, log=st.booleans(), line=st.booleans())
def test_any_values_make_a_drawing_that_is_xml_and_stays_in_its_frame(ys, log, line):
    series = Series("a < b & c", tuple(range(len(ys))), tuple(ys), line)
    text = drawing(chart(series, log=log))
    root = ElementTree.fromstring(text)
    texts = {element.text for element in root.iter() if element.text}
    assert {"a < b & c", "step", "nats", "<run>"} <= texts
    assert not re.search(r'"[^"]*\b(nan|inf)\b[^"]*"', text)
    circles = [each for each in root.iter() if each.tag.endswith("circle")]
    assert all(0 <= float(each.get("cx", "nan")) <= 760 for each in circles)
    assert all(0 <= float(each.get("cy", "nan")) <= 420 for each in circles)


@settings(max_examples=100)
@given(low=NUMBERS, span=st.floats(1e-6, 1e9), count=st.integers(1, 12))
def test_ticks_are_in_the_range_in_order_and_about_as_many_as_asked(low, span, count):
    axis = Scale(low, low + span)
    if axis.low < axis.high:
        ticks = axis.ticks(count)
        assert ticks == sorted(ticks)
        assert len(ticks) <= count + 2
        slack = span * 1e-6 + abs(low) * 1e-9
        assert all(axis.low - slack <= tick <= axis.high + slack for tick in ticks)


def test_a_logarithmic_axis_gives_each_power_the_same_room():
    axis = Scale(1.0, 1000.0, log=True)
    assert [axis.place(value) for value in (1.0, 10.0, 1000.0)] == pytest.approx([0.0, 1 / 3, 1.0])
    assert axis.place(0.5) is None
    assert {1.0, 10.0, 100.0, 1000.0} & set(axis.ticks(8))


def test_a_sparkline_is_as_wide_as_it_may_be():
    assert sparkline([1.0, 2.0, 3.0], 10) == "▁▅█"
    assert len(sparkline([float(n) for n in range(1000)], 40)) == 40
    assert sparkline([1.0, math.nan, 2.0], 10) == "▁ █"
    assert sparkline([], 5) == ""
    assert sparkline([2.0, 2.0], 5) in ("▅▅", "▁▁", "████"[:2])


@pytest.mark.parametrize(
    ("value", "text"), [(0.25, "0.25"), (12_000, "12k"), (1.5e6, "1.5M"), (3.0, "3"), (-2e9, "-2G")]
)
def test_numbers_are_written_short(value, text):
    assert short(float(value)) == text
