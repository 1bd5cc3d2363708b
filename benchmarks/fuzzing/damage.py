"""What happens to files: bits flip, ends are lost, numbers become absurd."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_ODD_NUMBERS = (
    b"0", b"-1", b"1", b"2147483647", b"2147483648", b"4294967295", b"-2147483648", b"18446744073709551615", b"1e400",
    b"-1e9", b"nan", b"inf", b"0.5", b"100000", b"30000000", b"1.2.3", b"9" * 400, b"0x7fffffff", b"08", b"",
)  # fmt: skip
_ODD_INTEGERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1)


def damage(content: bytes, generator: random.Random) -> bytes:
    """Return content with one to three accidents.

    Parameters
    ----------
    content : bytes
    generator : random.Random

    Returns
    -------
    bytes
    """
    data = bytearray(content)
    if b"\0" not in content and generator.random() < 0.6:
        # What is text is refused at its first wrong character, and nobody would see what its numbers do.
        for _ in range(generator.choice((1, 1, 2))):
            _change_number(data, generator)
        return bytes(data)
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        generator.choice(_ACCIDENTS)(data, generator)
    return bytes(data)


def _span(data: bytearray, generator: random.Random, longest: int) -> tuple[int, int]:
    """A random range of bytes."""
    start = generator.randrange(len(data) + 1)
    return start, min(len(data), start + generator.randint(1, longest))


def _cut(data: bytearray, generator: random.Random) -> None:
    """Lose the end."""
    del data[generator.randrange(len(data) + 1) :]


def _flip_bits(data: bytearray, generator: random.Random) -> None:
    """Flip single bits."""
    for _ in range(generator.randint(1, 8) if data else 0):
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)


def _overwrite(data: bytearray, generator: random.Random) -> None:
    """Write zeros, ones or noise over a range."""
    start, stop = _span(data, generator, 40)
    fill = generator.choice((b"\x00", b"\xff", b"\x80", b"\x7f", b""))
    data[start:stop] = fill * (stop - start) or generator.getrandbits(8 * 40).to_bytes(40, "big")[: stop - start]


def _insert(data: bytearray, generator: random.Random) -> None:
    """Put noise in between."""
    start, _ = _span(data, generator, 1)
    data[start:start] = generator.getrandbits(8 * 20).to_bytes(20, "big")[: generator.randint(1, 20)]


def _delete(data: bytearray, generator: random.Random) -> None:
    """Lose a range."""
    start, stop = _span(data, generator, 30)
    del data[start:stop]


def _repeat(data: bytearray, generator: random.Random) -> None:
    """Copy a range to somewhere else."""
    start, stop = _span(data, generator, 200)
    there = generator.randrange(len(data) + 1)
    data[there:there] = data[start:stop]


def _repeat_often(data: bytearray, generator: random.Random) -> None:
    """Copy a range many times behind itself."""
    start, stop = _span(data, generator, 40)
    data[stop:stop] = data[start:stop] * generator.choice((10, 100, 2000))


def _extend(data: bytearray, generator: random.Random) -> None:
    """Add noise or zeros behind the end."""
    length = generator.randint(1, 300)
    data += generator.choice((bytes(length), generator.getrandbits(8 * length).to_bytes(length, "big")))


def _change_integer(data: bytearray, generator: random.Random) -> None:
    """Write an integer that is at the edge of something, where binary files have one."""
    size, name = generator.choice(((2, "H"), (4, "I"), (8, "Q")))
    if len(data) >= size:
        place = generator.randrange(0, len(data) - size + 1)
        place -= place % generator.choice((1, 2, size))
        value = generator.choice(_ODD_INTEGERS) & ((1 << 8 * size) - 1)
        struct.pack_into(generator.choice("<>") + name, data, place, value)


def _change_number(data: bytearray, generator: random.Random) -> None:
    """Replace a number that is written as text."""
    found = list(_NUMBER.finditer(bytes(data[:20000])))
    if found:
        start, stop = generator.choice(found).span()
        data[start:stop] = generator.choice(_ODD_NUMBERS)


def _swap(data: bytearray, generator: random.Random) -> None:
    """Exchange two ranges."""
    length = generator.choice((1, 4, 8, 16, 40))
    if len(data) > 2 * length:
        first = generator.randrange(len(data) - length)
        second = generator.randrange(len(data) - length)
        a, b = data[first : first + length], data[second : second + length]
        data[first : first + length], data[second : second + length] = b, a


_ACCIDENTS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _cut, _flip_bits, _flip_bits, _flip_bits, _overwrite, _overwrite, _insert, _delete, _repeat, _repeat_often, _extend,
    _change_integer, _change_integer, _change_integer, _change_number, _change_number, _change_number, _swap,
)  # fmt: skip
