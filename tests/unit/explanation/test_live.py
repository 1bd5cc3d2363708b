"""A network that stays open for one image after the other, beside the analysis and plain pycaffe."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.tried_network import SCALE, tried_analysis

from cnnvis_caffe import pycaffe as caffe
from cnnvis_caffe.errors import CnnvisError, DataFileError
from cnnvis_caffe.explanation.live import open_live
from cnnvis_caffe.readings.drive import drives, flow, flow_shares
from cnnvis_caffe.records.explanation import GivenImage, Reaction, SeenImage
from cnnvis_caffe.store import read_analysis


@pytest.fixture(scope="module")
def path(tmp_path_factory, repository):
    return tried_analysis(tmp_path_factory, repository)


@pytest.fixture(scope="module")
def analysis(path):
    return read_analysis(path)


@pytest.fixture(scope="module")
def live(analysis):
    return open_live(analysis, analysis.snapshots[-1])


@pytest.fixture(scope="module")
def seven(path):
    return GivenImage("seven.png", path=str(path.parent / "seven.png"))


def plain(live, pixels):
    """Scores and activations of grey pixels, by hand over pycaffe."""
    net = live._nets.net
    net.blobs["data"].reshape(1, 1, 28, 28)
    net.blobs["data"].data[...] = pixels.astype(np.float32) * np.float32(SCALE)
    net.forward()
    scores = net.blobs["ip2"].data[0].astype(np.float64)
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum(), net.blobs["conv2"].data[0].reshape(50, -1).max(1)


def test_the_images_of_the_analysis_do_what_they_did_there(live, analysis):
    assert isinstance(live._nets.net, caffe.Net)
    features = analysis.snapshots[-1].features["conv2"]
    for index in list(analysis.images)[:3]:
        given = GivenImage("own", pixels=np.asarray(analysis.images[index]), is_fitted=True)
        peaks = live.react(given).peaks["conv2"]
        neuron, rank = np.nonzero(features.top_image == index)
        np.testing.assert_allclose(peaks[neuron], features.top_response[neuron, rank], rtol=1e-4, atol=1e-6)


def test_a_file_gives_the_probabilities_of_a_plain_forward_pass(live, seven):
    reaction = live.react(seven)
    expected, peaks = plain(live, cv2.imread(seven.path, cv2.IMREAD_GRAYSCALE))
    np.testing.assert_allclose(reaction.answers, expected, rtol=1e-4)
    np.testing.assert_allclose(reaction.peaks["conv2"], peaks, rtol=1e-4)
    assert reaction.kind == "classes" and reaction.image.pixels.shape == (28, 28, 3)
    assert reaction.preparation == "times 0.00390625 (as in the analysis)"


@pytest.mark.parametrize(("fill", "value"), [("black", 0.0), ("white", 255.0), ("grey", 127.5), ("mean", None)])
def test_a_hidden_square_is_those_pixels_in_another_colour(live, seven, fill, value):
    pixels = cv2.imread(seven.path, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    pixels[4:15, 7:25] = pixels.mean() if value is None else value
    hidden = live.react(seven, (4, 7, 15, 25), fill)
    np.testing.assert_allclose(hidden.answers, plain(live, pixels)[0], rtol=1e-4)
    assert (hidden.image.pixels == live.react(seven).image.pixels).all()


def test_what_is_pasted_is_brought_to_the_network(live, path):
    colours = cv2.imread(str(path.parent / "wide.png"))[..., ::-1]
    pasted = live.react(GivenImage("pasted", pixels=np.ascontiguousarray(colours)))
    from_file = live.react(GivenImage("wide.png", path=str(path.parent / "wide.png")))
    assert pasted.image.pixels.shape == from_file.image.pixels.shape == (28, 28, 3)
    # OpenCV's whole-number arithmetic for grey rounds otherwise.
    assert np.abs(pasted.image.pixels.astype(int) - from_file.image.pixels).max() <= 2


def test_methods_explain_a_neuron_or_the_best_class(live, seven):
    # Without equal neighbours, of which pooling takes the first.
    noise = np.random.RandomState(5).randint(0, 256, (28, 28)).astype(np.uint8)
    given = GivenImage("noise", pixels=np.repeat(noise[..., None], 3, 2), is_fitted=True)
    reaction = live.react(given)
    best = int(reaction.answers.argmax())
    gradient = live.explain(reaction, given, "", "gradient")
    assert (gradient.node, gradient.neuron) == ("ip2", best)
    step = np.zeros((28, 28), np.float32)
    y, x = np.unravel_index(np.abs(gradient.values[0]).argmax(), (28, 28))
    step[y, x] = 0.25  # in pixel values
    scores = []
    for way in (1, -1):
        plain(live, noise + way * step)
        scores.append(float(live._nets.net.blobs["ip2"].data[0, best]))
    assert (scores[0] - scores[1]) / (0.5 * SCALE) == pytest.approx(gradient.values[0, y, x], rel=0.02)
    activation = live.explain(reaction, given, "conv2:17", "activation")
    assert activation.activation == pytest.approx(float(reaction.peaks["conv2"][17]), rel=1e-5)
    assert activation.values.shape == (1, 28, 28) and activation.note == "8×8 positions"
    assert not live.explain(reaction, seven, "ip1:3", "activation").values.size
    nothing = live.explain(reaction, seven, "conv1:3", "grad-cam")
    assert not nothing.values.size and nothing.note == "there are no feature maps before it"


def test_bad_images_are_one_error(live, path, seven):
    with pytest.raises(DataFileError, match=r"broken\.png"):
        live.react(GivenImage("broken.png", path=str(path.parent / "broken.png")))
    with pytest.raises(CnnvisError, match="nowhere"):
        live.react(GivenImage("x", path=str(path.parent / "nowhere.png")))
    with pytest.raises(CnnvisError, match="conv9"):
        live.explain(live.react(seven), seven, "conv9:1", "gradient")


def test_drives_are_shares_of_the_largest_that_the_analysis_saw(analysis):
    snapshot = analysis.snapshots[-1]
    most = snapshot.features["conv1"].overall_maximum
    peaks = {"conv1": most * np.linspace(-1, 2, len(most), dtype=np.float32), "ip2": np.ones(10, np.float32)}
    seen = SeenImage("x", np.zeros((28, 28, 3), np.uint8), -1, np.zeros(0, np.float32), ())
    answers = np.linspace(0, 1, 10, dtype=np.float32)
    found = drives(analysis, snapshot, Reaction(seen, "classes", answers, (), peaks))
    wanted = np.where(most > 0, np.maximum(np.linspace(-1, 2, len(most)), 0), 0)
    np.testing.assert_allclose(found["conv1"], wanted, rtol=1e-5)
    assert (found["ip2"] == answers).all()


def test_what_flows_is_the_mean_drive_of_the_sources_by_their_connections():
    drive = np.array([1.0, 0.5, 0.0, 3.0], np.float32)
    relation = np.array([[1.0, 3.0, -2.0, 0.0], [0.0, 1.0, 5.0, 0.0]])
    shares = flow_shares((0, 1, 2), (0, 1), 1, relation)
    np.testing.assert_allclose(shares, [0.1, 0.4, 0.5])
    assert flow(drive, (0, 1, 2), shares) == pytest.approx((1 * 1 + 4 * 0.5 + 5 * 0) / 10)
    assert flow(drive, (0, 1, 2), flow_shares((0, 1, 2), (0, 1), -1, relation)) == 0
    assert flow(drive, (0, 3), flow_shares((0, 3), (0,), 1, None)) == 1
