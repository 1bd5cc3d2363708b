"""Networks of the public families, small and with weights from their fillers: one call each."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from helpers.command_line import runner

from cnnvis_caffe import pipeline
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.pycaffe import TEST, Net

RNG = np.random.default_rng(3)
N = 12


def conv(name, bottom, n, kernel=3, extra="", type="Convolution"):
    return (
        f'layer {{ name: "{name}" type: "{type}" bottom: "{bottom}" top: "{name}" convolution_param {{ num_output: {n} '
        f'kernel_size: {kernel} {extra} weight_filler {{ type: "xavier" }} }} }}\n'
    )


def ip(name, bottom, n):
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" inner_product_param {{ '
        f'num_output: {n} weight_filler {{ type: "xavier" }} }} }}\n'
    )


def relu(name, blob):
    return f'layer {{ name: "{name}" type: "ReLU" bottom: "{blob}" top: "{blob}" }}\n'


def pool(name, bottom, more=""):
    return (
        f'layer {{ name: "{name}" type: "Pooling" bottom: "{bottom}" top: "{name}" {more} '
        "pooling_param { kernel_size: 2 stride: 2 } }\n"
    )


def layer(name, type, bottoms, tops, more=""):
    blobs = "".join(f' bottom: "{blob}"' for blob in bottoms) + "".join(f' top: "{blob}"' for blob in tops)
    return f'layer {{ name: "{name}" type: "{type}"{blobs} {more} }}\n'


def data(shape="1 3 16 14", labels=""):
    dims = " ".join(f"dim: {n}" for n in shape.split())
    return f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n' + labels


HDF5 = 'layer { name: "data" type: "HDF5Data" top: "data" top: "label" hdf5_data_param { source: "x" batch_size: 4 } }'
IMAGES = RNG.random((N, 3, 16, 14)).astype(np.float32)

LANDMARKS = (
    HDF5 + conv("c1", "data", 5) + relu("r1", "c1") + pool("p1", "c1") + ip("fc", "p1", 6)
    + layer("loss", "EuclideanLoss", ["fc", "label"], ["loss"])
)  # fmt: skip
ATTRIBUTES = (
    HDF5 + conv("c1", "data", 5) + relu("r1", "c1") + ip("fc", "c1", 7)
    + layer("loss", "SigmoidCrossEntropyLoss", ["fc", "label"], ["loss"])
)  # fmt: skip
SCORE = (
    data() + conv("c1", "data", 5) + relu("r1", "c1") + ip("fc", "c1", 1) + layer("prob", "Sigmoid", ["fc"], ["prob"])
)
FCN = (
    HDF5 + conv("c1", "data", 6, 3, "pad: 20") + relu("r1", "c1") + pool("p1", "c1") + conv("score_fr", "p1", 4, 1)
    + conv("up", "score_fr", 4, 4, "stride: 2 bias_term: false", "Deconvolution")
    + layer("crop", "Crop", ["up", "data"], ["score"], "crop_param { axis: 2 offset: 19 }")
    + layer("loss", "SoftmaxWithLoss", ["score", "label"], ["loss"], "loss_param { ignore_label: 255 }")
)  # fmt: skip
SEGNET = (
    data() + conv("c1", "data", 6, 3, "pad: 1") + layer("bn", "BatchNorm", ["c1"], ["c1"])
    + layer("p1", "Pooling", ["c1"], ["p1", "mask1"], "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
    + layer("up1", "Upsample", ["p1", "mask1"], ["up1"], "upsample_param { scale: 2 }")
    + conv("dense", "up1", 4, 3, "pad: 1") + layer("prob", "Softmax", ["dense"], ["prob"])
)  # fmt: skip
SSD = (
    data() + conv("c1", "data", 6, 3, "pad: 1") + relu("r1", "c1") + pool("p1", "c1") + conv("c2", "p1", 8, 3, "pad: 1")
    + relu("r2", "c2") + conv("loc", "c2", 12, 3, "pad: 1") + conv("conf", "c2", 9, 3, "pad: 1")
    + "".join(
        layer(f"{h}_perm", "Permute", [h], [f"{h}_perm"], "permute_param { order: 0 order: 2 order: 3 order: 1 }")
        + layer(f"{h}_flat", "Flatten", [f"{h}_perm"], [f"{h}_flat"]) for h in ("loc", "conf")
    )
    + layer("prior", "PriorBox", ["c2", "data"], ["prior"], "prior_box_param { min_size: 4 aspect_ratio: 2 }")
    + layer("out", "DetectionOutput", ["loc_flat", "conf_flat", "prior"], ["out"],
            'detection_output_param { num_classes: 3 nms_param { nms_threshold: 0.4 } }')
)  # fmt: skip
SHARED = 'param { name: "w" } param { name: "b" } convolution_param'
SIAMESE = (
    'layer { name: "pair" type: "Data" top: "pair" top: "sim" data_param { source: "x" batch_size: 2 } }\n'
    + layer("slice", "Slice", ["pair"], ["data", "data_p"], "slice_param { axis: 1 slice_point: 1 }")
    + "".join(
        conv(f"c{p}", f"data{p}", 5).replace("convolution_param", SHARED)
        + relu(f"r{p}", f"c{p}") + ip(f"feat{p}", f"c{p}", 2) for p in ("", "_p")
    )
    + layer("loss", "ContrastiveLoss", ["feat", "feat_p", "sim"], ["loss"], "contrastive_loss_param { margin: 2 }")
)  # fmt: skip
AUTOENCODER = (
    HDF5.replace('top: "label"', "") + layer("flat", "Flatten", ["data"], ["flat"]) + ip("code", "data", 5)
    + ip("decode", "code", 3 * 16 * 14) + layer("loss", "SigmoidCrossEntropyLoss", ["decode", "flat"], ["loss"])
    + layer("out", "Sigmoid", ["decode"], ["out"])
    + layer("l2", "EuclideanLoss", ["out", "flat"], ["l2"], "loss_weight: 0")
)  # fmt: skip
LRCN = (
    data("2 3 16 14", 'layer { name: "cont" type: "Input" top: "cont" input_param { shape { dim: 2 dim: 1 } } }\n')
    + conv("c1", "data", 5) + relu("r1", "c1") + ip("fc6", "c1", 6)
    + layer("re", "Reshape", ["fc6"], ["re"], "reshape_param { shape { dim: 2 dim: 1 dim: 6 } }")
    + layer("lstm", "LSTM", ["re", "cont"], ["lstm"], "recurrent_param { num_output: 4 }")
    + layer("odd", "NobodyKnows", ["lstm"], ["odd"])
)  # fmt: skip
GOOGLENET = (
    HDF5 + conv("c1", "data", 5) + relu("r1", "c1") + ip("aux", "c1", 4) + conv("c2", "c1", 5) + ip("main", "c2", 4)
    + layer("loss1", "SoftmaxWithLoss", ["aux", "label"], ["loss1"], "loss_weight: 0.3")
    + layer("loss3", "SoftmaxWithLoss", ["main", "label"], ["loss3"])
)  # fmt: skip


C3D = (
    data("1 3 4 16 14") + conv("c1", "data", 5, 3, "pad: 1") + relu("r1", "c1") + conv("p1", "c1", 6, 2, "stride: 2")
    + relu("r2", "p1") + ip("fc", "p1", 4) + layer("prob", "Softmax", ["fc"], ["prob"])
)  # fmt: skip
#: By name: the network, its images, what else is said of them, and what a line of predict then begins with.
FAMILIES = {
    "landmarks": (LANDMARKS, "photos", "", "photos/0.png  "),
    "attributes": (ATTRIBUTES, "photos", "", "photos/0.png  "),
    "fcn": (FCN, "photos", "", "photos/0.png  "),
    "segnet": (SEGNET, "photos", "", "photos/0.png  "),
    "ssd": (SSD, "photos", "", "photos/0.png  "),
    "siamese": (SIAMESE, "pairs.txt", "pair=2,2,16,14", "photos/0.png photos/1.png  "),
    "c3d": (C3D, "clips", "", "clips/a  "),
    "autoencoder": (AUTOENCODER, "photos", "", "photos/0.png  "),
    "lrcn": (LRCN, "photos", "", ""),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES)
def test_each_command_takes_each_family(family, tmp_path, monkeypatch):
    """inspect, analyze, render, findings and predict, each with one command."""
    monkeypatch.chdir(tmp_path)
    network, images, shape, line = FAMILIES[family]
    for name in ("photos/0", "photos/1", *(f"clips/{clip}/{frame}" for clip in "ab" for frame in range(4))):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(f"{name}.png", RNG.integers(0, 256, (20, 18, 3), np.uint8))
    Path("pairs.txt").write_text("photos/0.png photos/1.png\n")
    Path("net.prototxt").write_text(network)
    shapes = ["--input-shape", shape or "data=4,3,16,14"] if "Data" in network else []
    until = ["--until", "fc6"] if family == "lrcn" else []

    def run(*words, code=0):
        result = runner().invoke(group, [*words])
        assert result.exit_code == code, result.output
        return result.stdout

    labels = ["--input-shape", "label=4,1,16,14"] if family == "fcn" else []
    assert "multiply-adds" in run("inspect", "net.prototxt", *shapes, *labels)
    analysed = ("analyze", "--model", "net.prototxt", "--data", images, "--scale", "0.004", "--out", "a.h5")
    assert "neurons in" in run(*analysed, "--random-weights", *shapes, *until)
    run("render", "a.h5", "--out", "a.svg")
    assert "<svg" in Path("a.svg").read_text()
    assert "random weights" in run("findings", "a.h5")
    if line:
        made = Net("net.prototxt", TEST) if not shapes else None
        save_weights(made, network)
        assert f"\n{line}" in run("predict", "net.prototxt", "net.caffemodel", images, *shapes)


def save_weights(net, network):
    """Save what the fillers give, of a network whose data are not here without them."""
    if net is None:
        fed = network.replace(HDF5, data()).replace(HDF5.replace('top: "label"', ""), data())
        fed = fed.replace(SIAMESE.split("\n")[0], data("2 2 16 14").replace('"data"', '"pair"'))
        Path("fed.prototxt").write_text("".join(f"{one}\n" for one in fed.split("\n") if "Loss" not in one))
        net = Net("fed.prototxt", TEST)
    net.save("net.caffemodel")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Analyse a network with weights from its fillers on arrays."""
    monkeypatch.chdir(tmp_path)

    def analyse(net, labels=None, images=IMAGES, **options):
        (tmp_path / "net.prototxt").write_text(net)
        with h5py.File("data.h5", "w") as file:
            file["data"] = images
            if labels is not None:
                file["label"] = labels
        return pipeline.analyze("net.prototxt", None, "data.h5", "a.h5", **options)

    return analyse


