"""What predict says about images: against real Caffe's Classifier, and against plain numpy for every kind of answer."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import prediction_cases
import pytest
from click.testing import CliRunner
from helpers.recordings import PYCAFFE

from cnnvis_caffe import api, pycaffe
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.formats.hdf5_data import write_arrays
from cnnvis_caffe.formats.palette_png import decode_indices
from cnnvis_caffe.prediction.request import PredictionRequest
from cnnvis_caffe.prediction.run import predict

pytest.importorskip("torch")

H, W, N = 6, 5, 4
DATA = """layer {{ name: "data" type: "Input" top: "data"
  input_param {{ shape {{ dim: 1 dim: 3 dim: {} dim: {} }} }} }}
"""
DENSE = """layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 0.02 } bias_filler { type: "uniform" } } }
"""
SOFTMAX = 'layer { name: "p" type: "Softmax" bottom: "fc" top: "p" }'
SIGMOID = 'layer { name: "p" type: "Sigmoid" bottom: "fc" top: "p" }'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Files are made where the tests run."""
    monkeypatch.chdir(tmp_path)


def make(text, name="net"):
    """A network with random weights; returns its files and the weights by layer."""
    Path(f"{name}.prototxt").write_text(text)
    pycaffe.set_random_seed(3)
    net = pycaffe.Net(f"{name}.prototxt", pycaffe.TEST)
    net.save(f"{name}.caffemodel")
    return f"{name}.prototxt", f"{name}.caffemodel", {k: [np.array(b.data) for b in v] for k, v in net.params.items()}


def photos(folder="photos", n=N, shape=(H, W, 3)):
    """Pictures (n, H, W, 3), BGR, in a folder."""
    images = np.random.default_rng(5).integers(0, 256, (n, *shape), np.uint8)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        cv2.imwrite(f"{folder}/{index}.png", image)
    return images


def rows(images):
    """Images as the rows that an InnerProduct takes."""
    return images.transpose(0, 3, 1, 2).reshape(len(images), -1).astype(np.float32)


def ask(model, weights, *images, **options):
    return predict(PredictionRequest(model, weights, images or ("photos",), **{"scale": 1.0, **options}))


def run(*words, code=0):
    result = CliRunner().invoke(group, ["predict", *words])
    assert result.exit_code == code, result.output
    return result.output


def softmax(scores):
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


# -- classes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["oversampled", "centre"])
@pytest.mark.parametrize("batch", [2, 60])
def test_classes_are_those_of_real_classifier(way, batch):
    Path("p").mkdir()
    for index, photo in enumerate(prediction_cases.photos()):
        cv2.imwrite(f"p/{index}.png", photo[:, :, ::-1])
    found = ask(
        str(PYCAFFE / "small.prototxt"), str(PYCAFFE / "small.caffemodel"), "p", batch=batch, top=5,
        scale=prediction_cases.SCALE, mean=",".join(map(str, prediction_cases.MEAN)),
        image_dims=prediction_cases.IMAGE_DIMS, oversample=way == "oversampled",
    )  # fmt: skip
    with np.load(PYCAFFE / "predictions.npz") as file:
        wanted = file[way]
    order = np.argsort(-wanted, axis=1, kind="stable")
    np.testing.assert_array_equal(found.classes, order)
    np.testing.assert_allclose(found.values, np.take_along_axis(wanted, order, 1), rtol=2e-4, atol=1e-6)
    assert found.images == tuple(f"p/{i}.png" for i in range(5))


def test_labels_give_errors_and_the_most_wrong():
    model, weights, params = make(DATA.format(H, W) + DENSE + SOFTMAX)
    images = photos(n=7)
    chances = softmax(rows(images) @ params["fc"][0].T + params["fc"][1])
    labels = np.array([0, 2, 1, 1, 0, 2, 1])
    Path("list.txt").write_text("".join(f"photos/{i}.png {label}\n" for i, label in enumerate(labels)))
    found = ask(model, weights, "list.txt", top=2)
    wrong = chances.argmax(1) != labels
    assert found.measures == {"error": pytest.approx(wrong.mean())} and 0 < wrong.sum() < 7
    own = chances[np.arange(7), labels]
    np.testing.assert_allclose(found.own, own, rtol=1e-4)
    np.testing.assert_array_equal(found.rank, (chances > own[:, None]).sum(1))
    worst = sorted(np.flatnonzero(wrong), key=lambda i: own[i] - chances[i].max())
    assert found.most_wrong().tolist() == worst[:5]
    two = np.sort(chances, 1)
    assert found.most_uncertain(3).tolist() == np.argsort(two[:, 2] - two[:, 1], kind="stable")[:3].tolist()


