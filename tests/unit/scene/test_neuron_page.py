from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.readings.connections import incoming, origin, outgoing
from cnnvis_caffe.records.analysis import Connections
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.neuron_page import build_neuron_page, neuron_history
from cnnvis_caffe.scene.page import cut_patch, fit
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Text
from cnnvis_caffe.scene.theme import DARK
from tests.helpers.analyses import make_analysis, with_features, with_snapshot


def test_a_patch_is_cut_where_its_box_lies_and_filled_outside():
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    patch = cut_patch(image, np.array([-1, 2, 3, 9]))
    assert patch.shape == (4, 7, 3)
    assert (patch[1:, :5] == image[:3, 2:]).all()
    assert (patch[0] == patch[0, 0]).all() and (patch[:, 5:] == patch[0, 0]).all()


def test_a_box_beside_the_image_gives_an_empty_patch():
    assert cut_patch(np.ones((4, 6, 3), np.uint8), np.array([10, 10, 12, 15])).shape == (2, 5, 3)


def test_pictures_keep_their_shape():
    assert fit(np.zeros((20, 40, 3), np.uint8), 100) == (50, 100)


def test_what_a_neuron_reads_comes_from_its_layers_weights():
    analysis = make_analysis("deep")
    weight = analysis.snapshots[0].connections["conv3_2"].weight
    kin = incoming(analysis, analysis.snapshots[0], "relu3_2", 7, 3)
    assert [one.node for one in kin] == ["relu3_1"] * 3
    assert kin[0].neuron == np.abs(weight[7]).argmax()
    assert kin[0].weight == weight[7, kin[0].neuron]


def test_what_reads_a_neuron_is_found_through_what_passes_it_on():
    analysis = make_analysis("deep")
    weight = analysis.snapshots[0].connections["conv3_1"].weight
    kin = outgoing(analysis, analysis.snapshots[0], "conv2_2", 5, 4)  # relu2_2 and pool2 lie between
    assert [one.node for one in kin] == ["conv3_1"] * 4
    assert kin[0].neuron == np.abs(weight[:, 5]).argmax()


def test_places_are_shifted_through_a_concat():
    analysis = make_analysis("inception")
    snapshot = analysis.snapshots[0]
    assert [one[:2] for one in [origin(analysis, snapshot, "inception_3a/output", 20)]] == [
        (analysis.node("inception_3a/3x3"), 4)
    ]
    weight = snapshot.connections["inception_3b/1x1"].weight
    kin = outgoing(analysis, snapshot, "inception_3a/relu_3x3", 4, 40)
    (strongest,) = [one for one in kin if one.node == "inception_3b/1x1"][:1]
    assert strongest.neuron == np.abs(weight[:, 20]).argmax()


def test_factors_of_normalization_multiply():
    analysis = make_analysis("residual")
    snapshot = analysis.snapshots[0]
    layer, neuron, factor = origin(analysis, snapshot, "relu1", 3)
    assert (layer.name, neuron) == ("conv1", 3)
    assert factor == pytest.approx(snapshot.scale["bn1"][3] * snapshot.scale["scale1"][3])


def test_sums_have_no_single_origin():
    analysis = make_analysis("residual")
    assert origin(analysis, analysis.snapshots[0], "res2a_relu", 0) is None
    assert incoming(analysis, analysis.snapshots[0], "res2a_relu", 0) == []


@pytest.mark.parametrize(
    ("kind", "node"),
    [
        ("lenet", "conv1"),
        ("lenet", "relu1"),
        ("lenet", "ip2"),
        ("deep", "relu3_2"),
        ("inception", "inception_3a/output"),
        ("residual", "res2a_relu"),
    ],
)
def test_everything_lies_inside_with_names_of_its_own(kind, node):
    scene = build_neuron_page(make_analysis(kind, n_snapshots=2), "", node, 3, theme=DARK)
    names = [shape.name for shape in scene.shapes]
    assert len(set(names)) == len(names)
    for shape in scene.shapes:
        if isinstance(shape, (Rectangle, Bitmap)):
            box = shape.x, shape.y, shape.x + shape.width, shape.y + shape.height
        elif isinstance(shape, Path):
            box = (*shape.points.min(0), *shape.points.max(0))
        else:
            width = text_width(shape.text, shape.size, shape.weight)
            left = shape.x - {"start": 0, "middle": width / 2, "end": width}[shape.anchor]
            box = left, shape.y - shape.size, left + width, shape.y
        assert box[0] >= 0 and box[1] >= 0, shape
        assert box[2] <= scene.width and box[3] <= scene.height, shape


def test_the_box_lies_on_its_image():
    analysis = make_analysis("deep")
    shapes = {shape.name: shape for shape in build_neuron_page(analysis, "", "relu3_2", 7).shapes}
    box, image = shapes["neuron/response/0/box"], shapes["neuron/response/0/image"]
    y0, x0, y1, x1 = np.clip(analysis.snapshots[0].features["relu3_2"].top_box[7, 0], 0, 32)
    scale = image.width / 32
    assert (box.x, box.y) == pytest.approx((image.x + x0 * scale, image.y + y0 * scale))
    assert (box.width, box.height) == pytest.approx(((x1 - x0) * scale, (y1 - y0) * scale))


def test_a_neuron_that_sees_everything_has_no_boxes():
    names = {shape.name for shape in build_neuron_page(make_analysis("lenet"), "", "relu1", 5).shapes}
    assert "neuron/response/8/image" in names
    assert not [name for name in names if name.endswith(("/box", "/patch")) and "response" in name]


def texts(scene):
    return [shape.text for shape in scene.shapes if isinstance(shape, Text)]


