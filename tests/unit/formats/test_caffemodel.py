"""Binary caffemodels: against files of real Caffe, and against messages put together here."""

from __future__ import annotations

import gc
import mmap
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.recordings import WEIGHTS
from helpers.same import assert_same_array

from cnnvis_caffe.errors import CaffemodelError, DataNotFoundError
from cnnvis_caffe.formats import schema, wire
from cnnvis_caffe.formats.caffemodel import read_caffemodel, write_caffemodel
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.records.weights import ParamArray


def field(number: int, body: bytes) -> bytes:
    return wire.write_length(number, len(body)) + body


def model(*blobs: bytes) -> bytes:
    """A network of one layer, 'ip', with BlobProtos given as bytes."""
    layer = field(1, b"ip") + field(2, b"InnerProduct") + b"".join(field(7, blob) for blob in blobs)
    return field(1, b"net") + field(100, layer)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def floats(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


def shape(*dims: int) -> bytes:
    return field(7, field(1, b"".join(map(wire.write_varint, dims))))


def kind(number: int, value: int) -> bytes:
    return wire.write_tag(number, wire.VARINT) + wire.write_varint(value)


class TestNvidia:
    """Blobs as NVIDIA's Caffe writes them from 0.16 on: field 10 says which type the bytes of field 12 have."""

    @pytest.mark.parametrize(("number", "dtype"), [(0, "<f8"), (1, "<f4"), (2, "<f2")])
    def test_bytes_of_each_type(self, tmp_path: Path, number: int, dtype: str) -> None:
        values = np.array([0.5, -1.75, 3, 65504, 2**-14, 0], dtype)
        blob = shape(2, 3) + kind(10, number) + kind(11, 2) + field(12, values.tobytes())
        weights = read_caffemodel(written(tmp_path / "nv.caffemodel", model(blob)))
        (found,) = weights.layers[0].blobs
        assert_same_array(found.data, values.astype(np.float32).reshape(2, 3))
        assert found.diff is None
        assert weights.unknown == ()

    def test_a_half_by_its_bits(self, tmp_path: Path) -> None:
        bits = b"\x00\x3c" + b"\x00\xc0" + b"\x00\x7c"  # 1, -2 and infinity
        blob = field(12, bits) + kind(10, 2) + shape(3) + kind(11, 2) + field(13, bits)
        (found,) = read_caffemodel(written(tmp_path / "nv.caffemodel", model(blob))).layers[0].blobs
        assert found.data.tolist() == found.diff.tolist() == [1, -2, np.inf]

    @pytest.mark.parametrize(
        ("blob", "message"),
        [
            (shape(2) + kind(10, 2) + field(12, b"123"), "3 bytes at byte .* are not a whole number of values of 2"),
            (shape(3) + kind(10, 2) + field(12, b"1234"), "has shape 3, that is 3 numbers, but its data holds 2"),
            (shape(1) + kind(10, 3) + field(12, b"1234"), "holds numbers of NVIDIA's type 3"),
        ],
    )
    def test_damage_is_one_error(self, tmp_path: Path, blob: bytes, message: str) -> None:
        with pytest.raises(CaffemodelError, match=message):
            read_caffemodel(written(tmp_path / "nv.caffemodel", model(blob)))


class TestRealCaffe:
    """``tests/recorders/record_files.py`` wrote files and, beside them, the arrays that the net held."""

    @pytest.mark.parametrize("stem", ["plain", "slashes"])
    def test_arrays_are_those_of_the_net(self, stem: str) -> None:
        weights = read_caffemodel(WEIGHTS / f"{stem}_iter_3.caffemodel")
        expected = np.load(WEIGHTS / f"{stem}.npz")
        found = {
            f"data:{layer.name}:{index}": blob.data
            for layer in weights.layers
            for index, blob in enumerate(layer.blobs)
        }
        assert set(found) == {name for name in expected.files if name.startswith("data")}
        assert len(found) == 10
        for name, array in found.items():
            assert_same_array(array, expected[name], err_msg=name)

    def test_diffs_are_those_of_the_net(self) -> None:
        weights = read_caffemodel(WEIGHTS / "slashes_iter_3.caffemodel")
        expected = np.load(WEIGHTS / "slashes.npz")
        for layer in weights.layers:
            for index, blob in enumerate(layer.blobs):
                assert_same_array(blob.diff, expected[f"diff:{layer.name}:{index}"])

    def test_what_is_known_about_the_file(self) -> None:
        weights = read_weights(str(WEIGHTS / "plain_iter_3.caffemodel"))
        assert (weights.format, weights.generation, weights.net_name) == ("binary", "V2", "Tiny")
        assert weights.unknown == ()
        names = ["data", "label", "conv", "bn", "scale", "relu", "ip1", "ip2", "loss"]
        assert [layer.name for layer in weights.layers] == names
        assert [layer.name for layer in weights.network.layer] == names
        assert weights.layers[7].type == "InnerProduct"
        assert not any(layer.blobs for layer in weights.network.layer)
        assert all(blob.diff is None for layer in weights.layers for blob in layer.blobs)
        assert weights.layers[4].blobs[0].shape == ()  # a Scale layer of a single number

    @pytest.mark.parametrize("stem", ["plain_iter_3", "slashes_iter_3", "nested"])
    def test_written_bytes_are_caffes(self, stem: str, tmp_path: Path) -> None:
        original = WEIGHTS / f"{stem}.caffemodel"
        # Parsed by protobuf and not upgraded: the upgrade changes the BatchNorm layer that Caffe saves.
        network = schema.NetParameter.FromString(original.read_bytes())
        for layer in network.layer:
            layer.ClearField("blobs")
        blobs = [layer.blobs for layer in read_caffemodel(original).layers]
        write_caffemodel(tmp_path / "copy", network, blobs)
        assert (tmp_path / "copy").read_bytes() == original.read_bytes()


class TestViews:
    def test_arrays_are_views_into_the_map(self) -> None:
        weights = read_caffemodel(WEIGHTS / "plain_iter_3.caffemodel")
        array = weights.layers[2].blobs[0].data
        base = array
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(getattr(base, "obj", base), mmap.mmap)  # numpy before 1.20 has no memoryview between
        assert not array.flags.writeable

    def test_arrays_outlive_the_file(self, tmp_path: Path) -> None:
        path = written(tmp_path / "m", model(shape(3) + field(5, floats(1, 2, 3))))
        array = read_caffemodel(path).layers[0].blobs[0].data
        path.unlink()
        gc.collect()
        assert array.tolist() == [1, 2, 3]

    def test_released_arrays_can_be_read_again(self, tmp_path: Path) -> None:
        numbers = np.arange(100_000, dtype=np.float32)
        path = written(tmp_path / "m", model(shape(100_000) + field(5, numbers.tobytes())))
        weights = read_caffemodel(path)
        array = weights.layers[0].blobs[0].data
        np.testing.assert_array_equal(array, numbers)
        weights.release(array)
        np.testing.assert_array_equal(array, numbers)
        weights.release(np.zeros(3, np.float32))  # not from the file


class TestBlobs:
    @pytest.mark.parametrize(
        "blob",
        [
            shape(2, 2) + field(5, floats(1, 2, 3, 4)),
            field(5, floats(1, 2, 3, 4)) + shape(2, 2),
            shape(2, 2) + field(5, floats(1, 2)) + field(5, floats(3, 4)),
            shape(2, 2) + b"".join(b"\x2d" + floats(number) for number in (1, 2, 3, 4)),
            shape(2, 2) + field(5, floats(1)) + b"\x2d" + floats(2) + b"\x2d" + floats(3) + field(5, floats(4)),
            shape(2, 2) + b"\xad\x00" + floats(1) + field(5, floats(2, 3, 4)),  # a tag longer than need be
            shape(2, 2) + field(8, np.array([1, 2, 3, 4], "<f8").tobytes()),
            shape(2, 2) + field(5, floats(9)) + field(8, np.array([1, 2, 3, 4], "<f8").tobytes()),
            field(7, b"\x08\x02\x08\x02") + field(5, floats(1, 2, 3, 4)),  # dimensions with a tag each
            shape(2) + shape(2) + field(5, floats(1, 2, 3, 4)),  # messages that come twice are merged
        ],
    )
    def test_every_encoding_of_the_same_array(self, blob: bytes, tmp_path: Path) -> None:
        weights = read_caffemodel(written(tmp_path / "m", model(blob)))
        (found,) = weights.layers[0].blobs
        assert (found.shape, found.legacy, found.data.dtype) == ((2, 2), False, np.float32)
        assert found.data.tolist() == [[1, 2], [3, 4]]
        assert weights.unknown == ()

    def test_long_unpacked_run_beside_a_diff(self, tmp_path: Path) -> None:
        numbers = np.arange(1000, dtype=np.float32)
        data = b"".join(b"\x2d" + number.tobytes() for number in numbers)
        diff = b"".join(b"\x35" + number.tobytes() for number in -numbers)
        weights = read_caffemodel(written(tmp_path / "m", model(data + diff + shape(10, 100))))
        (found,) = weights.layers[0].blobs
        np.testing.assert_array_equal(found.data, numbers.reshape(10, 100))
        np.testing.assert_array_equal(found.diff, -numbers.reshape(10, 100))

    def test_any_old_dimension_makes_the_shape_legacy(self, tmp_path: Path) -> None:
        old = b"\x08\x01\x10\x01\x18\x01\x20\x03"  # num: 1 channels: 1 height: 1 width: 3
        weights = read_caffemodel(written(tmp_path / "m", model(old + shape(3) + field(5, floats(1, 2, 3)))))
        (found,) = weights.layers[0].blobs
        assert (found.shape, found.legacy) == ((1, 1, 1, 3), True)

    def test_a_missing_old_dimension_is_zero(self, tmp_path: Path) -> None:
        (found,) = read_caffemodel(written(tmp_path / "m", model(b"\x20\x03"))).layers[0].blobs
        assert (found.shape, found.data.size, found.legacy) == ((0, 0, 0, 3), 0, True)

    def test_doubles_beyond_float_become_infinite(self, tmp_path: Path) -> None:
        blob = shape(1) + field(8, np.array([1e300], "<f8").tobytes())
        (found,) = read_caffemodel(written(tmp_path / "m", model(blob))).layers[0].blobs
        assert found.data.tolist() == [np.inf]

    @pytest.mark.parametrize(
        ("blob", "reason"),
        [
            (shape(2, 3) + field(5, floats(1, 2)), "has shape 2x3, that is 6 numbers, but its data holds 2"),
            (shape(2) + field(5, floats(1, 2)) + field(6, floats(1)), "2 numbers, but its diff holds 1"),
            (shape(5), "has shape 5, that is 5 numbers, but holds none"),
            (shape(-2) + field(5, floats(1, 2)), "has shape -2, but no dimension may be negative"),
            (shape(1 << 20, 1 << 20), "but Caffe's arrays hold at most 2147483647 numbers"),
            (shape(0, 1 << 40), "but Caffe's arrays hold at most 2147483647 numbers"),
            (shape(*[1] * 33) + field(5, floats(1)), "has a shape of more than 32 axes"),
            (shape(1) + field(5, b"\0" * 5), "5 bytes at byte 48 are not a whole number of floats"),
            (shape(1) + b"\x2d\0\0", "is cut off or damaged: field 5 at byte"),
        ],
    )
    def test_shape_and_numbers_must_agree(self, blob: bytes, reason: str, tmp_path: Path) -> None:
        path = written(tmp_path / "m", model(shape(1) + field(5, floats(1)), blob))
        with pytest.raises(CaffemodelError, match=re.escape(reason)) as caught:
            read_caffemodel(path)
        assert "layer 'ip': blob 1 " in str(caught.value)
        assert caught.value.path == str(path)


class TestOldGenerations:
    def old_layer(self, generation: str) -> bytes:
        network = schema.NetParameter(name="old", input=["data"], input_dim=[1, 1, 4, 4])
        if generation == "V0":
            layer = network.layers.add(bottom=["data"], top=["pad"])
            layer.layer.name, layer.layer.type, layer.layer.pad = "pad", "padding", 1
            layer = network.layers.add(bottom=["pad"], top=["conv"])
            described = layer.layer
            described.name, described.type, described.num_output, described.kernelsize = "conv", "conv", 2, 3
        else:
            described = network.layers.add(name="conv", bottom=["data"], top=["conv"])
            described.type = schema.V1LayerParameter.CONVOLUTION
            described.convolution_param.num_output = 2
        described.blobs.add(num=2, channels=1, height=3, width=3, data=range(18))
        described.blobs.add(num=1, channels=1, height=1, width=2, data=[0.5, -0.5])
        return network.SerializeToString()

    @pytest.mark.parametrize("generation", ["V0", "V1"])
    def test_weights_follow_their_layer_through_the_upgrade(self, generation: str, tmp_path: Path) -> None:
        weights = read_caffemodel(written(tmp_path / "m", self.old_layer(generation)))
        assert weights.generation == generation
        assert [(layer.name, layer.type) for layer in weights.layers] == [
            ("input", "Input"),
            ("conv", "Convolution"),
        ]
        kernel, bias = weights.layers[1].blobs
        assert (kernel.shape, kernel.legacy, bias.shape) == ((2, 1, 3, 3), True, (1, 1, 1, 2))
        assert kernel.data.ravel().tolist() == list(range(18))
        assert bias.data.ravel().tolist() == [0.5, -0.5]
        assert weights.upgrades

    def test_legacy_shapes_are_kept_when_written(self, tmp_path: Path) -> None:
        weights = read_caffemodel(written(tmp_path / "old", self.old_layer("V1")))
        write_caffemodel(tmp_path / "new", weights.network, [layer.blobs for layer in weights.layers])
        # upgrade_net_proto_binary of real Caffe writes the same bytes (checked with the zoo's cifar10_quick).
        layer = schema.NetParameter.FromString((tmp_path / "new").read_bytes()).layer[1]
        assert (layer.blobs[1].width, layer.blobs[1].HasField("shape")) == (2, False)


class TestForeignThings:
    def test_unknown_fields_are_reported_with_their_layer(self, tmp_path: Path) -> None:
        layer = field(1, b"ip") + b"\xa8\x09\x01" + field(106, b"\x98\x06\x01" + b"\x78\x07")
        layer += field(7, shape(1) + field(5, floats(1)) + b"\x78\x01")
        weights = read_caffemodel(written(tmp_path / "m", b"\x78\x01" + field(100, layer)))
        assert weights.unknown == (
            "network: NetParameter has no field 15",
            "layer 'ip': LayerParameter has no field 149",
            "layer 'ip': ConvolutionParameter has no field 99",
            "layer 'ip': engine has no value 7",
            "layer 'ip': blob 0: field 15 of BlobProto (wire type 0, byte 33)",
        )

    def test_strings_in_other_encodings_can_be_read(self, tmp_path: Path) -> None:
        layer = field(1, b"data") + field(107, field(1, "数据/lmdb".encode("gb18030")))
        weights = read_caffemodel(written(tmp_path / "m", field(100, layer)))
        assert weights.network.layer[0].data_param.source == "????/lmdb"
        assert weights.unknown == ("layer 'data': source is not UTF-8; read as '????/lmdb'",)

    def test_groups_are_skipped(self, tmp_path: Path) -> None:
        group = b"\x7b" + field(1, b"x") + b"\x10\x05" + b"\x83\x01\x84\x01" + b"\x1d1234" + b"\x7c"
        weights = read_caffemodel(written(tmp_path / "m", group + model()))
        assert weights.unknown == ("network: NetParameter has no field 15",)


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "is empty"),
            (b"<!DOCTYPE html>\n<html><title>404</title>", "looks like an HTML page"),
            (b'# LeNet\nname: "LeNet"\nlayer { name: "data" }\n', "looks like a prototxt"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "looks like a Git LFS pointer"),
            (b"\0" * 3000, "nothing but zeros"),
            (b"PK\x03\x04" + bytes(range(200)), "looks like a zip archive"),
            (b"\x08\x01\x10\x03", "looks like a solver state or a mean image"),
            (field(1, b"net\1"), "holds no layers"),
            (model()[:-3], "is cut off or damaged: field 100 at byte 5 should reach to byte 26"),
            (b"\x80" * 40, "the number at byte 0 is longer than 10 bytes"),
            (b"\x06\x01\x02", "there is no protobuf field at byte 0"),
            (b"\x01", "is damaged: there is no protobuf field at byte 0 (tag 1)"),
            (b"\x0c" + model(), "the group that ends at byte 0 has no start"),
            (b"\x0b" * 300, "groups at byte 0 are nested deeper than 100"),
            (field(100, field(1, b"x") + field(148, b"")), "lacks required fields: layer[0].clip_param.min"),
        ],
    )
    def test_error_says_what_it_is(self, content: bytes, reason: str, tmp_path: Path) -> None:
        with pytest.raises(CaffemodelError, match=re.escape(reason)):
            read_weights(written(tmp_path / "m", content))

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataNotFoundError, match="no such file"):
            read_weights(tmp_path / "nowhere.caffemodel")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(CaffemodelError, match="cannot be opened"):
            read_weights(tmp_path)