def test_names_come_from_beside_and_a_lone_caffemodel_will_do():
    _, weights, _ = make(DATA.format(H, W) + DENSE + SOFTMAX)
    photos()
    Path("labels.txt").write_text("owl\neel\ncat\n")
    output = run(weights, "photos", "--scale", "1")
    assert "names from " in output and any(name in output for name in ("owl", "eel", "cat"))
    assert "4 images, resized to 6x5 where they differ, as they are" in output
    one = run(weights, "photos/0.png", "--scale", "1", "--top", "2")
    assert len([line for line in one.splitlines() if "%" in line]) == 2
    both = run("net.prototxt", weights, "photos", "--scale", "1", "--json")
    swapped = run(weights, "net.prototxt", "photos", "--scale", "1", "--json")
    assert json.loads(both)["predictions"] == json.loads(swapped)["predictions"]


_IN_REAL_CAFFE = """
import json, sys
from cnnvis_caffe.prediction.request import PredictionRequest
from cnnvis_caffe.prediction.run import predict
model, weights, images, way = sys.argv[1:]
options = {"oversample": way == "oversampled", "image_dims": (11, 12), "scale": 0.5, "mean": "104,117,123", "top": 5}
found = predict(PredictionRequest(model, weights, (images,), engine="caffe", **options))
print(json.dumps({"classes": found.classes.tolist(), "values": found.values.tolist()}))
"""


@pytest.mark.pycaffe
@pytest.mark.parametrize("way", ["oversampled", "centre"])
def test_a_real_caffe_as_the_engine(way, repository, real_caffe):
    """The same answers; the other root has no OpenCV, hence an array."""
    with TemporaryDirectory(dir=repository, prefix=".engine.") as folder:  # which the other root sees
        photos = prediction_cases.photos()[..., ::-1].transpose(0, 3, 1, 2)
        write_arrays(f"{folder}/photos.h5", {"data": photos.astype(np.float32)})
        files = [str(PYCAFFE / "small.prototxt"), str(PYCAFFE / "small.caffemodel"), f"{folder}/photos.h5"]
        done = subprocess.run(
            [*real_caffe, "python3", "-c", _IN_REAL_CAFFE, *files, way],
            check=True, cwd=repository, timeout=120, capture_output=True, text=True,
        )  # fmt: skip
    found = json.loads(done.stdout.splitlines()[-1])
    with np.load(PYCAFFE / "predictions.npz") as file:
        order = np.argsort(-file[way], axis=1, kind="stable")
        np.testing.assert_array_equal(found["classes"], order)
        np.testing.assert_allclose(found["values"], np.take_along_axis(file[way], order, 1), rtol=2e-4, atol=1e-6)


# -- other answers ---------------------------------------------------------------------------------------------------


def test_numbers_where_the_training_network_says_so():
    model, weights, params = make(DATA.format(H, W) + DENSE)
    images = photos()
    wanted = rows(images) @ params["fc"][0].T + params["fc"][1]
    alone = ask(model, weights)
    assert alone.answer.kind == "numbers" and "--task classes" in alone.notes[0]
    np.testing.assert_allclose(alone.values, wanted, rtol=1e-4, atol=1e-4)
    loss = 'layer { name: "l" type: "EuclideanLoss" bottom: "fc" bottom: "label" top: "l" }'
    Path("train.prototxt").write_text(DATA.format(H, W) + DENSE + loss)
    text = "".join(f"photos/{i}.png,{row[0] + 1},{row[1] - 3},{row[2]}\n" for i, row in enumerate(wanted))
    Path("points.csv").write_text("image,x,y,z\n" + text)
    found = ask(model, weights, "points.csv")
    assert (found.names, found.notes) == (("x", "y", "z"), ())
    assert found.measures == {"mean error": pytest.approx(4 / 3, rel=1e-3)}
    as_class = ask(model, weights, task="classes", top=3)
    np.testing.assert_allclose(as_class.values, -np.sort(-softmax(wanted), 1), rtol=1e-3, atol=1e-6)


