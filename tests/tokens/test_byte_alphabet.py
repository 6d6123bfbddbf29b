import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.errors import TokenizerError
from glassgpt.tokens.byte_alphabet import BYTE_ORDER, spell, unspell


@given(st.binary())
def test_what_is_spelled_can_be_read_back(token):
    assert unspell(spell(token)) == token


def test_every_byte_has_its_own_visible_character():
    spelled = spell(bytes(range(256)))
    assert len(set(spelled)) == 256
    assert not re.search(r"\s", spelled)
    assert spelled.isprintable()


def test_well_known_bytes_are_spelled_as_in_the_published_files():
    assert [spell(token) for token in (b" the", b"\n", "é".encode(), b"\xad")] == ["Ġthe", "Ċ", "Ã©", "Ń"]


def test_the_order_is_that_of_the_first_256_ids():
    assert (BYTE_ORDER[0], BYTE_ORDER[220], BYTE_ORDER[198], sorted(BYTE_ORDER)) == (
        ord("!"),
        ord(" "),
        ord("\n"),
        list(range(256)),
    )


@pytest.mark.parametrize("spelled", ["a b", "\xad", "\x00", "你", "\uffff", "\ud800", "Ġ\n"])
def test_a_character_outside_the_alphabet_is_named(spelled):
    with pytest.raises(TokenizerError, match="stands for no byte"):
        unspell(spelled)
