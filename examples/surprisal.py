"""What surprises a model? Each token with its surprise in bits; then which of two texts is the likelier.

python examples/surprisal.py "The ship sailed over the potato"
"""

import math
import sys

import glassgpt

text = sys.argv[1] if len(sys.argv) > 1 else "The ship sailed over the potato"
lm = glassgpt.load()

score = lm.score(text)
for token, logprob in zip(score.tokens, score.logprobs, strict=True):
    bits = -float(logprob) / math.log(2)
    print(f"{token!r:>14} {bits:5.1f} bits {'#' * round(2 * bits)}")
print(f"\n{score.nats:.1f} nats, {score.bits_per_byte:.2f} bits per byte, perplexity {score.perplexity:.0f}")

for pair in (("He opened the door.", "He opened the the door."), ("She was happy.", "She were happy.")):
    likelier = min(pair, key=lambda sentence: lm.score(sentence).nats)
    print(f"{pair[0]!r} or {pair[1]!r}? The model prefers {likelier!r}")