def test_several_labels():
    model, weights, params = make(DATA.format(H, W) + DENSE + SIGMOID)
    images = photos()
    wanted = 1 / (1 + np.exp(-(rows(images) @ params["fc"][0].T + params["fc"][1])))
    truth = (wanted > 0.5).astype(int)
    truth[0, 0] ^= 1
    lines = [f"photos/{i}.png {' '.join(map(str, 2 * row - 1))}\n" for i, row in enumerate(truth)]
    Path("a.txt").write_text("4\nbald old red\n" + "".join(lines))
    found = ask(model, weights, "a.txt")
    assert (found.answer.kind, found.names) == ("labels", ("bald", "old", "red"))
    np.testing.assert_allclose(found.values, wanted, rtol=1e-4, atol=1e-6)
    assert found.measures == {"labels right": pytest.approx(11 / 12)}
    assert found.most_wrong().tolist() == [0]


PIXELS = """layer { name: "s" type: "Convolution" bottom: "data" top: "s"
  convolution_param { num_output: 3 kernel_size: 1 weight_filler { type: "gaussian" std: 1 } } }
"""


def test_masks_and_their_measures():
    model, weights, params = make(DATA.format(H, W) + PIXELS)
    images = photos()
    kernel, bias = params["s"]
    scores = np.einsum("oc,nhwc->nohw", kernel[:, :, 0, 0], images.astype(np.float32)) + bias[:, None, None]
    wanted = scores.argmax(1)
    truth = wanted.copy()
    truth[:, 0] = 255
    truth[1, 2:4] = (truth[1, 2:4] + 1) % 3
    Path("truth").mkdir()
    for index, mask in enumerate(truth):
        cv2.imwrite(f"truth/{index}.png", mask.astype(np.uint8))
    output = run(model, weights, "photos", "--scale", "1", "--masks", "truth", "--pictures", "out", "--json")
    for index, mask in enumerate(wanted):
        np.testing.assert_array_equal(decode_indices(Path(f"out/{index}.png").read_bytes()), mask)
    known = truth != 255
    right = (truth == wanted)[known].mean()
    ious = [
        ((truth == c) & (wanted == c)).sum() / (((truth == c) | (wanted == c)) & known).sum() for c in range(3)
    ]  # fmt: skip
    measures = json.loads(output)["measures"]
    wanted_measures = {"pixels right": right, "mean IoU": np.mean(ious)}
    assert measures == {name: pytest.approx(value, rel=1e-5) for name, value in wanted_measures.items()}
    shares = [[(mask == c).mean() for c in range(3)] for mask in wanted]
    np.testing.assert_allclose(ask(model, weights).values, shares, atol=1e-6)


