"""The fast checksum is the plain one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgpt.checkpoints import crc32c as module
from glassgpt.checkpoints.crc32c import crc32c, masked, plain_crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # this and the next two: RFC 3720, appendix B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values_are_met(data, expected):
    assert crc32c(data) == plain_crc32c(data) == expected


@given(st.binary(max_size=600))
def test_fast_equals_plain(data):
    assert crc32c(data) == plain_crc32c(data)


@pytest.mark.parametrize("length", [4 * 64 - 1, 4 * 64, 4 * 64 + 1, 4 * 128, 4 * 129 + 3, 4 * 1000])
def test_fast_equals_plain_across_several_rows(length, monkeypatch):
    monkeypatch.setattr(module, "_WIDEST", 64)
    data = bytes((i * 37 + i // 7) % 256 for i in range(length))
    assert crc32c(memoryview(data)) == plain_crc32c(data)


def test_masking_is_tensorflows():
    assert masked(0) == 0xA282EAD8
    assert masked(0xFFFFFFFF) == 0xA282EAD7