def test_a_dead_neuron_says_so():
    analysis = make_analysis("deep")
    top = analysis.snapshots[0].features["conv3_2"].overall_maximum.copy()
    top[7] = -1
    scene = build_neuron_page(with_features(analysis, "conv3_2", overall_maximum=top), "", "relu3_2", 7)
    assert "never fires on these data" in texts(scene)
    assert any("never above zero" in text for text in texts(scene))
    assert "never fires" in scene.description
    assert "never fires on these data" not in texts(build_neuron_page(analysis, "", "relu3_2", 7))


def test_a_neuron_without_responses_says_so():
    analysis = make_analysis("deep")
    images = analysis.snapshots[0].features["relu3_2"].top_image.copy()
    images[7] = -1
    scene = build_neuron_page(with_features(analysis, "relu3_2", top_image=images), "", "relu3_2", 7)
    assert "Nothing: it is constant over all images." in texts(scene)


def test_what_does_not_respond_is_not_shown():
    analysis = make_analysis("deep")
    responses = analysis.snapshots[0].features["relu3_2"].top_response.copy()
    responses[7, 2:] = 0
    scene = build_neuron_page(with_features(analysis, "relu3_2", top_response=responses), "", "relu3_2", 7)
    shown = {s.name.split("/")[2] for s in scene.shapes if s.name.startswith("neuron/response/")}
    assert shown == {"0", "1"}
    assert "Nothing else makes it respond." in texts(scene)


def test_classes_without_images_and_images_that_were_not_kept_are_told_of():
    analysis = make_analysis("lenet")
    features = analysis.snapshots[0].features["relu1"]
    arrays = {name: getattr(features, name).copy() for name in ("mean", "peak", "active_share")}
    for array in arrays.values():
        array[:, 4] = np.nan
    analysis = replace(with_features(analysis, "relu1", **arrays), images={})
    shown = texts(build_neuron_page(analysis, "", "relu1", 5))
    assert "no images" in shown and "not kept" in shown


def test_the_strongest_of_many_classes_are_shown():
    scene = build_neuron_page(make_analysis("inception", n_classes=40), "", "conv1", 1)
    assert any("strongest 16 of 40" in text for text in texts(scene))


def test_the_history_follows_the_neuron_through_the_snapshots():
    analysis = make_analysis("lenet", n_snapshots=3)
    matrix = analysis.snapshots[1].connections["conv2"].abs_weight
    changed = matrix.copy()
    changed[17] = 9
    connections = {**analysis.snapshots[1].connections, "conv2": Connections(changed, changed)}
    activation, weight = neuron_history(with_snapshot(analysis, 1, connections=connections), "pool2", 17)
    assert weight.series[0].y[1] == 9
    assert weight.series[0].x.tolist() == [1000, 2000, 3000]
    assert activation.series[0].y[2] == analysis.snapshots[2].features["pool2"].overall_mean[17]


def test_page_and_history_say_by_which_measure_and_agree():
    analysis = make_analysis("lenet", n_snapshots=3)
    names = analysis.data.class_names
    # Peaks and means of one neuron that tell of different classes.
    for number in range(3):
        features = analysis.snapshots[number].features["conv2"]
        mean, peak = features.mean.copy(), features.peak.copy()
        mean[17], peak[17] = 0.01, 0.1
        mean[17, 4], peak[17, 7] = 0.5 + number, 5 + number
        analysis = with_features(analysis, "conv2", number, mean=mean, peak=peak)
    linear = analysis.snapshots[0].features["conv2"].minimum.copy()
    linear[3] = -1
    for lowest, measure, best, values in (
        (np.abs(linear), "mean", 4, [0.5, 1.5, 2.5]),
        (linear, "peak", 7, [5, 6, 7]),
    ):
        changed = with_features(analysis, "conv2", 1, minimum=lowest)
        for number in (0, 2):
            changed = with_features(changed, "conv2", number, minimum=np.abs(linear))
        scene = build_neuron_page(changed, "iter 2000", "conv2", 17)
        shown = texts(scene)
        assert f"strongest by {measure}" in shown and names[best] in shown
        assert f"{measure.capitalize()} activation" in shown
        assert f"Strongest classes by {measure}: {names[best]}" in scene.description
        activation, _ = neuron_history(changed, "conv2", 17)
        overall, strongest = activation.series
        assert (activation.y.title, strongest.name) == (f"{measure} activation", names[best])
        np.testing.assert_allclose(strongest.y, values, rtol=1e-6)
        last = changed.snapshots[2].features["conv2"]
        of_all = last.overall_mean[17]
        if measure == "peak":
            of_all = np.average(last.peak[17], weights=analysis.data.class_count)
        assert overall.y[2] == pytest.approx(of_all, rel=1e-5)


def test_a_neuron_that_is_never_above_zero_is_strongest_for_nothing():
    analysis = make_analysis("lenet", n_snapshots=2)
    nothing = np.zeros_like(analysis.snapshots[1].features["relu1"].mean)
    analysis = with_features(analysis, "relu1", 1, mean=nothing)
    activation, _ = neuron_history(analysis, "relu1", 5)
    assert len(activation.series) == 1
    assert "–" in texts(build_neuron_page(analysis, "", "relu1", 5))


@pytest.mark.parametrize(
    ("snapshot", "node", "neuron", "message"),
    [
        ("iter 5", "conv1", 0, "no snapshot 'iter 5'; there are 'iter 1000'"),
        ("", "conv9", 0, "there is no layer with neurons 'conv9'; did you mean 'conv"),
        ("", "conv1", 20, "layer 'conv1' has the neurons 0 to 19, not 20"),
    ],
)
def test_what_there_is_not_is_told(snapshot, node, neuron, message):
    with pytest.raises(CnnvisError, match=message):
        build_neuron_page(make_analysis("lenet"), snapshot, node, neuron)
