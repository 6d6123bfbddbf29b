"""Charts as characters and as SVG."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgpt.cli.chart import Axis, Chart, Series

POSITIVE = st.floats(1e-6, 1e6)


def chart(x, y, log=False):
    return Chart(
        "loss & size", Axis("size", log), Axis("loss", log), [Series("<models>", x, y), Series("law", x, y, False)]
    )


@given(points=st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=20), log=st.booleans())
@settings(max_examples=30)
def test_any_points_make_a_picture_of_the_right_size(points, log):
    x, y = [a for a, _ in points], [b for _, b in points]
    lines = chart(x, y, log).text(40, 10).splitlines()
    assert len(lines) == 1 + 10 + 2 + 1
    assert all(len(line) <= 60 for line in lines[1:12])
    assert any("○" in line for line in lines[1:11])
    root = ET.fromstring(chart(x, y, log).svg())
    circles = [each for each in root.iter() if each.tag.endswith("circle")]
    assert len(circles) == len(points)
    assert all(0 <= float(each.get("cx")) <= 720 and 0 <= float(each.get("cy")) <= 420 for each in circles)


def test_higher_is_higher_and_later_is_further_right():
    lines = Chart("", Axis("x"), Axis("y"), [Series("one", [0, 1, 2], [0.0, 1.0, 4.0])]).text(21, 9).splitlines()[1:10]
    rows = [(row, line.index("●")) for row, line in enumerate(lines) if "●" in line]
    assert [row for row, _ in rows] == [0, 6, 8]
    assert [column for _, column in rows] == sorted((column for _, column in rows), reverse=True)


@pytest.mark.parametrize("log", [False, True])
def test_the_ends_of_the_axes_are_named(log):
    shown = chart([10.0, 1000.0], [2.5, 4.5], log).text()
    assert all(number in shown for number in ("10", "1000", "2.5", "4.5"))
