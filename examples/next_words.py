"""Watch a model make up its mind: the likeliest next words as a sentence grows.

python examples/next_words.py "The old man looked at the sea"
"""

import sys

import glassgpt

sentence = sys.argv[1] if len(sys.argv) > 1 else "The old man looked at the sea"
lm = glassgpt.load()

words = sentence.split()
for length in range(1, len(words) + 1):
    start = " ".join(words[:length])
    best = lm.next_words(start, top=4)
    guesses = ", ".join(f"{word.text.strip() or word.text!r} {word.probability:.0%}" for word in best)
    print(f"{start:>40} …  {guesses}")
