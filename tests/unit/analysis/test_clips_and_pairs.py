"""Clips and pairs: as real pycaffe computes them (`tests/recorders/record_items.py`), and in all their forms."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from helpers.recordings import ITEMS

from cnnvis_caffe import pipeline
from cnnvis_caffe.analysis.deconvolution import deconvolve
from cnnvis_caffe.errors import CnnvisError, ConsentError, DataFileError, NetError
from cnnvis_caffe.formats.clip_list import read_clip_list
from cnnvis_caffe.pycaffe import TEST, Net
from cnnvis_caffe.records.sheet import ContactSheet
from cnnvis_caffe.text.words import data_line

pytestmark = pytest.mark.filterwarnings("ignore")
CONV = 'convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "xavier" } }'
DENSE = 'inner_product_param { num_output: 2 weight_filler { type: "xavier" } }'


def fed(*shapes):
    """Input layers by name and shape."""
    text = ""
    for name, shape in shapes:
        dims = " ".join(f"dim: {n}" for n in shape)
        text += f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'
    return text


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=["clips", "pairs"])
def analysed(request, here):
    """A recording, and the analysis of the same network: clips as an array, pairs as a list of files."""
    with np.load(ITEMS / f"{request.param}.npz") as file:
        recorded = dict(file)
    inputs = {key[len("image/") :]: array for key, array in recorded.items() if key.startswith("image/")}
    shapes = [(name, (1, *array.shape[1:])) for name, array in inputs.items()]
    Path("net.prototxt").write_text(fed(*shapes, ("label", (1,))) + str(recorded["body"]))
    net = Net("net.prototxt", TEST)
    for name, values in recorded.items():
        if name.startswith("param/"):
            _, layer, number = name.split("/")
            net.params[layer][int(number)].data[...] = values
    net.save("net.caffemodel")
    labels = recorded["labels"]
    if request.param == "clips":
        with h5py.File("data.h5", "w") as file:
            file["data"], file["label"] = inputs["data"], labels.astype(np.float32)
    else:
        for blob, images in inputs.items():
            for i, image in enumerate(images):
                cv2.imwrite(f"{blob}{i:02}.png", image.transpose(1, 2, 0))
        Path("data.h5.txt").write_text("".join(f"data{i:02}.png data_p{i:02}.png {c}\n" for i, c in enumerate(labels)))
    data = "data.h5" if request.param == "clips" else "data.h5.txt"
    return recorded, pipeline.analyze("net.prototxt", "net.caffemodel", data, "a.h5", scale=1 / 64, batch=5)


def test_activations_and_contributions_are_those_of_real_caffe(analysed):
    recorded, found = analysed
    snapshot = found.snapshots[0]
    assert f"{found.data.item}s" in ("clips", "pairs")
    assert found.data.class_count.tolist() == np.bincount(recorded["labels"]).tolist()
    assert snapshot.loss == pytest.approx(float(recorded["loss"]), rel=1e-4)
    for layer in (key[len("mean/") :] for key in recorded if key.startswith("mean/")):
        features = snapshot.features[layer]
        for name in ("mean", "contribution"):
            np.testing.assert_allclose(getattr(features, name), recorded[f"{name}/{layer}"], 1e-4, 1e-4, err_msg=layer)


def test_pictures_of_a_clip_and_of_a_pair(analysed):
    """Frames lie in a square, the two of a pair side by side; a box lies in the picture that the neuron sees."""
    recorded, found = analysed
    features = found.snapshots[0].features
    if found.data.item == "clip":
        assert found.data.input_shape == (3, 18, 14)
        frames = recorded["image/data"].transpose(0, 2, 3, 4, 1)[..., ::-1]
        index = int(features["score"].top_image[0, 0])
        rows = [np.concatenate(frames[index][n : n + 2], 1) for n in (0, 2)]
        shown = np.concatenate(rows)
        assert features["score"].top_box[0, 0].tolist() == [0, 0, 18, 14]
        assert (features["conv"].top_box[:, :, 2] - features["conv"].top_box[:, :, 0] <= 3).all()
        assert (features["conv"].top_box % np.array([9, 7, 9, 7]) // 9 == 0).all()
    else:
        assert found.data.input_shape == (3, 9, 14)
        index = int(features["feat_p"].top_image[0, 0])
        shown = np.concatenate([recorded[f"image/{name}"][index].transpose(1, 2, 0)[..., ::-1]
                                for name in ("data", "data_p")], 1)  # fmt: skip
        assert features["feat_p"].top_box[0, 0].tolist() == [0, 7, 9, 14]
        assert features["feat"].top_box[0, 0].tolist() == [0, 0, 9, 7]
        assert (features["relu_p"].top_box[..., 1] >= 7).all()
    np.testing.assert_array_equal(found.images[index], shown)


def test_boxes_stay_in_their_picture():
    sheet = ContactSheet(5, 9, 7)
    assert (sheet.n_columns, sheet.size) == (3, (18, 21))
    boxes = np.array([[-2, 1, 4, 9], [3, -1, 20, 5]])
    assert sheet.place(boxes, np.array([1, 4])).tolist() == [[0, 8, 4, 14], [12, 7, 18, 12]]
    pictures = np.arange(5, dtype=np.uint8)[None, :, None, None, None] + np.ones((1, 1, 9, 7, 3), np.uint8)
    laid = sheet.lay(pictures)[0]
    assert [laid[0, 0, 0], laid[0, 20, 0], laid[17, 13, 0], laid[17, 20, 0]] == [1, 3, 5, 0]


CLIPS = fed(("data", (1, 3, 4, 8, 6))) + (
    f'layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" {CONV} }}\n'
    f'layer {{ name: "fc" type: "InnerProduct" bottom: "c" top: "fc" {DENSE} }}\n'
    'layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }\n'
)


def write_clips(n_frames=6):
    for clip in ("run/a", "run/b", "walk/a b", "walk/c"):
        Path(clip).mkdir(parents=True)
        for frame in range(n_frames):
            value = 40 * frame + ("run" in clip)
            cv2.imwrite(f"{clip}/{frame:03}.png", np.full((8, 6, 3), value, np.uint8))


def test_clips_as_folders_and_lists(here):
    write_clips()
    Path("c3d.prototxt").write_text(CLIPS)
    Path("list.txt").write_text("run/a 2 0\nwalk/a b 3 1\n")
    Path("plain.txt").write_text("walk/a b 1\nrun/b 0\n\n")
    options = {"scale": 1.0, "layers": ("c",)}
    found = pipeline.analyze("c3d.prototxt", None, ".", "a.h5", **options)
    assert (found.data.class_names, found.data.class_count.tolist()) == (("run", "walk"), [2, 2])
    frames = np.linspace(0, 5, 4).round() * 40  # spread over the whole clip
    assert [found.images[2][r, c, 0] for r, c in ((0, 0), (0, 11), (15, 0), (15, 11))] == frames.tolist()
    found = pipeline.analyze("c3d.prototxt", None, "list.txt", "a.h5", **options)
    assert [found.images[1][r, c, 0] for r, c in ((0, 0), (15, 11))] == [80, 200], "frames follow each other"
    found = pipeline.analyze("c3d.prototxt", None, "plain.txt", "a.h5", **options)
    assert found.data.class_count.tolist() == [1, 1] and found.data.item == "clip"
    assert " · 2 clips · " in data_line(found, found.snapshots[0])
    Path("far.txt").write_text("run/a 4 0\n")
    with pytest.raises(DataFileError, match="run/a: has 3 frames from frame 4 on, but the network takes 4"):
        pipeline.analyze("c3d.prototxt", None, "far.txt", "b.h5")
    with pytest.raises(CnnvisError, match="is of clips"):
        deconvolve(found, found.snapshots[0], "c", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "a list without clips"), ("a 0\nb\n", "clip 2 has no label"), ("a 0 1\n", "frames count from 1")],
)
def test_lists_of_clips_with_faults(text, said, here):
    Path("list.txt").write_text(text)
    with pytest.raises(DataFileError, match=said):
        read_clip_list("list.txt")


PAIRS = fed(("data", (1, 3, 8, 6)), ("data_p", (1, 3, 8, 6))) + "".join(
    f'layer {{ name: "feat{p}" type: "InnerProduct" bottom: "data{p}" top: "feat{p}" param {{ name: "w" }} '
    f'param {{ name: "b" }} {DENSE} }}\n'
    for p in ("", "_p")
)


def test_pairs_of_which_no_loss_speaks(here):
    """Two embeddings are compared where the labels are of pairs; without labels they are an embedding."""
    for i in range(5):
        cv2.imwrite(f"{i}.png", np.random.default_rng(i).integers(0, 256, (8, 6, 3), np.uint8))
    Path("net.prototxt").write_text(PAIRS)
    Path("pairs.txt").write_text("0.png 1.png 1\n2.png 3.png 0\n3.png 4.png 0\n")
    found = pipeline.analyze("net.prototxt", None, "pairs.txt", "a.h5")
    assert (found.data.task, found.data.column, found.snapshots[0].confusion.sum()) == ("pairs", "kind of pair", 3)
    Path("plain.txt").write_text("0.png 1.png\n2.png 3.png\n")
    assert pipeline.analyze("net.prototxt", None, "plain.txt", "a.h5").data.task == "embedding"
    with pytest.raises(DataFileError, match="has one image a line, but the network takes pairs"):
        Path("one.txt").write_text("0.png 1\n")
        pipeline.analyze("net.prototxt", None, "one.txt", "b.h5")
    with pytest.raises(DataFileError, match=r"has no images for the second input, 'data_p'"):
        np.savez("a.npz", images=np.zeros((3, 8, 6, 3), np.uint8))
        pipeline.analyze("net.prototxt", None, "a.npz", "b.h5")
    three = fed(("more", (1, 3, 8, 6))) + PAIRS
    Path("three.prototxt").write_text(three.replace('bottom: "data"', 'bottom: "data" bottom: "more"'))
    with pytest.raises(NetError, match="takes images in several places"):
        pipeline.analyze("three.prototxt", None, "plain.txt", "b.h5")


def test_masks_in_a_folder_of_their_own(here):
    Path("photos").mkdir()
    Path("masks").mkdir()
    for i in range(3):
        cv2.imwrite(f"photos/{i}.jpg", np.full((8, 6, 3), 80 * i, np.uint8))
        cv2.imwrite(f"masks/{i}.png", np.full((8, 6), i % 2, np.uint8))
    Path("fcn.prototxt").write_text(
        fed(("data", (1, 3, 8, 6))) + f'layer {{ name: "score" type: "Convolution" bottom: "data" top: "score" '
        f'{CONV.replace("kernel_size: 3", "kernel_size: 1")} }}\n'
        'layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }\n'
    )
    found = pipeline.analyze("fcn.prototxt", None, "photos", "a.h5", masks="masks", scale=0.01)
    assert (found.data.task, found.data.class_count.tolist()) == ("pixels", [2, 1])
    assert found.snapshots[0].confusion.sum(1).tolist() == [96, 48]


PYTHON = """
layer { name: "source" type: "Python" top: "data" top: "label" python_param { module: "nobody" layer: "Data" } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" %s }
layer { name: "odd" type: "Python" bottom: "fc" top: "odd" python_param { module: "nobody" layer: "Odd" } }
layer { name: "behind" type: "ReLU" bottom: "odd" top: "behind" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def test_python_layers_whose_shapes_are_stated_are_not_run(here, caplog):
    Path("net.prototxt").write_text(PYTHON % DENSE)
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 6, 3), np.uint8)
    np.savez("data.npz", images=images, labels=np.arange(6) % 2)
    with pytest.raises(ConsentError, match=r"layer 'source' .*give --allow-python-layers .*--input-shape TOP="):
        pipeline.analyze("net.prototxt", None, "data.npz", "a.h5")
    shapes = {"data": (1, 3, 8, 6), "odd": (1, 2)}
    found = pipeline.analyze("net.prototxt", None, "data.npz", "a.h5", input_shapes=shapes)
    assert [node.name for node in found.shown_nodes] == ["data", "fc"] and found.data.task == "classes"
    assert np.isfinite(found.snapshots[0].loss) and found.snapshots[0].confusion.sum() == 6
    assert "not run: odd (Python), nor what depends on them: behind" in caplog.text
    with pytest.raises(ConsentError, match="layer 'odd'"):
        pipeline.analyze("net.prototxt", None, "data.npz", "b.h5", input_shapes={"data": (1, 3, 8, 6)})
    with pytest.raises(ValueError, match="give lengths from 1 on"):
        pipeline.analyze("net.prototxt", None, "data.npz", "b.h5", input_shapes={"data": (0, 3)})
