import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.tokens.split import sections, split
from tests.tokens.texts import TEXTS


@given(TEXTS)
def test_the_pieces_joined_are_the_text(text):
    assert "".join(split(text)) == text


@given(TEXTS)
def test_a_piece_alone_stays_one_piece(text):
    assert [split(piece) for piece in split(text)] == [[piece] for piece in split(text)]


@given(TEXTS, st.integers(0, 30))
def test_a_long_text_cut_into_sections_has_the_same_pieces(text, size):
    cut = list(sections(text, size))
    assert "".join(cut) == text
    assert [piece for section in cut for piece in split(section)] == split(text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("we're WE'RE", ["we", "'re", " WE", "'", "RE"]),
        ("in 1996 €5", ["in", " 1996", " €", "5"]),
        ("a   b", ["a", "  ", " b"]),
        ("a\n\nb", ["a", "\n", "\n", "b"]),
        ("end  \n", ["end", "  \n"]),
    ],
)
def test_each_alternative_of_the_pattern_does_what_its_line_says(text, pieces):
    assert split(text) == pieces