class TestWriting:
    def network(self) -> object:
        network = schema.NetParameter(name="net")
        network.layer.add(name="a", type="InnerProduct", phase=schema.TEST)
        network.layer.add(name="b", type="ReLU")
        return network

    def test_protobuf_reads_what_is_written(self, tmp_path: Path) -> None:
        kernel = np.arange(6, dtype=np.float64).reshape(2, 3).T  # neither float32 nor in one run
        blobs = {"a": [(kernel, -kernel), np.float32(4), np.zeros((0, 2), np.float32)]}
        write_caffemodel(tmp_path / "m", self.network(), blobs)
        network = schema.NetParameter.FromString((tmp_path / "m").read_bytes())
        assert [layer.name for layer in network.layer] == ["a", "b"]
        first, second, third = network.layer[0].blobs
        assert (list(first.shape.dim), list(first.data)) == ([3, 2], [0, 3, 1, 4, 2, 5])
        assert list(first.diff) == [0, -3, -1, -4, -2, -5]
        assert (list(second.data), second.HasField("shape")) == ([4], False)
        assert (list(third.data), list(third.shape.dim)) == ([], [0, 2])
        assert network.layer[0].phase == schema.TEST

    def test_arrays_may_be_records(self, tmp_path: Path) -> None:
        array = np.arange(3, dtype=np.float32)
        write_caffemodel(tmp_path / "m", self.network(), [[ParamArray((3,), array, array + 1)], []])
        (found,) = read_caffemodel(tmp_path / "m").layers[0].blobs
        assert (found.data.tolist(), found.diff.tolist()) == ([0, 1, 2], [1, 2, 3])

    def test_arrays_must_belong_to_the_network(self, tmp_path: Path) -> None:
        with pytest.raises(CaffemodelError, match="has no layer 'c'"):
            write_caffemodel(tmp_path / "m", self.network(), {"c": []})
        with pytest.raises(CaffemodelError, match="arrays of 1 layers for a network of 2 layers"):
            write_caffemodel(tmp_path / "m", self.network(), [[]])
        assert list(tmp_path.iterdir()) == []

    def test_more_than_protobuf_allows(self, tmp_path: Path) -> None:
        large = np.broadcast_to(np.float32(0), (1 << 15, 1 << 15))
        with pytest.raises(CaffemodelError, match="protobuf messages hold at most 2147483647; write HDF5 instead"):
            write_caffemodel(tmp_path / "m", self.network(), {"a": [large]})

    def test_an_old_file_survives_a_failure(self, tmp_path: Path) -> None:
        path = written(tmp_path / "m", b"precious")
        with pytest.raises(ValueError, match="could not convert"):
            write_caffemodel(path, self.network(), {"a": [np.array(["x"])]})
        assert path.read_bytes() == b"precious"
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [4000, 5000])
def test_zoo_of_2014(zoo_dir: Path, number: int) -> None:
    weights = read_caffemodel(zoo_dir / "cifar10_quick_v1" / f"cifar10_quick_iter_{number}.caffemodel")
    assert (weights.generation, weights.net_name) == ("V1", "CIFAR10_quick")
    shapes = {layer.name: [blob.shape for blob in layer.blobs] for layer in weights.layers if layer.blobs}
    assert shapes["conv1"] == [(32, 3, 5, 5), (1, 1, 1, 32)]
    assert shapes["ip2"] == [(1, 1, 10, 64), (1, 1, 1, 10)]
    assert weights.unknown == ()
