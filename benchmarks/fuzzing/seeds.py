"""Small sound files of every kind, to be damaged."""

from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import h5py
import numpy as np

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.hdf5 import write_weights_hdf5
from cnnvis_caffe.formats.hdf5_data import write_arrays
from cnnvis_caffe.formats.images import encode_image
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.resume import ResumeState, write_resume
from cnnvis_caffe.formats.solverstate import write_solverstate, write_solverstate_hdf5
from cnnvis_caffe.records.solver_state import SolverState
from cnnvis_caffe.records.weights import ParamArray
from cnnvis_caffe.store.state import AnalysisState, write_state

_ARCHIVE = Path(__file__).parents[2] / "tests" / "recorded" / "files" / "archives" / "v1" / "small.cnnvis.h5"

_NET = """
name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1.5 } param { lr_mult: 2e-1 }
  convolution_param { num_output: 4 kernel_size: 3 pad: 0x1 weight_filler { type: 'gau' "ssian" std: .01 } }
}
layer { name: "caf\\303\\251" type: "ReLU" bottom: "conv" top: "c2" include { phase: TEST not_stage: "x" } };
"""
_OLD_NET = """
name: "old" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8 force_backward: true
layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "data" top: "pad" }
layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 5 blobs_lr: 1. }
         bottom: "pad" top: "c" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "c" bottom: "data" }
"""
_SOLVER = """
net: "net.prototxt" test_iter: 100 test_interval: 500 base_lr: 0.01 momentum: 0.9 lr_policy: "multistep"
stepvalue: 10 stepvalue: 20 gamma: 0.1 max_iter: 40 snapshot: 20 snapshot_prefix: "s" solver_mode: CPU type: "Adam"
"""
#: One layer each, behind an input of 2x3x8x9 called x; y is of 2 and z of 2x3.
_LAYERS = """
Convolution x -> t convolution_param { num_output: 6 kernel_size: 3 stride: 2 pad: 1 group: 3 dilation: 1 }
Deconvolution x -> t convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 stride: 2 pad: 1 }
Pooling x -> t pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }
Pooling x -> t pooling_param { pool: AVE global_pooling: true }
LRN x -> t lrn_param { local_size: 3 alpha: 1 beta: 0.75 norm_region: WITHIN_CHANNEL }
LRN x -> t lrn_param { local_size: 3 }
InnerProduct x -> t inner_product_param { num_output: 5 axis: 1 }
Flatten x -> t flatten_param { axis: 1 end_axis: -1 }
Reshape x -> t reshape_param { shape { dim: 0 dim: -1 dim: 9 } axis: 0 num_axes: -1 }
Slice x -> t,u slice_param { axis: 1 slice_point: 1 }
Concat x,x -> t concat_param { axis: 1 }
Tile x -> t tile_param { axis: 1 tiles: 2 }
Split x -> t,u
Eltwise x,x -> t eltwise_param { operation: SUM coeff: 1 coeff: -0.5 }
Reduction x -> t reduction_param { operation: ASUM axis: 1 coeff: 2 }
Softmax x -> t softmax_param { axis: 1 }
ArgMax x -> t argmax_param { axis: 1 top_k: 2 out_max_val: false }
BatchNorm x -> t batch_norm_param { use_global_stats: true eps: 1e-5 }
Scale x -> t scale_param { axis: 1 num_axes: 1 bias_term: true }
Bias x -> t bias_param { axis: 1 num_axes: 1 }
MVN x -> t mvn_param { across_channels: true }
PReLU x -> t prelu_param { channel_shared: false }
ReLU x -> t relu_param { negative_slope: 0.1 }
Dropout x -> t dropout_param { dropout_ratio: 0.5 }
Power x -> t power_param { power: 2 scale: 0.5 shift: 1 }
Exp x -> t exp_param { base: 2 scale: 1 shift: 0 }
Log x -> t log_param { base: 10 }
Crop x,x -> t crop_param { axis: 2 offset: 0 }
Im2col x -> t convolution_param { kernel_size: 3 stride: 1 pad: 1 }
SPP x -> t spp_param { pyramid_height: 2 pool: MAX }
Embed y -> t embed_param { num_output: 4 input_dim: 10 }
BatchReindex x,y -> t
Filter x,y -> t
Threshold x -> t threshold_param { threshold: 0.5 }
SoftmaxWithLoss z,y -> t softmax_param { axis: 1 } loss_param { normalization: VALID ignore_label: 3 }
EuclideanLoss z,z -> t
HingeLoss z,y -> t hinge_loss_param { norm: L2 }
ContrastiveLoss z,z,y -> t contrastive_loss_param { margin: 1 }
Accuracy z,y -> t accuracy_param { top_k: 2 axis: 1 }
LSTM z3,z2 -> t recurrent_param { num_output: 3 weight_filler { type: "xavier" } }
RNN z3,z2 -> t recurrent_param { num_output: 3 weight_filler { type: "uniform" min: -1 max: 1 } }
DummyData -> t dummy_data_param { shape { dim: 2 dim: 3 } data_filler { type: "constant" value: 1 } }
DummyData -> t dummy_data_param { num: 2 channels: 3 height: 4 width: 5 }
Interp x -> t interp_param { zoom_factor: 2 }
Permute x -> t permute_param { order: 0 order: 2 order: 3 order: 1 }
PriorBox x,x -> t prior_box_param { min_size: 3 max_size: 5 aspect_ratio: 2 variance: 0.1 }
Normalize x -> t norm_param { across_spatial: false channel_shared: false }
ROIPooling x,r -> t roi_pooling_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.5 }
"""
_INPUTS = {
    "x": "dim: 2 dim: 3 dim: 8 dim: 9", "y": "dim: 2", "z": "dim: 2 dim: 3", "z3": "dim: 4 dim: 2 dim: 5",
    "z2": "dim: 4 dim: 2", "r": "dim: 2 dim: 5",
}  # fmt: skip
_LOG = """I1121 09:54:53.653701  2822 solver.cpp:330] Iteration 0, Testing net (#0)
I1121 09:54:53.653701  2822 solver.cpp:397]     Test net output #0: accuracy = 0.0986
I1121 09:54:53.653701  2822 solver.cpp:218] Iteration 0 (0 iter/s, 0.1s/10 iters), loss = 2.3
I1121 09:54:53.653701  2822 solver.cpp:237]     Train net output #0: loss = 2.3 (* 1 = 2.3 loss)
I1121 09:54:53.653701  2822 sgd_solver.cpp:105] Iteration 0, lr = 0.01
I1121 09:54:53.653701  2822 net.cpp:631]     [Backward] Layer conv1, param blob 0 diff: 0.01
I1121 09:54:53.653701  2822 net.cpp:631]     [Update] Layer conv1, param 0 data: 0.1; diff: 0.001
I1121 09:54:54.653701  2822 solver.cpp:218] Iteration 10 (0 iter/s, 0.1s/10 iters), loss = 1.9e-2
"""
_ABLATION = """{"key": "0123abcd", "words": "without conv2", "folder": "/runs/without-conv2", "n_parameters": 1200,
 "iterations": 60, "seconds": 1.5, "train": {"accuracy": 0.75, "loss": 0.5}, "test": {"accuracy": 0.5, "loss": 1.25},
 "accuracies": ["accuracy"], "diverged": null, "kept": ["conv1"]}
"""
_LOG_LINES = """{"event": "start", "iter": 0}
{"event": "train", "iter": 0, "smoothed_loss": 2.3, "lr": 0.01, "outputs": {"loss": 2.3, "v": [1, 2]},
{"event": "train", "iter": 10, "smoothed_loss": 2.1, "lr": 0.01, "layers": {"c": {"weight": [1], "gradient": [2]}}}
{"event": "test", "iter": 10, "net": 0, "outputs": {"accuracy": 0.5, "loss": null}}
"""
_SESSION = """{"format": "cnnvis_caffe session", "version": 1, "edits": [
 {"edit": "ChooseClasses", "classes": [1, 2, 5]},
 {"edit": "MoveNeuron", "node": "conv1", "neuron": 3, "to": [1, 2]},
 {"edit": "ChooseClassCutoff", "cutoff": 0.5}, {"edit": "MergeBiclusters", "source": "conv1", "target": "conv2",
  "sign": 1, "first": [[[1, 2]], [[3]]], "second": [[[4]], [[5, 6]]]}
]}"""
_WINDOWS = "# 0\na.png\n3\n20 30\n2\n1 0.9 1 2 10 12\n0 0.1 3 4 11 12\n# 1\nb.png\n1\n20 30\n0\n"
_LIST = "a.png 0\nfolder/b c.jpg 1\nd.bmp -2\n\ne.ppm 99999999999\n"


