"""Numbers in, noise out: a hash instead of a generator, so that a draw depends on nothing but what it is for.

Whoever asks for the noise of (seed, sample, position, token) gets the same number: on any device, in any batch, in any
order. Mixing function: splitmix64 (Steele, Lea, Flood 2014). A uniform number has 52 bits and a half one, which is what
a float64 can hold: it is never 0 and never rounds to 1.
"""

from jaxtyping import Float64, Int, Int64

from glassgpt.sampling.arrays import Array, library

WORD = 2**64
GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def key(seed: int, sample: int, position: int) -> int:
    """One 64-bit number for one draw: a chain of mixes, so that no two draws share a sequence."""
    mixed = 0
    for number in (seed, sample, position):
        mixed = splitmix((mixed ^ number) + GOLDEN)
    return mixed


def splitmix(word: int) -> int:
    """Mix 64 bits; the plain twin of what `uniform` does to tensors."""
    word %= WORD
    word = (word ^ (word >> 30)) * FIRST % WORD
    word = (word ^ (word >> 27)) * SECOND % WORD
    return word ^ (word >> 31)


def uniform(keys: Int64[Array, " B"], tokens: Int[Array, "*#B V"]) -> Float64[Array, "B V"]:
    """A number in (0, 1) for each key and token id."""
    # int64 stands for uint64: products wrap the same; a shift must clear the copies of the sign
    word = keys[:, None] + tokens * _signed(GOLDEN)
    for shift, factor in ((30, FIRST), (27, SECOND), (31, None)):
        word ^= (word >> shift) & ((1 << (64 - shift)) - 1)
        if factor is not None:
            word *= _signed(factor)
    numbers = library(word).float64((word >> 12) & ((1 << 52) - 1))
    numbers += 0.5
    numbers *= 2.0**-52
    return numbers


def gumbel(keys: Int64[Array, " B"], tokens: Int[Array, "*#B V"]) -> Float64[Array, "B V"]:
    """Noise that turns argmax into a draw: argmax(logit + g) has the probabilities softmax(logit) (Gumbel 1954)."""
    noise = uniform(keys, tokens)
    for _ in range(2):  # −log(−log(u)), in one piece of memory
        library(noise).log(noise, out=noise)
        noise *= -1
    return noise


def keys_like(keys: list[int], like: Array) -> Int64[Array, " B"]:
    """Keys as an array where `like` lies."""
    return library(like).integers([_signed(entry) for entry in keys], like)


def _signed(word: int) -> int:
    return word - WORD if word >= WORD // 2 else word
