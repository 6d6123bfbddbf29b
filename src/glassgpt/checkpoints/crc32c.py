"""CRC-32C (Castagnoli), the checksum in TensorFlow's files, at memory-like speed in NumPy.

A checksum is the remainder of the message as a polynomial over two values, so moving the register k bits on is a linear
map of its 32 bits: two look-ups in tables of 65,536 entries. The message is laid out as rows of W words. All W columns
move on together, one row at a time; at the end they are folded in halves into one.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

POLYNOMIAL = 0x82F63B78
"""Castagnoli's 0x1EDC6F41 with its bits in reverse order, as the register shifts to the right."""
MASK_DELTA = 0xA282EAD8
_WIDEST = 1 << 15
"""Words in a row: fastest between 2^14 and 2^16, where the two tables and a row share the cache."""


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of some bytes."""
    whole = len(data) // 4
    register = 0xFFFFFFFF
    if whole:
        register = _crc_of_words(np.frombuffer(data, dtype="<u4", count=whole))
    return _bytewise(register, bytes(data[whole * 4 :])) ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """The form in which TensorFlow stores it, so that a checksum of data that holds checksums stays sound."""
    return (((crc >> 15) | (crc << 17)) + MASK_DELTA) & 0xFFFFFFFF


def plain_crc32c(data: bytes) -> int:
    """The definition, one byte at a time: what the fast one is tested against."""
    return _bytewise(0xFFFFFFFF, data) ^ 0xFFFFFFFF


def _bytewise(register: int, data: bytes) -> int:
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (POLYNOMIAL if register & 1 else 0)
    return register


def _crc_of_words(words: Words) -> int:
    """The register after whole words, from its start at all ones."""
    width = min(_WIDEST, 1 << (len(words).bit_length() - 1))
    first = len(words) % width or width
    columns = np.zeros(width, dtype=np.uint32)  # zeros in front leave a register of zero as it is
    columns[width - first :] = words[:first]
    columns[width - first] ^= np.uint32(0xFFFFFFFF)
    for row in words[first:].reshape(-1, width):
        columns = _move(columns, width)
        columns ^= row
    while width > 1:
        width //= 2
        columns = _move(columns[:width], width) ^ columns[width:]
    return int(_move(columns, 1)[0])


def _move(registers: Words, count: int) -> Words:
    """Move every register on by `count` words of zeros; `count` is a power of two."""
    low, high = _tables(count)
    moved = low[registers & 0xFFFF]
    moved ^= high[registers >> 16]
    return moved


@cache
def _tables(count: int) -> tuple[Words, Words]:
    """What the lower and the upper half of a register become, for all values of each."""
    images = _images(count)
    return _combinations(images[:16]), _combinations(images[16:])


@cache
def _images(count: int) -> Words:
    """What each single bit of a register becomes."""
    if count == 1:
        return np.array([_bytewise(1 << bit, bytes(4)) for bit in range(32)], dtype=np.uint32)
    half = _images(count // 2)
    bits = (half[:, None] >> np.arange(32, dtype=np.uint32)) & 1  # 32 images x 32 bits
    return np.bitwise_xor.reduce(np.where(bits == 1, half, np.uint32(0)), axis=1)


def _combinations(images: Words) -> Words:
    table = np.zeros(1, dtype=np.uint32)
    for image in images:
        table = np.concatenate([table, table ^ image])
    return table