def _array(*shape: int) -> np.ndarray:
    """Numbers that differ."""
    return np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) / 8


def _blobs() -> dict[str, list]:
    """Weights of two layers."""
    return {"block/conv": [(_array(2, 1, 3, 3), _array(2, 1, 3, 3)), _array(2)], "ip": [_array(3, 2)]}


def _old_network(v0: bool) -> bytes:
    """Weights as early generations of Caffe wrote them."""
    network = schema.NetParameter(name="old", input=["data"], input_dim=[1, 2, 3, 3])
    layer = network.layers.add(bottom=["data"], top=["conv"])
    described = layer.layer if v0 else layer
    described.name = "conv"
    if v0:
        described.type, described.num_output, described.kernelsize = "conv", 2, 3
    else:
        described.type = schema.V1LayerParameter.CONVOLUTION
        described.convolution_param.num_output = 2
    described.blobs.add(num=2, channels=2, height=3, width=3, data=_array(36))
    described.blobs.add(num=1, channels=1, height=1, width=2, double_data=[0.5, 1e300])
    return network.SerializeToString()


def _wrap(body: bytes, number: int) -> bytes:
    """A length-delimited field, by hand."""
    tag = number << 3 | 2
    head = bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])
    length = len(body)
    return head + (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])) + body


def caffemodels(folder: Path) -> None:
    """Weights in protobuf: the current generation, two old ones, and unpacked floats."""
    network = schema.NetParameter(name="small")
    network.layer.add(name="data", type="Input", top=["data"])
    network.layer.add(name="block/conv", type="Convolution", bottom=["data"], top=["conv"])
    network.layer[-1].convolution_param.num_output = 2
    network.layer.add(name="ip", type="InnerProduct", bottom=["conv"], top=["ip"], phase=schema.TEST)
    write_caffemodel(folder / "current", network, _blobs())
    (folder / "v0").write_bytes(_old_network(v0=True))
    (folder / "v1").write_bytes(_old_network(v0=False))
    unpacked = b"".join(b"\x2d" + number.tobytes() for number in _array(40)) + b"\x3a\x02\x08\x28"
    (folder / "unpacked").write_bytes(_wrap(_wrap(unpacked, 7) + _wrap(b"ip", 1), 100))