def names(analysis):
    return [measure.name for measure in analysis.snapshots[0].measures]


def test_landmarks(run):
    found = run(LANDMARKS, RNG.normal(0, 5, (N, 6)).astype(np.float32))
    assert (found.data.task, found.data.column, found.data.n_classes) == ("numbers", "target", 6)
    assert names(found) == ["rms error", "mean absolute error"]
    snapshot = found.snapshots[0]
    assert np.isnan(snapshot.error) and np.isfinite(snapshot.loss)
    assert np.isfinite(snapshot.features["c1"].contribution).all()
    assert snapshot.connections["c1"].gradient is not None


def test_landmarks_without_labels(run):
    found = run(LANDMARKS)
    assert (found.data.task, found.data.class_names) == ("numbers", ("all images",))
    assert np.isnan(found.snapshots[0].loss) and found.snapshots[0].connections["c1"].gradient is None


def test_images_without_labels_are_grouped_by_what_the_network_answers(run, tmp_path):
    rng = np.random.default_rng(0)
    centre = rng.random((3, 3, 16, 14))
    images = (centre[np.arange(60) % 3] + 0.01 * rng.random((60, 3, 16, 14))).astype(np.float32)
    found = run(LANDMARKS, images=images)
    assert found.data.columns == "clusters" and found.data.n_classes >= 3
    # Equal images are in one cluster, unlike ones are not.
    features = found.snapshots[0].features["fc"]
    assert found.data.class_count.sum() == 60 and np.isfinite(features.mean).all()
    plain = LANDMARKS.replace("EuclideanLoss", "SoftmaxWithLoss")
    found = run(plain, images=images)
    assert found.data.columns == "answers" and found.data.class_names[0].startswith("named ")
    assert found.data.class_count.sum() == 60 and np.isfinite(found.snapshots[0].features["c1"].contribution).all()
    shards = [tmp_path / "1", tmp_path / "2"]
    for i, shard in enumerate(shards):
        pipeline.analyze("net.prototxt", None, "data.h5", shard, shard=(i + 1, 2))
    merged = pipeline.merge(shards, tmp_path / "merged.h5")
    np.testing.assert_allclose(
        merged.snapshots[0].features["c1"].mean, found.snapshots[0].features["c1"].mean, rtol=1e-5
    )


