"""A token on one line: what it looks like where spaces, newlines and halves of characters must be seen."""


def spell(token: bytes) -> str:
    """A token as readable text; bytes that are no whole character as ⟨E2 80⟩."""
    try:
        return visible(token.decode())
    except UnicodeDecodeError:
        body = token.lstrip(b" ")
        return "·" * (len(token) - len(body)) + f"⟨{body.hex(' ').upper()}⟩"


def visible(text: str) -> str:
    """A piece of text on one line: · for a space at an edge, ↵ for a newline, escapes for other controls."""
    inner = text.strip(" ")
    left = len(text) - len(text.lstrip(" "))
    if not inner:
        return "·" * len(text)
    marked = "·" * left + inner + "·" * (len(text) - left - len(inner))
    shown = (("↵" if c == "\n" else "⇥" if c == "\t" else c if c.isprintable() else _escape(c)) for c in marked)
    return "".join(shown)


def _escape(character: str) -> str:
    return f"⟨{ord(character):04X}⟩"
