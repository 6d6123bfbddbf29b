"""Draw the picture at the top of the README: a prompt, and the ten tokens the model considered next.

    python docs/picture.py "The old man looked at the" > docs/next.svg

Every number is the model's own; run it again after the model in the box has changed.
"""

import sys
from html import escape

import glassgpt
from glassgpt.language_model import NextWord

PAPER, INK, QUIET, BAR = "#fbf7ef", "#2b2622", "#8a7f73", "#7a5ea8"
WIDTH, ROW, LEFT, LONGEST = 720, 30, 150, 470


def draw(prompt: str, words: list[NextWord]) -> str:
    """One bar a token, as long as it is likely, the likeliest as long as there is room."""
    height = 92 + ROW * len(words)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace">',
        f"<title>{escape(prompt)} … and the ten likeliest next tokens</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="{PAPER}"/>',
        f'<text x="30" y="46" font-size="19" font-family="Georgia, serif" fill="{INK}">{escape(prompt)} '
        f'<tspan fill="{BAR}">…</tspan></text>',
    ]
    for rank, word in enumerate(words):
        y = 72 + ROW * rank
        length = max(2.0, LONGEST * word.probability / words[0].probability)
        shown = escape(word.text.replace(" ", "·").replace("\n", "↵"))
        share, end = f"{word.probability:.1%}", LEFT + length + 9
        lines += [
            f'<text x="{LEFT - 14}" y="{y + 17}" font-size="15" text-anchor="end" fill="{INK}">{shown}</text>',
            f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="19" rx="3" fill="{BAR}" '
            f'opacity="{1 - 0.06 * rank:.2f}"/>',
            f'<text x="{end:.1f}" y="{y + 17}" font-size="13" fill="{QUIET}">{share}</text>',
        ]
    return "\n".join([*lines, "</svg>"])


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "The old man looked at the"
    print(draw(text, glassgpt.load().next_words(text, top=10)))