def test_attributes(run):
    found = run(ATTRIBUTES, (RNG.random((N, 7)) < 0.5).astype(np.float32))
    assert (found.data.task, found.data.columns, found.data.score_name) == ("labels", "labels", "fc")
    assert names(found)[0] == "average precision" and np.isfinite(found.snapshots[0].error)


@pytest.mark.filterwarnings("ignore")
def test_one_score(run):
    found = run(SCORE, np.arange(N) % 2)
    assert (found.data.task, found.data.class_names) == ("score", ("no", "yes"))
    assert found.snapshots[0].confusion.sum() == N
    contribution = found.snapshots[0].features["fc"].contribution[0]
    mean = found.snapshots[0].features["fc"].mean[0]
    np.testing.assert_allclose(contribution, [-mean[0], mean[1]], 1e-6)  # "no" is the score with the other sign


def test_fcn_with_masks(run, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    masks = RNG.choice([0, 1, 2, 3, 255], (N, 16, 14)).astype(np.uint8)
    masks[0][masks[0] == 3] = 255
    for i in range(N):
        cv2.imwrite(f"images/{i:02}.png", RNG.integers(0, 256, (16, 14, 3), np.uint8))
        cv2.imwrite(f"masks/{i:02}.png", masks[i])
    (tmp_path / "list.txt").write_text("".join(f"images/{i:02}.png masks/{i:02}.png\n" for i in range(N)))
    (tmp_path / "fcn.prototxt").write_text(FCN)
    found = pipeline.analyze("fcn.prototxt", None, "list.txt", "a.h5", scale=0.01)
    assert (found.data.task, found.data.n_classes, found.data.score_name) == ("pixels", 4, "crop")
    assert found.snapshots[0].confusion.sum(1).tolist() == [(masks == c).sum() for c in range(4)]
    assert found.data.class_count.tolist() == [N, N, N, N - 1]
    assert np.isfinite(found.snapshots[0].features["c1"].contribution).all()
    assert np.isfinite(found.snapshots[0].loss)


@pytest.mark.filterwarnings("ignore")
def test_segnet_without_labels(run):
    found = run(SEGNET)
    assert found.data.task == "pixels" and not names(found)
    assert np.isfinite(found.snapshots[0].features["c1"].contribution).all()


@pytest.mark.filterwarnings("ignore")
def test_before_the_heads_of_ssd(run):
    found = run(SSD)
    assert found.data.task == "boxes"
    assert [node.name for node in found.shown_nodes] == ["data", "c1", "r1", "p1", "c2", "r2"]


def test_siamese(run):
    with h5py.File("pairs.h5", "w") as file:
        file["pair"], file["sim"] = RNG.random((N, 2, 16, 14)).astype(np.float32), np.arange(N) % 2
    Path("siamese.prototxt").write_text(SIAMESE)
    found = pipeline.analyze("siamese.prototxt", None, "pairs.h5", "a.h5")
    assert (found.data.task, found.data.class_names) == ("pairs", ("different", "same"))
    assert found.snapshots[0].confusion.sum() == N and np.isfinite(found.snapshots[0].loss)
    assert np.isfinite(found.snapshots[0].features["c_p"].mean).all()


@pytest.mark.parametrize("labels", [None, np.arange(N) % 3])
def test_autoencoder(run, labels):
    found = run(AUTOENCODER, labels)
    snapshot = found.snapshots[0]
    assert found.data.task == "embedding" and np.isfinite(snapshot.loss) and np.isnan(snapshot.error)
    assert snapshot.connections["code"].gradient is not None
    assert found.data.n_classes == (3 if labels is not None else 1)
    assert found.data.column == ("class" if labels is not None else "group")


@pytest.mark.filterwarnings("ignore")
def test_the_part_of_lrcn_before_time(run):
    found = run(LRCN, until="fc6")
    assert [node.name for node in found.shown_nodes] == ["data", "c1", "r1", "fc6"]
    assert found.data.task == "embedding"


def test_of_three_losses_the_heaviest_counts(run):
    found = run(GOOGLENET, np.arange(N) % 4)
    assert found.data.score_name == "main"
    assert found.provenance["why"].endswith("loss3 counts, not loss1; the answers are those of main")
