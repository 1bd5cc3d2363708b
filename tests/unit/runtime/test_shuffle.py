"""Orders: Caffe's and the C library's. Both are held to real Caffe in tests/conformance (ImageData, HDF5Data)."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.runtime.rng import CaffeRandom
from cnnvis_caffe.runtime.shuffle import LibcRandom, shuffled

# What a C program that never calls srand prints (glibc 2.31).
RAND = [1804289383, 846930886, 1681692777, 1714636915, 1957747793, 424238335, 719885386, 1649760492]


def test_the_c_librarys_numbers():
    random = LibcRandom()
    assert [random.rand() for _ in RAND] == RAND


def test_a_place_in_the_c_librarys_stream():
    random, other = LibcRandom(), LibcRandom()
    for _ in range(100):
        random.rand()
    other.set_state(random.get_state())
    assert [random.rand() for _ in range(50)] == [other.rand() for _ in range(50)]


class Words:
    """A stream of given words."""

    def __init__(self, *words):
        self.words = list(words)

    def uint32(self, n):
        taken, self.words = self.words[:n], self.words[n:]
        assert len(taken) == n
        return np.array(taken, np.uint32)


def one_by_one(values, random):
    """boost's uniform_int and Caffe's shuffle, as they are written there."""
    values = list(values)
    for last in range(len(values) - 1, 0, -1):
        largest = 2**32 - 1
        bucket = largest // (last + 1) + (largest % (last + 1) == last)
        while True:
            draw = int(random.uint32(1)[0]) // bucket
            if draw <= last:
                break
        values[last], values[draw] = values[draw], values[last]
    return values


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 100])
def test_as_many_words_as_caffe_takes(n):
    first, second = CaffeRandom(n), CaffeRandom(n)
    assert shuffled(np.arange(n), first).tolist() == one_by_one(range(n), second)
    assert first.uint32() == second.uint32()


def test_words_above_the_buckets_are_drawn_again():
    top = 2**32 - 1  # above the last bucket of 7, 6 and 5, but not of those that divide 2**32
    words = [top, top, 5, 10**9, top, 3 * 10**9, 2 * 10**9, top, top, 7, 99]
    expected = Words(*words)
    found = Words(*words)
    assert shuffled(np.arange(7), found).tolist() == one_by_one(range(7), expected)
    assert found.words == expected.words
    assert len(found.words) < 5  # some were drawn again
