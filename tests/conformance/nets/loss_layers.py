"""Makers of losses and of Accuracy. Each gives whether it could."""

from __future__ import annotations

from choices import dims, must_have_gradients
from net_writer import NetWriter, Top, count_of


def labels_for(net: NetWriter, scores: Top) -> Top | None:
    """A blob of labels for scores of shape (batch, classes)."""
    fitting = [top for top in net.tops if top.n_labels and top.shape == scores.shape[:1]]
    return fitting[0] if fitting and fitting[0].n_labels <= scores.shape[1] else None


def classes(net: NetWriter) -> Top | None:
    """A blob of scores."""
    return net.pick(lambda top: len(top.shape) >= 2 and count_of(top.shape[2:]) == 1 and bool(labels_for(net, top)))


def softmax_loss(net: NetWriter) -> bool:
    scores = classes(net)
    if not scores:
        return euclidean_loss(net)
    labels = labels_for(net, scores)
    normalization = net.random.choice(["", "normalization: FULL", "normalize: false", "ignore_label: 1"])
    shapes = [[]] if net.chance(0.97) else [[], scores.shape]
    net.add("SoftmaxWithLoss", [scores, labels], shapes, f"loss_param {{ {normalization} }}", is_loss=True)
    return True


def hinge_loss(net: NetWriter) -> bool:
    scores = classes(net)
    if not scores:
        return False
    norm = net.random.choice(["L1", "L2"])
    net.add("HingeLoss", [scores, labels_for(net, scores)], [[]], f"hinge_loss_param {{ norm: {norm} }}", is_loss=True)
    return True


def accuracy(net: NetWriter) -> bool:
    scores = classes(net)
    if not scores or must_have_gradients(net):
        return False
    shapes = [[]] if net.chance(0.7) else [[], [scores.shape[1]]]
    net.add("Accuracy", [scores, labels_for(net, scores)], shapes)
    return True


def euclidean_loss(net: NetWriter) -> bool:
    first = net.pick(lambda top: 1 <= len(top.shape) <= 4)
    second = net.pick(lambda top: first is not None and top.shape == first.shape)
    if not first or not second:
        return False
    net.add("EuclideanLoss", [first, second], [[]], is_loss=True)
    return True


def cross_entropy_loss(net: NetWriter) -> bool:
    scores = net.pick(lambda top: len(top.shape) > 1)
    if not scores:
        return False
    if net.chance(0.8):
        body = f'dummy_data_param {{ shape {{ {dims(scores.shape)} }} data_filler {{ type: "uniform" }} }}'
        targets = net.add("DummyData", [], [scores.shape], body)
    else:
        targets = [net.pick(lambda top: top.shape == scores.shape)]  # may need a gradient, which Caffe refuses
    net.add("SigmoidCrossEntropyLoss", [scores, *targets], [[]], is_loss=True)
    return True


def multinomial_loss(net: NetWriter) -> bool:
    scores = classes(net)
    if not scores:
        return False
    probabilities = net.add("Softmax", [scores], [scores.shape])
    net.add("MultinomialLogisticLoss", [*probabilities, labels_for(net, scores)], [[]], is_loss=True)
    return True


def contrastive_loss(net: NetWriter) -> bool:
    first = net.pick(lambda top: len(top.shape) == 2 and bool(labels_for(net, top)))
    second = net.pick(lambda top: first is not None and top.shape == first.shape, [first] if first else [])
    if not first or not second:
        return False
    net.may_resize = False  # it checks too little, and reads and writes foreign memory then
    net.add("ContrastiveLoss", [first, second, labels_for(net, first)], [[]], is_loss=True)
    return True


def reduction_loss(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) > 0)
    if not bottom:
        return False
    operation = net.random.choice(["SUM", "MEAN", "SUMSQ"])
    net.add("Reduction", [bottom], [[]], f"reduction_param {{ operation: {operation} }}", loss_weight=0.5)
    return True
