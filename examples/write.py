"""Let the model that comes with GlassGPT write: at once, as it goes, and with several settings.

python examples/write.py "A robot must obey"
"""

import sys

import glassgpt

prompt = sys.argv[1] if len(sys.argv) > 1 else "It was a dark night, and the captain"
lm = glassgpt.load()  # or a folder, or "gpt2" where its weights are at hand

print("As it goes:\n", prompt, sep="\n", end="")
for text in lm.stream(prompt, max_new_tokens=60, top_k=40, seed=1):
    print(text, end="", flush=True)

print("\n\nThe same request gives the same text:")
first = lm.generate(prompt, max_new_tokens=20, seed=7)
print(repr(first), first == lm.generate(prompt, max_new_tokens=20, seed=7))

print("\nBolder and bolder:")
for temperature in (0.0, 0.7, 1.0, 1.3):
    text = lm.generate(prompt, max_new_tokens=20, temperature=temperature, seed=1)
    print(f"{temperature:.1f}  {' '.join(text.split())}")

print("\nThree continuations, and why each ended:")
for completion in lm.complete(prompt, n=3, max_new_tokens=40, stop=(".",), seed=1):
    print(f"{completion.finish_reason:7} {' '.join(completion.text.split())}")
