"""MultiBoxLoss with the settings that few files have, beside loops after SSD's source."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.single_layer import blob, build, check_gradients, forward, set_inputs

from cnnvis_caffe.errors import LayerError

N_IMAGES, N_PRIORS = 3, 9
PROPAGATE = "propagate_down: true propagate_down: true propagate_down: false propagate_down: false"


def share(a, b):
    """What two boxes have in common."""
    width, height = (max(0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1))
    sizes = [max(0, box[2] - box[0]) * max(0, box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(sizes) - width * height) if width * height else 0


def code(prior, variance, box, is_plain):
    """CENTER_SIZE."""
    size = prior[2:] - prior[:2]
    shift = ((box[:2] + box[2:]) - (prior[:2] + prior[2:])) / 2 / size
    found = np.concatenate([shift, np.log((box[2:] - box[:2]) / size)])
    return found if is_plain else found / variance


def box_of(prior, variance, found, is_plain):
    """The inverse."""
    found, size = found if is_plain else found * variance, prior[2:] - prior[:2]
    centre, half = found[:2] * size + (prior[:2] + prior[2:]) / 2, np.exp(found[2:]) * size / 2
    return np.concatenate([centre - half, centre + half])


def matches(boxes, sources):
    """For each source the number of its box, or -1; and the most that it shares."""
    shared = np.array([[share(box, source) for source in sources] for box in boxes])
    matched, left = [-1] * len(sources), set(range(len(boxes)))
    while left:
        free = [(shared[b, p], -b, -p) for b in left for p in range(len(sources)) if matched[p] < 0]
        value, b, p = max(free)
        if value <= 1e-6:
            break
        matched[-p] = -b
        left.remove(-b)
    for p in range(len(sources)):
        if matched[p] < 0 and shared[:, p].max() >= 0.5:
            matched[p] = int(shared[:, p].argmax())
    return matched, shared.max(0)


def kept_by_nms(candidates, losses, boxes, threshold, top_k):
    """Candidates that none with a larger loss takes away."""
    kept = []
    for p in sorted(candidates, key=lambda p: -losses[p])[:top_k]:
        size = (boxes[p][2] - boxes[p][0]) * (boxes[p][3] - boxes[p][1])
        if size >= 1e-5 and all(share(boxes[p], boxes[q]) <= threshold for q in kept):
            kept.append(p)
    return kept


def reference(
    codes, scores, priors, variances, truth, *, hard=0, ratio=2.0, mines=True, nms=None, nms_by_priors=False,
    by_predictions=False, agnostic=False, inside=False, plain=False,
):  # fmt: skip
    """The loss, one box after another."""
    total, n_matched = 0.0, 0
    for image in range(len(codes)):
        rows = [row for row in truth if row[0] == image]
        losses, code_losses = np.zeros(N_PRIORS), np.zeros(N_PRIORS)
        predicted = [box_of(priors[p], variances[p], codes[image, p, 0], plain) for p in range(N_PRIORS)]
        sources = predicted if by_predictions else priors
        matched, most = matches([row[3:7] for row in rows], sources) if rows else ([-1] * N_PRIORS, np.zeros(N_PRIORS))
        for p in range(N_PRIORS):
            label = 0 if matched[p] < 0 else 1 if agnostic else int(rows[matched[p]][1])
            losses[p] = np.log(np.exp(scores[image, p]).sum()) - scores[image, p, label]
            if matched[p] >= 0:
                own = int(rows[matched[p]][1]) if codes.shape[2] > 1 else 0
                difference = codes[image, p, own] - code(priors[p], variances[p], rows[matched[p]][3:7], plain)
                if plain:
                    difference = difference / variances[p]
                if inside:
                    difference = np.where((sources[p] < 0) | (sources[p] > 1), 0, difference)
                size = np.abs(difference)
                code_losses[p] = np.where(size < 1, size**2 / 2, size - 0.5).sum()
        positive = {p for p in range(N_PRIORS) if matched[p] >= 0}
        if not mines:
            negative = set(range(N_PRIORS)) - positive
        else:
            far = [p for p in range(N_PRIORS) if hard or (p not in positive and most[p] < 0.5)]
            values = losses + code_losses if hard else losses
            if nms is not None:
                far = kept_by_nms(far, values, priors if nms_by_priors else predicted, *nms)
            n_wanted = hard or int(len(positive) * ratio)
            best = set(sorted(far, key=lambda p: -values[p])[:n_wanted]) if rows else set()
            negative = best - positive
            positive = positive & best if hard else positive
        total += sum(losses[p] for p in positive | negative) + 1.5 * sum(code_losses[p] for p in positive)
        n_matched += len(positive)
    return total / max(1, n_matched)


CASES = {
    "hard": ("mining_type: HARD_EXAMPLE sample_size: 4", {"hard": 4}),
    "hard, more than there are": ("mining_type: HARD_EXAMPLE sample_size: 40", {"hard": 40}),
    "hard, by prior boxes": (
        "mining_type: HARD_EXAMPLE sample_size: 4 use_prior_for_nms: true nms_param { nms_threshold: 0.2 top_k: 6 }",
        {"hard": 4, "nms": (0.2, 6), "nms_by_priors": True},
    ),
    "negatives, by predictions": (
        "mining_type: MAX_NEGATIVE nms_param { nms_threshold: 0.3 top_k: 5 }",
        {"nms": (0.3, 5)},
    ),
    "nobody stays": ("nms_param { nms_threshold: 0.3 }", {"nms": (0.3, 0)}),
    "matched by predictions": ("use_prior_for_matching: false", {"by_predictions": True}),
    "sides outside": ("bp_inside: true", {"inside": True}),
    "sides of predictions outside": (
        "bp_inside: true use_prior_for_matching: false",
        {"inside": True, "by_predictions": True},
    ),
    "objects alike": ("map_object_to_agnostic: true", {"agnostic": True}),
    "codes by class": ("share_location: false mining_type: NONE", {"mines": False}),
    "plain codes": ("encode_variance_in_target: true", {"plain": True}),
}


def inputs(n_classes, n_coded):
    """Codes, scores, prior boxes, variances and boxes; one image has none, some prior boxes hang over the edge."""
    random = np.random.default_rng(5)
    corner, size = random.uniform(-0.1, 0.7, (N_PRIORS, 2)), random.uniform(0.2, 0.5, (N_PRIORS, 2))
    priors = np.concatenate([corner, corner + size], 1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (N_PRIORS, 1))
    truth = np.zeros((4, 8))
    truth[:, 0], truth[:, 1] = [0, 0, 2, 2], [1, 2, 2, 1]
    truth[:, 3:7] = priors[[1, 4, 4, 7]] + random.uniform(-0.03, 0.03, (4, 4))
    codes = 0.5 * random.standard_normal((N_IMAGES, N_PRIORS, n_coded, 4))
    return codes, random.standard_normal((N_IMAGES, N_PRIORS, n_classes)), priors, variances, truth


@pytest.mark.parametrize("name", CASES)
def test_as_ssd_goes_through_the_boxes(name):
    settings, options = CASES[name]
    n_classes = 2 if options.get("agnostic") else 3
    n_coded = 3 if "share_location" in settings else 1
    codes, scores, priors, variances, truth = inputs(n_classes, n_coded)
    layer = (
        f"type: 'MultiBoxLoss' multibox_loss_param {{ num_classes: {n_classes} code_type: CENTER_SIZE neg_pos_ratio: 2 "
        f"loc_weight: 1.5 {settings} }} {PROPAGATE}"
    )
    blobs = [
        blob("loc", N_IMAGES, codes[0].size), blob("conf", N_IMAGES, scores[0].size),
        blob("prior", 1, 2, 4 * N_PRIORS), blob("truth", 1, 1, 4, 8),
    ]  # fmt: skip
    net = build(layer, *blobs)
    flat = [codes.reshape(N_IMAGES, -1), scores.reshape(N_IMAGES, -1), np.stack([priors, variances]).reshape(1, 2, -1)]
    set_inputs(net, *flat, truth)
    expected = reference(codes, scores, priors, variances, truth, **options)
    assert expected > 0.5
    assert forward(net) == pytest.approx(expected, rel=1e-5)
    check_gradients(net, which=(1,) if name == "plain codes" else (0, 1), at_most=40)  # of 81 to 324


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("share_location: false", "boxes are matched by the prior boxes and not mined"),
        ("map_object_to_agnostic: true", "needs num_classes: 2, got 3"),
        ("mining_type: HARD_EXAMPLE sample_size: 0", "sample_size must be at least 1"),
    ],
)
def test_what_does_not_go_together(settings, words):
    layer = f"type: 'MultiBoxLoss' multibox_loss_param {{ num_classes: 3 {settings} }}"
    blobs = [blob("loc", 2, 8), blob("conf", 2, 6), blob("prior", 1, 2, 8), blob("truth", 1, 1, 1, 8)]
    with pytest.raises(LayerError, match=words):
        build(layer, *blobs)
