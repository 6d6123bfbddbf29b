"""Stop texts are found wherever the pieces of text are cut, and nothing of them is shown."""

from hypothesis import given
from hypothesis import strategies as st

from glassgpt.engine.stop import StopWatch

TEXT = st.text(alphabet="abé", max_size=12)
STOPS = st.lists(st.text(alphabet="abé", min_size=1, max_size=4), max_size=4)


def plain(text, stops):
    """The text up to the stop that is complete first; of two complete at once, the longer one."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stops if text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)], True
    return text, False


@given(st.lists(TEXT, max_size=8), STOPS)
def test_a_stop_ends_the_text_wherever_pieces_are_cut(pieces, stops):
    watch = StopWatch(stops)
    shown = [watch.push(piece) for piece in pieces]
    kept = "".join(shown) + watch.finish()
    assert (kept, watch.stopped) == plain("".join(pieces), stops)


@given(st.lists(TEXT, max_size=8), STOPS)
def test_what_is_shown_is_never_taken_back_and_held_back_only_if_needed(pieces, stops):
    watch, text, shown = StopWatch(stops), "", ""
    for piece in pieces:
        text += piece
        shown += watch.push(piece)
        if watch.stopped:
            break
        held = text[len(shown) :]
        assert text == shown + held
        assert not held or any(stop.startswith(held) for stop in stops)


def test_text_passes_at_once_when_no_stop_can_begin():
    watch = StopWatch(["###"])
    assert [watch.push(piece) for piece in ("a", "#", "b", "##", "#c")] == ["a", "", "#b", "", ""]
    assert watch.stopped
    assert watch.push("more") == ""
