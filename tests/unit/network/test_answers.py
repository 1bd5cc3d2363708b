"""Which task a network has: its losses, their weights, its end, and what the user says."""

from __future__ import annotations

import pytest

from cnnvis_caffe.errors import NetError, UnknownLayerError
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.network.answers import check_task, find_answers, keep_until, without_layers
from cnnvis_caffe.records.task import TASKS


def layer(name, type, bottoms, tops=None, more=""):
    blobs = "".join(f' bottom: "{blob}"' for blob in bottoms.split())
    blobs += "".join(f' top: "{blob}"' for blob in (tops or name).split())
    return f'layer {{ name: "{name}" type: "{type}"{blobs} {more} }}\n'


DATA = layer("data", "Input", "", "data") + layer("label", "Input", "", "label")
FC = layer("fc", "InnerProduct", "data")


def answers(text, **how):
    return find_answers(network_from_text(text), "data", **how)


@pytest.mark.parametrize(
    ("end", "task", "score"),
    [
        (layer("l", "SoftmaxWithLoss", "fc label"), "classes", "fc"),
        (layer("l", "HingeLoss", "fc label"), "classes", "fc"),
        (layer("p", "Softmax", "fc") + layer("l", "MultinomialLogisticLoss", "p label"), "classes", "fc"),
        (layer("l", "SigmoidCrossEntropyLoss", "fc label"), "labels", "fc"),
        (layer("l", "EuclideanLoss", "fc label"), "numbers", "fc"),
        (layer("l", "ContrastiveLoss", "fc fc label"), "pairs", "fc"),
        (layer("l", "EuclideanLoss", "fc data"), "embedding", ""),
        (layer("p", "Softmax", "fc"), "classes", "fc"),
        (layer("p", "Sigmoid", "fc", "fc"), "labels", "fc"),
        (layer("p", "Sigmoid", "fc") + layer("q", "InnerProduct", "p"), "embedding", ""),
        (layer("d", "DetectionOutput", "fc fc fc"), "boxes", ""),
        (layer("r", "ReLU", "fc", "fc"), "embedding", ""),
    ],
)
def test_what_says_it(end, task, score):
    found = answers(DATA + FC + end)
    assert (found.task.name, found.score) == (task, score)


def test_of_several_losses():
    aux = layer("aux", "InnerProduct", "data")
    text = DATA + FC + aux + layer("l1", "EuclideanLoss", "aux label", more="loss_weight: {}")
    text += layer("l2", "SoftmaxWithLoss", "fc label")
    assert answers(text.replace("{}", "1")).task.name == "classes"  # of equal ones
    heavy = answers(text.replace("{}", "2.5"))
    assert (heavy.task.name, heavy.loss.layer, heavy.others) == ("numbers", "l1", ("l2",))
    said = answers(text.replace("{}", "2.5"), wanted=TASKS["classes"])
    assert (said.score, said.why) == ("fc", "as you said")
    assert answers(text.replace("{}", "0")).loss.layer == "l2"


def test_parts_of_a_network():
    text = DATA + FC + layer("r", "ReLU", "fc", "fc") + layer("x", "NobodyKnows", "fc") + layer("y", "ReLU", "x")
    text += layer("z", "InnerProduct", "data") + layer("l", "SoftmaxWithLoss", "y label")
    network = network_from_text(text)

    def names(part):
        return [one.name for one in part.message.layer]

    assert names(keep_until(network, ["r"])) == ["data", "fc", "r"]
    assert names(keep_until(network, ["fc"])) == ["data", "fc"]
    assert names(keep_until(network, ["z", "x"])) == ["data", "fc", "r", "x", "z"]
    assert names(without_layers(network, ["x"])) == ["data", "label", "fc", "r", "z"]
    with pytest.raises(UnknownLayerError, match="no layer 'fd'"):
        keep_until(network, ["fd"])


def test_answers_of_the_wrong_shape():
    check_task(TASKS["score"], (4, 1), "net", "fc")
    check_task(TASKS["pixels"], (4, 3, 5, 6), "net", "fc")
    with pytest.raises(NetError, match="'fc' gives 3 for each image, .*'score' takes one number an image"):
        check_task(TASKS["score"], (4, 3), "net", "fc")
    with pytest.raises(NetError, match="'pixels' takes scores for many positions"):
        check_task(TASKS["pixels"], (4, 3, 1, 1), "net", "fc")
