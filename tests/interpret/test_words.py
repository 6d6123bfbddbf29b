"""Neighbours, sums and differences of words, and how alike places are."""

import numpy as np
import pytest

from glassgpt.errors import InvalidParameter
from glassgpt.interpret import difference, nearest, neighbors, position_similarity, trace
from tests.interpret.test_trace import close


def cosines(table, vector):
    return table @ vector / np.linalg.norm(table, axis=-1) / np.linalg.norm(vector)


def test_neighbours_are_the_nearest_by_cosine(deep):
    table = deep.weights["wte.weight"]
    found, expected = neighbors(deep.model, [7], top=6), cosines(table, table[7])
    expected[7] = -np.inf
    order = np.argsort(-expected)[:6]
    assert found.ids.tolist() == order.tolist()
    close(found.cosines, expected[order])


def test_a_sum_of_words_is_asked_about_like_a_word(deep):
    table = deep.weights["wte.weight"]
    expected = cosines(table, table[3] - table[4] + table[5])
    expected[[3, 4, 5]] = -np.inf
    assert neighbors(deep.model, [3, 5], [4]).ids.tolist() == np.argsort(-expected)[:10].tolist()


def test_a_vector_made_of_a_word_finds_it(deep):
    found = nearest(deep.model, 3.5 * deep.model.wte.weight.detach()[19], top=1)
    assert found.ids.tolist() == [19]
    close(found.cosines, [1.0])


def test_a_vector_of_the_stream_has_neighbours(deep):
    vector = trace(deep.model, deep.ids).residual(4)[6]
    expected = cosines(deep.weights["wte.weight"], deep.insides.stream[4][6])
    assert nearest(deep.model, vector, 3).ids.tolist() == np.argsort(-expected)[:3].tolist()


def test_a_difference_means_the_words_at_its_ends(deep):
    table = deep.weights["wte.weight"]
    found, expected = difference(deep.model, 11, 12, top=4), cosines(table, table[11] - table[12])
    assert found.along.ids.tolist() == np.argsort(-expected)[:4].tolist()
    assert found.against.ids.tolist() == np.argsort(expected)[:4].tolist()
    close(found.cosine, cosines(table[11][None], table[12])[0])


def test_places_are_compared_with_places(deep):
    table = deep.weights["wpe.weight"]
    expected = np.stack([cosines(table, row) for row in table])
    close(position_similarity(deep.model).cosines, expected)
    close(position_similarity(deep.model, 3, 9).cosines, expected[3:9, 3:9])


def test_words_are_said_in_words(deep):
    def spell(token):
        return f"w{token}"

    found = neighbors(deep.model, [3, 5], [4], spell=spell)
    assert found.describe().startswith(f"Nearest to ‘w3’ + ‘w5’ - ‘w4’: ‘w{found.ids[0]}’ (")
    assert difference(deep.model, 1, 2, spell=spell).describe().startswith("‘w1’ - ‘w2’ points to ‘w1’ (")
    assert position_similarity(deep.model).describe().startswith("Of 33 places")


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: neighbors(model, []),
        lambda model: neighbors(model, [257]),
        lambda model: neighbors(model, [1], [-1]),
        lambda model: neighbors(model, [1], top=257),
        lambda model: difference(model, 4, 4),
        lambda model: position_similarity(model, 33),
    ],
)
def test_what_is_no_word_is_refused(deep, ask):
    with pytest.raises(InvalidParameter):
        ask(deep.model)