def hdf5_weights(folder: Path) -> None:
    """Weights in HDF5: as Caffe writes them, packed, and of a new library."""
    write_weights_hdf5(folder / "ours.h5", {"data": [], **_blobs()}, with_diff=True)
    with h5py.File(folder / "packed.h5", "w") as file:
        group = file.create_group("data/ip")
        group.create_dataset("0", data=_array(30, 20), chunks=(8, 8), compression="gzip", shuffle=True)
        group.create_dataset("1", data=_array(30).astype(np.float64), fletcher32=True)


def other_hdf5(folder: Path) -> None:
    """Weights and arrays that the HDF5 library has to turn into plain ones."""
    with h5py.File(folder / "new.h5", "w", libver="latest") as file:
        group = file.create_group("data/ip")
        group.create_dataset("0", data=_array(30, 20), chunks=(8, 8), compression="lzf")
        group.attrs["text"] = "text"


def solver_states(folder: Path) -> None:
    """A solver state in protobuf."""
    write_solverstate(folder / "ours", _state())


def hdf5_solver_states(folder: Path) -> None:
    """A solver state in HDF5, as Caffe writes it and otherwise."""
    write_solverstate_hdf5(folder / "ours.h5", _state())
    with h5py.File(folder / "other.h5", "w") as file:
        file["iter"], file["current_step"], file["learned_net"] = 7, 1, np.bytes_("small_iter_7")
        file.create_dataset("history/0", data=_array(5, 5), compression="gzip")


