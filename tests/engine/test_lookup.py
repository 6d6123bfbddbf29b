"""Guesses come from the last time the text went on after the same tokens, and fade where they fail."""

from hypothesis import given
from hypothesis import strategies as st

from glassgpt.engine.lookup import LONGEST_REST, MOST, Lookup


def plain(text, most):
    """Look through the whole text for the last run like its end; the longer run first."""
    for size in (3, 2):
        tail = text[-size:]
        for start in range(len(text) - size - 1, -1, -1):
            if len(tail) == size and text[start : start + size] == tail:
                guess = list(text)
                for place in range(start + size, start + size + most):
                    guess.append(guess[place])
                return guess[len(text) :]
    return []


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 4), st.integers(0, 39))
def test_the_guess_is_what_followed_the_last_time(text, most, given_at_first):
    lookup = Lookup(text[:given_at_first])
    for token in text[given_at_first:]:
        lookup.push(token)
    assert lookup.guess(most) == plain(text, most)


def test_guesses_grow_where_they_are_right():
    lookup = Lookup([1, 2, 3] * 20)
    widths = []
    for _ in range(4):
        widths.append(len(lookup.guess(100)))
        lookup.learn(widths[-1], widths[-1])
    assert widths == [4, 8, 16, MOST]
    assert lookup.guess(4) == [1, 2, 3, 1]


def test_where_guesses_are_wrong_few_are_made():
    lookup, text, guessed = Lookup([1, 2, 3, 4] * 5), [1, 2, 3, 4], 0
    for token in text * 1000:
        guess = lookup.guess(100)
        guessed += len(guess)
        lookup.learn(len(guess), 0)
        lookup.push(token)
    assert 0 < guessed < 3 * 4000 / LONGEST_REST