def test_boxes_in_pixels_of_the_image():
    """Of one prior box (0.25, 0.5, 0.75, 1) with codes of zero."""
    text = DATA.format(8, 8) + """
    layer { name: "conf" type: "InnerProduct" bottom: "data" top: "conf"
      inner_product_param { num_output: 2 weight_filler { type: "constant" value: 0 } } }
    layer { name: "loc" type: "InnerProduct" bottom: "data" top: "loc"
      inner_product_param { num_output: 4 weight_filler { type: "constant" value: 0 } } }
    layer { name: "prior" type: "Parameter" top: "prior" parameter_param { shape { dim: 1 dim: 2 dim: 4 } } }
    layer { name: "out" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior" top: "out"
      detection_output_param { num_classes: 2 background_label_id: 0 keep_top_k: 5 nms_param { nms_threshold: 0.5 } } }
    """
    Path("net.prototxt").write_text(text)
    net = pycaffe.Net("net.prototxt", pycaffe.TEST)
    net.params["conf"][1].data[...] = [0.25, 0.75]
    net.params["prior"][0].data[...] = np.array([[[0.25, 0.5, 0.75, 1.0], [0.1, 0.1, 0.2, 0.2]]])
    net.save("net.caffemodel")
    photos(shape=(40, 20, 3), n=3)
    found = ask("net.prototxt", "net.caffemodel", classes=("nothing", "cat"), batch=2)
    assert found.answer.kind == "boxes" and len(found.boxes) == 3
    for boxes in found.boxes:
        np.testing.assert_allclose(boxes, [[1, 0.75, 5, 20, 15, 40]], rtol=1e-5)
    output = run("net.prototxt", "net.caffemodel", "photos", "--scale", "1", "--classes", "nothing,cat", "--pictures",
                 "drawn", "--out", "boxes.csv")  # fmt: skip
    assert "1 box: cat 0.75 at 5,20-15,40" in output
    assert len(list(Path("drawn").iterdir())) == 3
    with open("boxes.csv", newline="") as file:
        assert list(csv.DictReader(file))[2] == {
            "image": "photos/2.png", "class": "cat", "score": "0.75",
            "x0": "5.0", "y0": "20.0", "x1": "15.0", "y1": "40.0",
        }  # fmt: skip


# -- other inputs ----------------------------------------------------------------------------------------------------


def test_pairs_of_two_inputs():
    text = (DATA.format(H, W) + DATA.format(H, W).replace('"data"', '"other"') + DENSE.replace('"fc"', '"a"')
            + DENSE.replace('"fc"', '"b"').replace('"data"', '"other"')
            + 'layer { name: "e" type: "Eltwise" bottom: "a" bottom: "b" top: "e" }')  # fmt: skip
    model, weights, params = make(text)
    images = rows(photos())
    Path("pairs.txt").write_text("photos/0.png photos/3.png 1\nphotos/2.png photos/1.png 0\n")
    found = ask(model, weights, "pairs.txt")
    wanted = [
        images[i] @ params["a"][0].T + params["a"][1] + images[j] @ params["b"][0].T + params["b"][1]
        for i, j in ((0, 3), (2, 1))
    ]
    np.testing.assert_allclose(found.values, wanted, rtol=1e-4, atol=1e-4)
    assert found.images == ("photos/0.png photos/3.png", "photos/2.png photos/1.png")
    with pytest.raises(CnnvisError, match="has single images, but the network takes pairs"):
        ask(model, weights, "photos")


def test_pairs_of_one_input_with_both_behind_each_other():
    model, weights, params = make(DATA.format(H, W).replace("dim: 3", "dim: 6") + DENSE)
    images = rows(photos())
    Path("pairs.txt").write_text("photos/0.png photos/3.png 1\n")
    wanted = np.concatenate([images[0], images[3]]) @ params["fc"][0].T + params["fc"][1]
    np.testing.assert_allclose(ask(model, weights, "pairs.txt").values, [wanted], rtol=1e-4, atol=1e-4)


