from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from glassgpt.tokens.merge import merge, states

LETTERS = st.text("abc", min_size=1, max_size=30).map(str.encode)


@st.composite
def rank_tables(draw):
    """Merges in an order in which each part is made before it is used, many of them fighting for the same bytes."""
    tokens, merges = [b"a", b"b", b"c"], []
    for _ in range(draw(st.integers(1, 20))):
        pair = (draw(st.sampled_from(tokens)), draw(st.sampled_from(tokens)))
        if pair not in merges:
            merges.append(pair)
            tokens.append(pair[0] + pair[1])
    return {pair: rank for rank, pair in enumerate(merges)}


def by_the_rule(piece, ranks):
    """The rule as it is written, without any cleverness: look at all neighbours, join the best, begin again."""
    parts = [piece[i : i + 1] for i in range(len(piece))]
    while True:
        found = [(ranks[pair], i) for i, pair in enumerate(pairwise(parts)) if pair in ranks]
        if not found:
            return parts
        _, i = min(found)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


@given(LETTERS, rank_tables())
def test_the_heap_gives_what_the_rule_says(piece, ranks):
    assert merge(piece, ranks)[0] == by_the_rule(piece, ranks)


class CountingRanks(dict):
    """Ranks that know how often they were asked."""

    asked = 0

    def __contains__(self, pair):
        self.asked += 1
        return super().__contains__(pair)


@given(rank_tables(), st.integers(1, 2000), st.randoms(use_true_random=False))
def test_work_grows_with_the_length_and_not_with_its_square(table, length, chance):
    ranks = CountingRanks(table)
    merge(bytes(chance.choices(b"ab", k=length)), ranks)
    assert ranks.asked <= 3 * length  # each pair of neighbours, then two for each merge


@given(LETTERS, rank_tables())
def test_played_back_the_steps_lead_from_bytes_to_tokens(piece, ranks):
    tokens, steps = merge(piece, ranks)
    played = list(states(piece, steps))
    assert played[0] == [piece[i : i + 1] for i in range(len(piece))]
    assert played[-1] == tokens
    assert [len(state) for state in played] == list(range(len(piece), len(tokens) - 1, -1))


@given(LETTERS, rank_tables())
def test_each_step_names_a_merge_and_the_place_where_it_happens(piece, ranks):
    for step in merge(piece, ranks)[1]:
        assert ranks[step.left, step.right] == step.rank
        assert piece[step.at :].startswith(step.left + step.right)


def test_nothing_becomes_nothing():
    assert merge(b"", {}) == ([], [])


def test_a_long_piece_costs_no_more_looks_than_n_log_n():
    class Counted(dict):
        looks = 0

        def __contains__(self, pair):
            Counted.looks += 1
            return super().__contains__(pair)

    length = 20_000
    ranks = Counted({(b"a" * 2**n, b"a" * 2**n): n for n in range(10)})
    tokens, _ = merge(b"a" * length, ranks)
    assert b"".join(tokens) == b"a" * length
    assert Counted.looks < 4 * length
