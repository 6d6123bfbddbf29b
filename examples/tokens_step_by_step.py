"""How GPT-2 cuts a text into tokens: from bytes to ids, one merge at a time.

python examples/tokens_step_by_step.py "unbelievable robots 🤖"
"""

import sys

from glassgpt import Tokenizer
from glassgpt.tokens.merge import states

text = sys.argv[1] if len(sys.argv) > 1 else "unbelievable robots 🤖"
tokenizer = Tokenizer.gpt2()

for piece in tokenizer.show(text):
    print(f"piece {piece.text!r}")
    for parts in states(piece.text.encode(), piece.steps):
        print("   ", " ".join(part.decode("utf-8", "backslashreplace").replace(" ", "·") for part in parts))
    print("    ids", piece.ids)

ids = tokenizer.encode(text)
print(f"\n{len(text.encode())} bytes became {len(ids)} tokens, and back: {tokenizer.decode(ids)!r}")
