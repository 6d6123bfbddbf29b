"""Texts that tokenizers disagree about, for hypothesis to put together."""

from hypothesis import strategies as st

FRAGMENTS = (
    "'s 't 're 've 'm 'll 'd 'S 'RE ’s",
    "    four spaces",
    "tab\tand\r\nline\n\n\nend \n ",
    "\u00a0\u2003\u3000\u0085\u200b\u2028 odd spaces",
    "naïve café Ünïcödé e\u0301 Ελληνικά Русский עברית हिन्दी ไทย",
    "你好，世界。日本語テキスト 한국어",
    "🙂👩‍👩‍👧‍👦🇫🇷✊🏿\ufe0f",
    "½ ² ٣ Ⅻ 一 12345 3.14",
    "def f(x):\n\treturn {'a': [x**2 for x in range(10)]}  # !!! ->",
    "<|endoftext|> <|endoftext|",
    "\x00\x07\x1c\x1d\x1e\x1f\x7f\ufffd\uffff\U0010ffff",
    "aaaaaaaaaaaaaaaa---------======......!!!!!!!!",
    "Ġthe ĠĊ Ã©",
)

CHARACTERS = st.characters(exclude_categories=["Cs"])
SPACES = st.text(" \t\n\r\u00a0\u2003\u3000\u0085", min_size=1, max_size=6)
RUNS = st.builds(lambda character, length: character * length, CHARACTERS, st.integers(1, 40))

TEXTS = st.lists(st.one_of(st.text(CHARACTERS, max_size=12), st.sampled_from(FRAGMENTS), SPACES, RUNS), max_size=8).map(
    "".join
)
"""Any text without halves of surrogate pairs."""

FEW_LETTERS = st.text("abc \n", max_size=60)
"""Texts in which the merges of a small vocabulary compete."""