def _state() -> SolverState:
    """A state with three arrays of history."""
    return SolverState(7, 1, "small_iter_7.caffemodel", (ParamArray((3, 2), _array(3, 2)),) * 3)


def resume_states(folder: Path) -> None:
    """What we write beside a solver state."""
    positions = {"train": {"data": {"after": "0a", "epoch": 3, "part": 0.5, "order": np.arange(9)}}}
    random_streams = {"caffe": {"key": np.arange(600, dtype=np.uint32), "place": 5}}
    write_resume(folder / "a.resume", ResumeState(9, positions, random_streams))


def means(folder: Path) -> None:
    """A mean image."""
    write_mean(folder / "mean", _array(3, 4, 5))


def networks(folder: Path) -> None:
    """Prototxts of networks, old and new."""
    (folder / "current.prototxt").write_text(_NET)
    (folder / "old.prototxt").write_text(_OLD_NET)


def solvers(folder: Path) -> None:
    """A prototxt of a solver."""
    (folder / "solver.prototxt").write_text(_SOLVER)


def layers(folder: Path) -> None:
    """A net for every layer type that takes settings."""
    for number, line in enumerate(_LAYERS.strip().splitlines()):
        kind, rest = line.split(" ", 1)
        bottoms, _, rest = rest.partition("-> ")
        tops, _, settings = rest.partition(" ")
        names = [name for name in bottoms.strip().split(",") if name]
        inputs = [
            f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {_INPUTS[name]} }} }} }}'
            for name in dict.fromkeys(names)
        ]
        blobs = [f'bottom: "{name}"' for name in names] + [f'top: "{name}"' for name in tops.split(",")]
        layer = f'layer {{ name: "l" type: "{kind}" {" ".join(blobs)} {settings} }}'
        (folder / f"{number:02}-{kind}.prototxt").write_text("\n".join([*inputs, layer]) + "\n")


def data_arrays(folder: Path) -> None:
    """HDF5 files of images and labels, plain and packed."""
    write_arrays(folder / "plain.h5", {"data": _array(6, 1, 5, 4), "label": np.arange(6, dtype=np.float32)})
    with h5py.File(folder / "packed.h5", "w") as file:
        file.create_dataset("data", data=_array(40, 3, 5, 4), chunks=(8, 3, 5, 4), compression="gzip", shuffle=True)
        file.create_dataset("label", data=np.arange(40), chunks=(7,), maxshape=(None,))


def npz(folder: Path) -> None:
    """Images and labels as numpy writes them, packed and not."""
    arrays = {"images": np.arange(6 * 20, dtype=np.uint8).reshape(6, 5, 4), "labels": np.arange(6)}
    np.savez(folder / "plain.npz", **arrays)
    np.savez_compressed(folder / "packed.npz", **arrays, class_names=np.array(["a", "b"]))


def npy(folder: Path) -> None:
    """An array as numpy writes it."""
    np.save(folder / "mean.npy", _array(3, 4, 5))


def images(folder: Path) -> None:
    """An image of every kind that is read."""
    pixels = np.random.default_rng(1).integers(0, 255, (13, 17, 3)).astype(np.uint8)
    pixels[4:] = 7
    for extension in ("png", "jpg", "bmp", "ppm", "tiff", "webp", "ras", "jp2", "gif", "pam", "hdr"):
        try:
            (folder / f"image.{extension}").write_bytes(encode_image(pixels, extension))
        except ValueError:
            continue  # older OpenCVs do not write all of them
    (folder / "grey.pgm").write_bytes(encode_image(pixels[..., :1], "pgm"))


