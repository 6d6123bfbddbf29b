from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from glassgpt.tokens import StreamDecoder, Tokenizer
from tests.tokens.texts import TEXTS


class Cut:
    """A vocabulary whose tokens are the parts of one string of bytes."""

    def __init__(self, data, cuts):
        self.parts = [data[start:end] for start, end in pairwise([0, *sorted(cuts), len(data)])]

    def token_bytes(self, token):
        return self.parts[token]


@st.composite
def cut_bytes(draw):
    """Bytes, whole text or not, cut at arbitrary places."""
    data = draw(st.one_of(st.binary(max_size=24), st.text(max_size=12).filter(str.isprintable).map(str.encode)))
    data = draw(st.sampled_from([data, data[:-1], data[1:]]))
    return Cut(data, draw(st.lists(st.integers(0, len(data)), max_size=8)))


@given(cut_bytes())
def test_streamed_text_equals_text_decoded_at_once(cut):
    stream = StreamDecoder(cut)
    streamed = [stream.push(token) for token in range(len(cut.parts))] + [stream.finish()]
    assert "".join(streamed) == b"".join(cut.parts).decode("utf-8", errors="replace")


def test_every_way_of_cutting_awkward_bytes_gives_the_same_text():
    for data in ("é€🙂".encode(), b"\xf0\x9f\x99A\xe2\x82\xff\x80", b"\xed\xa0\x80\xf4\x90\x80\x80", b"\xe2\x82"):
        for mask in range(1 << (len(data) - 1)):
            cut = Cut(data, [i + 1 for i in range(len(data) - 1) if mask >> i & 1])
            stream = StreamDecoder(cut)
            text = "".join(stream.push(token) for token in range(len(cut.parts))) + stream.finish()
            assert text == data.decode("utf-8", errors="replace"), (data, mask)


@given(TEXTS)
@example("👩‍👩‍👧‍👦")
def test_no_half_character_ever_leaves(text):
    tokenizer = Tokenizer.gpt2()
    stream = StreamDecoder(tokenizer)
    grown = ""
    for token in tokenizer.encode(text):
        grown += stream.push(token)
        assert text.startswith(grown)
    assert grown == text
    assert stream.finish() == ""


def test_an_unfinished_character_is_replaced_once_and_the_decoder_is_fresh_again():
    stream = StreamDecoder(Cut("🙂a".encode(), [3, 4]))
    assert [stream.push(0), stream.finish(), stream.push(2), stream.finish()] == ["", "\ufffd", "a", ""]