def test_clips_as_folders_and_as_arrays():
    data = DATA.format(H, W).replace("dim: 3", "dim: 3 dim: 2")
    model, weights, params = make(data + DENSE)
    clips = [photos(f"clips/{name}", n=5 if name == "a" else 2) for name in "ab"]
    frames = np.stack([clips[0][[0, 4]], clips[1][[0, 1]]]).transpose(0, 4, 1, 2, 3).astype(np.float32)
    wanted = frames.reshape(2, -1) @ params["fc"][0].T + params["fc"][1]
    found = ask(model, weights, "clips")
    np.testing.assert_allclose(found.values, wanted, rtol=1e-4, atol=1e-4)
    assert found.images == ("clips/a", "clips/b")
    np.savez("clips.npz", images=frames.astype(np.uint8))
    np.testing.assert_allclose(ask(model, weights, "clips.npz").values, wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(CnnvisError, match="clips/b: has 2 frames, but the network takes 3"):
        wide = make(data.replace("dim: 2", "dim: 3") + DENSE, "wide")
        ask(wide[0], wide[1], "clips")


# -- files and errors ------------------------------------------------------------------------------------------------


def test_a_table_of_a_folder():
    model, weights, params = make(DATA.format(H, W) + DENSE + SOFTMAX)
    images = photos()
    chances = softmax(rows(images) @ params["fc"][0].T + params["fc"][1])
    output = run(model, weights, "photos", "--scale", "1", "--csv", "--top", "1", "--out", "all.json")
    table = list(csv.DictReader(output.splitlines()))
    assert [row["class 1"] for row in table] == [str(best) for best in chances.argmax(1)]
    np.testing.assert_allclose([float(row["probability 1"]) for row in table], chances.max(1), rtol=1e-4)
    report = json.loads(Path("all.json").read_text())
    assert (report["kind"], report["output"], len(report["predictions"])) == ("classes", "p", N)


def test_the_same_in_python():
    model, weights, params = make(DATA.format(H, W) + PIXELS)
    photos()
    table = api.predict(model, weights, [Path("photos/0.png"), "photos/2.png"], scale=1.0, classes=["a", "b", "c"])
    assert (table.columns, table["image"]) == (("image", "a", "b", "c"), ["photos/0.png", "photos/2.png"])
    assert [mask.shape for mask in table.masks] == [(H, W)] * 2
    np.testing.assert_allclose(table["b"], [(mask == 1).mean() for mask in table.masks], atol=1e-6)
    assert "photos/2.png" in str(table) and "<table" in table._repr_html_()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["net.prototxt", "net.caffemodel"], "name the images: cnnvis-caffe predict MODEL WEIGHTS IMAGES"),
        (["net.prototxt", "net.caffemodel", "nowhere.png"], "nowhere.png: there is no such data"),
        (["net.prototxt", "photos/0.png", "photos"], "photos/0.png"),
        (["nowhere.prototxt", "net.caffemodel", "photos"], "nowhere.prototxt"),
        (["solver.prototxt", "net.caffemodel", "photos"], "is a solver prototxt file; give a network prototxt"),
        (["net.prototxt", "net.caffemodel", "photos", "--out", "a.txt"], "a table is written as .csv or .json"),
        (["net.prototxt", "net.caffemodel", "photos", "--csv", "--json"], "exclude each other"),
        (["net.prototxt", "net.caffemodel", "photos", "--classes", "a,b"], "are 2 names, but the output 'p' has 3"),
        (["net.prototxt", "net.caffemodel", "photos", "--output", "q"], "no output 'q'"),
        (["net.prototxt", "net.caffemodel", "photos", "--image-dims", "3"], "smaller than the"),
        (["net.prototxt", "net.caffemodel", "photos", "--mean", "nothing"], "is neither a mean file nor numbers"),
        (["net.prototxt", "net.caffemodel", "photos", "--task", "pixels"], "cannot be taken for pixels"),
        (["net.prototxt", "other.caffemodel", "photos"], "these are not the weights of net.prototxt"),
        (["net.prototxt", "net.caffemodel", "bad.png"], "bad.png: is not an image"),
    ],
)
def test_each_wrong_input_is_one_line_that_says_what_to_do(words, said):
    make(DATA.format(H, W) + DENSE + SOFTMAX)
    make(DATA.format(H, W) + DENSE.replace("num_output: 3", "num_output: 4"), "other")
    Path("solver.prototxt").write_text('net: "net.prototxt"\nbase_lr: 1\n')
    Path("bad.png").write_bytes(b"nothing")
    photos()
    output = run(*words, code=2 if "--out" in words and "a.txt" in words or "--csv" in words or len(words) < 3 else 1)
    assert said in output and "Traceback" not in output
    assert output.count("Error:") == 1


def test_other_networks_are_refused_with_a_way_out():
    data = 'layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 7 } } }'
    model, weights, _ = make(data + DENSE.replace("data", "d"))
    photos()
    with pytest.raises(CnnvisError, match=r"takes d 1x7; predict feeds one image, .* or a clip; .*load_net"):
        ask(model, weights)