def databases(folder: Path) -> None:
    """The file of an LMDB: one page, many pages, and values on pages of their own."""
    pixels = bytes(range(48))
    for name, n, size in (("few", 3, 4), ("many", 300, 4), ("large", 5, 60)):
        with LmdbWriter(folder / f"{name}.db") as writer:
            for number in range(n):
                datum = Datum(3, size, size, (pixels * 300)[: 3 * size * size], number % 7)
                writer.put(b"%08d" % number, serialize_datum(datum))
        (folder / f"{name}.db" / "data.mdb").rename(folder / name)
        (folder / f"{name}.db" / "lock.mdb").unlink(missing_ok=True)
        (folder / f"{name}.db").rmdir()


def records(folder: Path) -> None:
    """Values of a database: plain, encoded, and of floats."""
    (folder / "plain").write_bytes(serialize_datum(Datum(3, 4, 4, bytes(range(48)), 5)))
    (folder / "floats").write_bytes(serialize_datum(Datum(1, 2, 3, b"", 5, _array(6))))
    encoded = encode_image(np.zeros((5, 6, 3), np.uint8), "png")
    (folder / "encoded").write_bytes(serialize_datum(Datum(0, 0, 0, encoded, 5, None, True)))


def lists(folder: Path) -> None:
    """A list of images."""
    (folder / "list.txt").write_text(_LIST)


def class_names(folder: Path) -> None:
    (folder / "synsets").write_text("n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n" * 20)
    (folder / "labels").write_text("cat\ndog\nhorse\n")


def part_tables(folder: Path) -> None:
    rows = [f"{image},{part},{y},2,{y + 4},9" for image in range(3) for y, part in enumerate(("eye", "nose"))]
    (folder / "parts").write_text("\n".join(["image,part,y0,x0,y1,x1", *rows]) + "\n")


def ablations(folder: Path) -> None:
    """What a training of `ablate` leaves."""
    (folder / "result.json").write_text(_ABLATION)


def windows(folder: Path) -> None:
    """A window file."""
    (folder / "windows.txt").write_text(_WINDOWS)


def logs(folder: Path) -> None:
    """Caffe's log, and ours for programs."""
    (folder / "caffe.log").write_text(_LOG)
    (folder / "ours.log").write_text(_LOG_LINES)


def idx(folder: Path) -> None:
    """A file of MNIST, packed and not."""
    import gzip

    content = np.array([2051, 3, 4, 5], ">u4").tobytes() + bytes(range(60))
    (folder / "images-idx3-ubyte").write_bytes(content)
    (folder / "images-idx3-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))


def python_batches(folder: Path) -> None:
    """A batch of CIFAR-10 as Python wrote it, by two versions of the format."""
    pixels = np.arange(3 * 3072, dtype=np.int64).astype(np.uint8).reshape(3, 3072)
    batch = {b"batch_label": b"one", b"labels": [1, 2, 3], b"data": pixels, b"filenames": [b"a", b"b", b"c"]}
    for protocol in (0, 2):
        (folder / f"protocol{protocol}").write_bytes(pickle.dumps(batch, protocol=protocol))


def archives(folder: Path) -> None:
    """An archive of CIFAR-10's binary files, of few images each."""
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            content = (bytes([3]) + bytes(3072)) * 2
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def analyses(folder: Path) -> None:
    """An analysis file."""
    (folder / "small.cnnvis.h5").write_bytes(_ARCHIVE.read_bytes())


def analysis_states(folder: Path) -> None:
    """Sums of a part of an analysis."""
    sums = {"conv1/mean": _array(4, 3), "conv1/top": np.arange(8).reshape(4, 2), "count": np.array([3, 1])}
    settings, request = {"model": "abc", "data": "digits"}, {"model": "net.prototxt", "top": 9}
    write_state(folder / "a.state", AnalysisState(settings, request, (1, 2), (30, 10), 40, {0: sums, 1: sums}, 1.5))


def sessions(folder: Path) -> None:
    """A saved session."""
    (folder / "a.session").write_text(_SESSION)
