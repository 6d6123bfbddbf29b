"""The sorted table of keys and values that TensorFlow uses for a checkpoint's index (LevelDB's table format).

data block …, metaindex block, index block, footer
block    entries (shared, fresh, value length: varints; key suffix; value), restart offsets, their count,
then one byte of compression and the masked CRC-32C of all before
footer   48 bytes: handles (offset, size) of metaindex and index, padding, magic
"""

from collections.abc import Iterator, Mapping

from glassgpt.checkpoints.crc32c import crc32c, masked
from glassgpt.checkpoints.protobuf import read_varint, write_varint
from glassgpt.errors import CheckpointError

MAGIC = 0xDB4775248B80FB57
MAX_ENTRIES = 100_000
MAX_KEY_BYTES = 1_000
"""Keys share their beginnings, so a small file could otherwise unfold into many gigabytes."""
_FOOTER, _TRAILER = 48, 5
_RESTART_INTERVAL = 16

Entries = Iterator[tuple[bytes, bytes]]


def read_table(data: bytes) -> dict[bytes, bytes]:
    """All entries of a table, checksums verified."""
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != MAGIC:
        raise CheckpointError("This is not a TensorFlow index: its last bytes are not the format's mark.")
    footer = data[-_FOOTER:-8]
    _, position = _read_handle(footer, 0)  # metaindex: holds filters, which TensorFlow does not use
    index_handle, _ = _read_handle(footer, position)
    found: dict[bytes, bytes] = {}
    last_key, last_end = None, 0
    for _, value in _entries(_block(data, index_handle)):
        (offset, size), _ = _read_handle(value, 0)
        if offset < last_end:
            raise CheckpointError("Blocks of TensorFlow's index overlap.")
        last_end = offset + size
        for key, content in _entries(_block(data, (offset, size))):
            if last_key is not None and key <= last_key:
                raise CheckpointError("Keys of TensorFlow's index are not in order.")
            last_key = key
            found[key] = content
            if len(found) > MAX_ENTRIES:
                raise CheckpointError(f"TensorFlow's index has more than {MAX_ENTRIES:,} entries.")
    return found


def write_table(entries: Mapping[bytes, bytes]) -> bytes:
    """A table of one data block, byte for byte as TensorFlow writes it."""
    keys = sorted(entries)
    data = _seal(_pack([(key, entries[key]) for key in keys]))
    metaindex = _seal(_pack([]))
    index_offset = len(data) + len(metaindex)
    content_size = len(data) - _TRAILER
    index = _seal(_pack([(_short_successor(keys[-1]), write_varint(0) + write_varint(content_size))]))
    handles = (len(data), len(metaindex) - _TRAILER, index_offset, len(index) - _TRAILER)
    footer = b"".join(map(write_varint, handles)).ljust(_FOOTER - 8, b"\0") + MAGIC.to_bytes(8, "little")
    return data + metaindex + index + footer


def _read_handle(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return (offset, size), position


def _block(data: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    end = offset + size
    if end + _TRAILER > len(data) - _FOOTER:
        raise CheckpointError("A block of TensorFlow's index lies outside the file: it was cut off.")
    if masked(crc32c(data[offset : end + 1])) != int.from_bytes(data[end + 1 : end + _TRAILER], "little"):
        raise CheckpointError("TensorFlow's index is damaged: a checksum does not match.")
    if data[end]:
        raise CheckpointError("TensorFlow's index is compressed, which checkpoints never are: it is not supported.")
    return data[offset:end]


def _entries(block: bytes) -> Entries:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if len(block) < 4 or end < 0:
        raise CheckpointError("A block of TensorFlow's index is malformed.")
    key, position = b"", 0
    while position < end:
        shared, position = read_varint(block, position)
        fresh, position = read_varint(block, position)
        length, position = read_varint(block, position)
        if shared > len(key) or shared + fresh > MAX_KEY_BYTES or position + fresh + length > end:
            raise CheckpointError("An entry of TensorFlow's index is malformed.")
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + length]
        position += length


def _pack(entries: list[tuple[bytes, bytes]]) -> bytes:
    out, restarts, last = bytearray(), [0], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % _RESTART_INTERVAL:
            shared = _common_start(last, key)
        elif number:
            restarts.append(len(out))
        out += write_varint(shared) + write_varint(len(key) - shared) + write_varint(len(value)) + key[shared:] + value
        last = key
    return bytes(out) + b"".join(offset.to_bytes(4, "little") for offset in (*restarts, len(restarts)))


def _common_start(one: bytes, other: bytes) -> int:
    length = 0
    while one[length : length + 1] == other[length : length + 1] != b"":
        length += 1
    return length


def _seal(block: bytes) -> bytes:
    uncompressed = block + b"\0"
    return uncompressed + masked(crc32c(uncompressed)).to_bytes(4, "little")


def _short_successor(key: bytes) -> bytes:
    """A short text that sorts after `key`: up to its first byte that can be raised, raised by one."""
    for position, byte in enumerate(key):
        if byte != 0xFF:
            return key[:position] + bytes([byte + 1])
    return key
