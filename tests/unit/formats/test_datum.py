"""Datums: the bytes that protobuf would read and write, one by one and many at once."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.datum import Datum, RawLayout, parse_datum, serialize_datum
from cnnvis_caffe.formats.wire import WireError

PIXELS = bytes(range(24))
int32 = st.integers(-(2**31), 2**31 - 1)


@given(int32, st.binary(max_size=300))
def test_written_as_protobuf_writes_it(label, data):
    message = schema.Datum(channels=3, height=2, width=4, label=label)
    if data:
        message.data = data
    assert serialize_datum(Datum(3, 2, 4, data, label)) == message.SerializeToString()
    message.encoded = False
    assert serialize_datum(Datum(3, 2, 4, data, label), say_raw=True) == message.SerializeToString()


def test_encoded_and_floats_as_protobuf_writes_them():
    message = schema.Datum(data=b"\x89PNG", label=7, encoded=True)
    assert serialize_datum(Datum(0, 0, 0, b"\x89PNG", 7, None, True)) == message.SerializeToString()
    floats = np.array([1.5, -2, 3e30], np.float32)
    message = schema.Datum(channels=3, height=1, width=1, label=0, float_data=floats)
    assert serialize_datum(Datum(3, 1, 1, b"", 0, floats)) == message.SerializeToString()


@given(int32, st.booleans())
def test_read_as_protobuf_reads_it(label, encoded):
    message = schema.Datum(channels=3, height=2, width=4, label=label, data=PIXELS, encoded=encoded, float_data=[1, 2])
    datum = parse_datum(message.SerializeToString())
    assert (datum.channels, datum.height, datum.width, datum.label, datum.encoded) == (3, 2, 4, label, encoded)
    assert bytes(datum.data) == PIXELS
    assert datum.float_data.tolist() == [1, 2]


def test_the_last_of_two_values_counts_and_unknown_fields_do_not():
    first = schema.Datum(label=1, data=b"no").SerializeToString()
    second = schema.Datum(label=2, data=b"yes").SerializeToString()
    datum = parse_datum(first + second + b"\x50\x05")
    assert (datum.label, bytes(datum.data)) == (2, b"yes")


def test_packed_floats():
    packed = np.array([1, 2.5], "<f4").tobytes()
    assert parse_datum(b"\x32\x08" + packed).float_data.tolist() == [1, 2.5]


def test_a_field_for_each_of_many_floats():
    floats = np.arange(3 * 4 * 50, dtype=np.float32).reshape(3, 4, 50)
    written = schema.Datum(channels=3, height=4, width=50, label=-2, float_data=floats.ravel()).SerializeToString()
    assert len(written) > 5 * floats.size  # not packed
    datum = parse_datum(written)
    np.testing.assert_array_equal(datum.pixels(), floats)
    assert (datum.label, datum.encoded, len(datum.data)) == (-2, False, 0)
    assert RawLayout(written).shape is None
    with pytest.raises(WireError, match="is cut off or damaged"):
        parse_datum(written[:-1])


def test_fields_without_end_are_passed_over_soon():
    unknown = b"\x50\x05" * 500_000
    start = time.process_time()
    assert parse_datum(b"\x28\x04" + unknown).label == 4
    assert RawLayout(unknown).shape is None
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize("value", [b"\x22\x7fshort", b"\xff", b"\x0a\x01x", b"\x32\x03abc", b"\x08"])
def test_damaged_datums(value):
    with pytest.raises(WireError, match="is (damaged|cut off or damaged|not a Datum)"):
        parse_datum(value)


def test_pixels_that_do_not_fit_their_shape():
    with pytest.raises(ValueError, match="holds 24 values for channels x height x width = 3x2x5"):
        Datum(3, 2, 5, PIXELS).pixels()
    with pytest.raises(ValueError, match="holds 0 values"):
        Datum(3, 2, 4, b"").pixels()
    with pytest.raises(ValueError, match="0x2x4"):
        Datum(0, 2, 4, b"").pixels()


@given(st.lists(int32, min_size=1, max_size=9))
def test_many_at_once_are_what_each_is(labels):
    random = np.random.default_rng(len(labels))
    images = random.integers(0, 256, (len(labels), 3, 2, 4), np.uint8)
    values = [serialize_datum(Datum(3, 2, 4, image.tobytes(), label)) for image, label in zip(images, labels)]
    pixels, read = RawLayout(values[0]).read([memoryview(value) for value in values])
    np.testing.assert_array_equal(pixels, images)
    np.testing.assert_array_equal(read, np.array(labels, np.float32))


PLAIN = serialize_datum(Datum(3, 2, 4, PIXELS, 5))


@pytest.mark.parametrize(
    "other",
    [
        serialize_datum(Datum(3, 4, 2, PIXELS, 5)),
        serialize_datum(Datum(3, 2, 4, PIXELS[:-3], 5)),
        serialize_datum(Datum(0, 0, 0, PIXELS, 5, None, True)),
        PLAIN + schema.Datum(encoded=True).SerializeToString(),
        PLAIN + schema.Datum(height=3).SerializeToString(),
        PLAIN + schema.Datum(data=b"x").SerializeToString(),
        PLAIN[:-2] + b"\x38\x01",  # as long, but encoded
        PLAIN[:20],
        b"",
    ],
)
def test_one_that_differs_is_noticed(other):
    layout = RawLayout(PLAIN)
    assert layout.shape == (3, 2, 4)
    assert layout.read([PLAIN, PLAIN]) is not None
    assert layout.read([PLAIN, other]) is None


@pytest.mark.parametrize(
    "value",
    [
        serialize_datum(Datum(0, 0, 0, PIXELS, 5, None, True)),
        serialize_datum(Datum(3, 2, 4, b"", 5, np.zeros(24, np.float32))),
        serialize_datum(Datum(3, 2, 5, PIXELS, 5)),
        schema.Datum(data=PIXELS).SerializeToString() + schema.Datum(channels=24).SerializeToString(),
        b"",
    ],
)
def test_what_cannot_be_read_at_once(value):
    layout = RawLayout(value)
    assert layout.shape is None
    assert layout.read([value]) is None
