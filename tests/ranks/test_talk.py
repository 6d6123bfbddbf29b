"""Ranks agree: on sums, on wishes, on who failed, and nobody is left waiting."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_only_the_first_rank_leads(two_ranks):
    assert [facts["leads"] for facts in two_ranks.talk()] == [True, False]


@pytest.mark.parametrize(
    ("ranks", "shares"), [("two_ranks", [[0, 4], [4, 8]]), ("four_ranks", [[0, 2], [2, 4], [4, 6], [6, 8]])]
)
def test_the_rows_of_a_batch_are_read_once_each_and_in_order(ranks, shares, request):
    assert [facts["rows"] for facts in request.getfixturevalue(ranks).talk()] == shares


def test_rows_that_cannot_be_shared_evenly_are_refused(two_ranks):
    assert all("multiple of 2" in facts["uneven rows"] for facts in two_ranks.talk())


def test_what_one_rank_says_all_ranks_know(two_ranks):
    for facts in two_ranks.talk():
        assert facts["total"] == 1 + 2
        assert (facts["highest"], facts["highest of none"]) == (1, 0)
        assert facts["told"] == {"number": 0.1, "word": "é"}


def test_where_one_fails_all_stop_and_one_says_why(two_ranks):
    first, second = two_ranks.talk()
    assert [first["attempt"], second["attempt"]] == [0, 1]
    assert [first["the last fails"], second["the last fails"]] == ["StoppedElsewhere", "RunError"]
    assert [first["all fail"], second["all fail"]] == ["RunError", "StoppedElsewhere"]


def test_what_the_first_rank_reads_reaches_all_bit_for_bit(two_ranks):
    expected = [["a", [0, 1, 2], "torch.int64"], ["b", 1.5, "torch.bfloat16"], ["c", [[1.0] * 4], "torch.float32"]]
    assert [facts["relay"] for facts in two_ranks.talk()] == [expected, expected]


def test_a_checkpoint_that_breaks_off_stops_all(two_ranks):
    assert [facts["broken relay"] for facts in two_ranks.talk()] == [["a", "said why"], ["a", "stopped"]]
