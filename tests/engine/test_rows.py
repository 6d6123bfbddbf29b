"""Which rows are taken, what each holds, and whose beginning is copied."""

import pytest

from glassgpt.engine import Piece
from glassgpt.engine.rows import Rows, common


@pytest.fixture
def rows(backend):
    return Rows(backend, 3, 24, 2)


def fill(rows, ids):
    row = rows.take(ids)
    rows.begin(row, ids)
    rows.extend([Piece(row, ids[rows.held(row) :])])
    return row


def test_the_longest_beginning_is_copied_and_one_token_is_left_to_read(rows):
    first = fill(rows, [1, 2, 3, 4, 5])
    second = rows.take([1, 2, 3, 9])
    rows.begin(second, [1, 2, 3, 9])
    assert rows.held(second) == 3
    third = rows.take([1, 2, 3, 4, 5])
    rows.begin(third, [1, 2, 3, 4, 5])
    assert (rows.held(third), rows.copied_tokens) == (4, 7)
    assert len({first, second, third}) == 3
    assert rows.free == 0


def test_a_shorter_beginning_than_is_worth_it_is_read_again(rows, backend):
    fill(rows, [1, 2, 3, 4])
    assert rows.longest([1, 9, 9]) == (-1, 0)
    never = Rows(backend, 2, 24, None)
    fill(never, [1, 2, 3, 4])
    assert never.longest([1, 2, 3, 4, 5]) == (-1, 0)


def test_the_text_used_longest_ago_is_forgotten_first(rows):
    texts = [[1, 1, 1], [2, 2, 2], [3, 3, 3]]
    for row in [fill(rows, ids) for ids in texts]:
        rows.give(row)
    rows.give(fill(rows, [1, 1, 1, 5]))  # the first text is of use, so the second one makes room
    assert [bool(rows.longest([*ids, 7])[1]) for ids in texts] == [True, False, True]


def test_the_only_free_row_is_used_even_if_it_is_the_one_to_copy_from(backend):
    rows = Rows(backend, 1, 24, 2)
    rows.give(fill(rows, [1, 2, 3, 4, 5]))
    row = rows.take([1, 2, 3, 9])
    rows.begin(row, [1, 2, 3, 9])
    assert rows.held(row) == 3


def test_after_a_failure_nothing_is_known(rows):
    rows.give(fill(rows, [1, 2, 3, 4]))
    rows.forget()
    assert rows.longest([1, 2, 3, 4]) == (-1, 0)


def test_what_two_texts_have_in_common():
    assert [common([1, 2, 3], other) for other in ([1, 2, 4], [1, 2, 3, 4], [], [2])] == [2, 3, 0, 0]
