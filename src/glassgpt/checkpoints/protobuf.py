"""The few bytes of Protocol Buffers that TensorFlow's index needs: numbers and nested messages, in and out."""

from collections.abc import Iterator

from glassgpt.errors import CheckpointError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}

Fields = dict[int, int | bytes]


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, least significant first, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise CheckpointError("A number in TensorFlow's index is cut off or too long.")


def write_varint(value: int) -> bytes:
    """The inverse of `read_varint`."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def read_message(data: bytes) -> Fields:
    """The fields of a message by number; of a repeated one, the last."""
    return dict(read_fields(data))


def whole(fields: Fields, number: int) -> int:
    """A field that must be a whole number; zero if it is absent."""
    value = fields.get(number, 0)
    if not isinstance(value, int):
        raise CheckpointError(f"Field {number} of a message in TensorFlow's index should be a number.")
    return value


def nested(fields: Fields, number: int) -> bytes:
    """A field that must be a nested message; empty if it is absent."""
    value = fields.get(number, b"")
    if not isinstance(value, bytes):
        raise CheckpointError(f"Field {number} of a message in TensorFlow's index should be a message.")
    return value


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message as (number, value): whole numbers, or bytes for texts and nested messages."""
    position = 0
    while position < len(data):
        tag, position = read_varint(data, position)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, position = read_varint(data, position)
            yield number, value
            continue
        length = _FIXED.get(kind, 0)
        if kind == BYTES:
            length, position = read_varint(data, position)
        elif not length:
            raise CheckpointError(f"TensorFlow's index holds a field of unknown kind {kind}.")
        if position + length > len(data):
            raise CheckpointError("A field in TensorFlow's index is cut off.")
        chunk = data[position : position + length]
        position += length
        yield number, chunk if kind == BYTES else int.from_bytes(chunk, "little")


def number_field(number: int, value: int) -> bytes:
    """One whole number; zero is not written, as it is the default."""
    return write_varint(number << 3 | VARINT) + write_varint(value) if value else b""


def fixed32_field(number: int, value: int) -> bytes:
    """One number of four bytes."""
    return write_varint(number << 3 | FIXED32) + value.to_bytes(4, "little")


def message_field(number: int, content: bytes) -> bytes:
    """One nested message."""
    return write_varint(number << 3 | BYTES) + write_varint(len(content)) + content
