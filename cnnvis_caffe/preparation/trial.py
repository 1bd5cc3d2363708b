"""Tries the usual ways to prepare images on a sample, and proposes one where the evidence is plain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.formats.mean import read_any_mean
from cnnvis_caffe.records.annotations import CLASS
from cnnvis_caffe.records.preparation import PreparationTrial, TriedPreparation

#: Images that each way is tried on; fewer for networks of large images, which take seconds for a few.
_SAMPLE, _SAMPLE_OF_LARGE, _SMALL_SIDE = 200, 24, 64
_BATCH = 20
#: Without labels, fewer images prove nothing.
_SMALLEST_SAMPLE, _SMALLEST_WITHOUT_LABELS = 10, 24
_SATURATED = 0.9999
#: What is plainly better: standard errors between two ways, part of the loss, gain of confidence.
_CLEAR, _MUCH_LESS, _GAIN = 2.5, 0.7, 0.05
#: Scale and means that are usual for one channel and for three (in the order BGR), as options of a command.
_USUAL = {
    1: (("", ""), ("0.00390625", ""), ("", "127.5"), ("0.0078125", "127.5")),
    3: (
        ("", ""), ("", "104,117,123"), ("0.00390625", ""), ("0.017", "103.94,116.78,123.68"), ("0.0078125", "127.5"),
        ("", "127.5"),
    ),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Way:
    """One way to prepare images."""

    scale: str
    mean: str
    order: str
    settings: Preprocessing

    @property
    def options(self) -> tuple[str, ...]:
        """As options of a command."""
        found = (("--scale", self.scale), ("--mean", self.mean), ("--channel-order", self.order))
        return tuple(f"{name} {value}" for name, value in found if value)


@dataclass(frozen=True)
class _Blobs:
    """Where a net takes images and labels and gives scores."""

    image: str
    output: str
    function: str
    label: str


@dataclass(frozen=True, eq=False)
class _Result:
    """What one way gave, image by image."""

    way: _Way
    tried: TriedPreparation
    confidence: np.ndarray
    right: np.ndarray | None


def try_preparations(
    net: Any,
    source: ImageSource,
    image_blob: str,
    blob: str,
    function: str = "",
    means: Sequence[str] = (),
    label_blob: str = "",
) -> PreparationTrial | None:
    """Try the usual ways to prepare images for a network that classifies them.

    Parameters
    ----------
    net : Net
        With pycaffe's names and the weights; left with another batch.
    source : ImageSource
        Prepared as now; its labels are used where it has classes.
    image_blob, blob : str
        The input, and the output with scores or probabilities.
    function : {"", "softmax"}
        What makes probabilities of the output.
    means : sequence of str, optional
        Mean files that lie beside the network.
    label_blob : str, default=""
        An input for labels, which a loss reads; what it computes is not looked at.

    Returns
    -------
    PreparationTrial or None
        None where there are too few images to say anything.

    Notes
    -----
    With labels the smallest error decides, then the loss. Without them, an image whose scores say one class with
    certainty says little: inputs that are far too large do that to any image. So the ways are compared by how many
    classes are answers, and by confidence where it is not saturated.
    """
    is_large = max(source.input_shape[1:]) > _SMALL_SIDE
    n_images = min(source.n_images, _SAMPLE_OF_LARGE if is_large else _SAMPLE)
    has_labels = source.annotations.kind == CLASS
    smallest = _SMALLEST_SAMPLE if has_labels else _SMALLEST_WITHOUT_LABELS
    if n_images < smallest or source.input_shape[0] not in _USUAL:
        return None
    indices = source.choose(n_images)
    blobs = _Blobs(image_blob, blob, function, label_blob)
    results = [_try(net, source, way, indices, blobs) for way in _ways(source, means)]
    current, ranked = results[0], sorted(results, key=_rank)
    best = ranked[0]
    reason = _reason(current, best, n_images) if best is not current else ""
    return PreparationTrial(
        n_images=n_images,
        has_labels=has_labels,
        current=current.tried,
        tried=tuple(one.tried for one in ranked),
        best=best.tried if reason else None,
        suspects=_suspects(best.way) if reason else (),
        reason=reason,
    )


def _ways(source: ImageSource, means: Sequence[str]) -> list[_Way]:
    """The present way first, then the usual ones, each in both orders of the channels where that can be told."""
    channels = source.input_shape[0]
    orders = ("", "RGB") if channels == 3 and source.knows_order and source.channel_order == "BGR" else ("",)
    values = [*_USUAL[channels], *(("", path) for path in means), *(("0.00390625", path) for path in means)]
    result = []
    for scale, mean in values:
        image, numbers = _mean(mean, source.input_shape)
        if mean and image is None and not numbers:
            continue
        for order in orders:
            swapped = numbers[::-1] if order and len(numbers) == 3 else numbers
            settings = Preprocessing(
                scale=float(np.float32(scale or 1)), mean_values=swapped, mean_image=image, mean_name=mean,
                channel_order=order,
            )  # fmt: skip
            text = ",".join(f"{value:g}" for value in swapped) if swapped else mean
            result.append(_Way(scale, text, order, settings))
    return result


def _mean(text: str, shape: tuple[int, int, int]) -> tuple[np.ndarray | None, tuple[float, ...]]:
    """A mean image, or values for the channels; neither where a file is not a mean for these images."""
    if not os.path.exists(text):
        return None, tuple(float(value) for value in text.split(",") if value)
    try:
        mean = read_any_mean(text)
    except CnnvisError:
        return None, ()
    if mean.shape == shape:
        return mean, ()
    if len(mean) != shape[0]:
        return None, ()
    return None, tuple(mean.reshape(len(mean), -1).mean(1).tolist())


def _try(
    net: Any,
    source: ImageSource,
    way: _Way,
    indices: np.ndarray,
    blobs: _Blobs,
) -> _Result:
    """Run the sample prepared in one way."""
    prepared = source.prepared(replace(way.settings, crop=source.settings.crop))
    outputs = []
    for begin in range(0, len(indices), _BATCH):
        values = prepared.inputs(indices[begin : begin + _BATCH])
        net.blobs[blobs.image].reshape(*values.shape)
        net.blobs[blobs.image].data[...] = values
        if blobs.label:
            label = net.blobs[blobs.label]
            label.reshape(len(values), *label.shape[1:])
            label.data[...] = 0
        net.forward()
        outputs.append(np.array(net.blobs[blobs.output].data, np.float64).reshape(len(values), -1))
    output = np.concatenate(outputs)
    scores = output if blobs.function else np.log(np.maximum(output, 1e-30))
    shifted = np.exp(scores - scores.max(1, keepdims=True))
    chances = shifted / shifted.sum(1, keepdims=True)
    labels = source.labels[indices] if source.annotations.kind == CLASS else None
    best = chances.argmax(1)
    own = chances[np.arange(len(chances)), labels] if labels is not None else np.array([np.nan])
    tried = TriedPreparation(
        options=way.options,
        error=float((best != labels).mean()) if labels is not None else float("nan"),
        loss=float(-np.log(np.maximum(own, np.finfo(np.float32).tiny)).mean()),
        confidence=float(chances.max(1).mean()),
        saturated=float((chances.max(1) > _SATURATED).mean()),
        n_answers=len(np.unique(best)),
    )
    return _Result(way, tried, chances.max(1), best == labels if labels is not None else None)


def _rank(result: _Result) -> tuple[float, ...]:
    """Smaller is better."""
    tried = result.tried
    if result.right is not None:
        return tried.error, tried.loss
    # One answer for all images says nothing, nor does certainty as such: inputs that are far too large give both.
    return tried.n_answers == 1, tried.saturated - tried.confidence


def _reason(current: _Result, best: _Result, n_images: int) -> str:
    """Why the best way is plainly better than the present one; empty where it is not."""
    now, then = current.tried, best.tried
    if current.right is not None and best.right is not None:
        gained, lost = (best.right & ~current.right).sum(), (current.right & ~best.right).sum()
        # McNemar's statistic; above 2, as the best of several ways is looked at.
        if gained - lost > _CLEAR * np.sqrt(gained + lost):
            return f"error {then.error:.1%} instead of {now.error:.1%} on {n_images} images with labels"
        if then.error <= now.error and then.loss < _MUCH_LESS * now.loss:
            return f"loss {then.loss:.3g} instead of {now.loss:.3g} on {n_images} images with labels"
        if then.error >= now.error:
            return ""
    if now.saturated > 0.9 and then.saturated < now.saturated - 0.2 and then.n_answers > 1:
        return (
            f"now {now.saturated:.0%} of {n_images} images get one class with certainty, as of far too large inputs; "
            f"then {then.saturated:.0%}, and the mean confidence is {then.confidence:.0%}"
        )
    if now.n_answers == 1 < then.n_answers and then.confidence > now.confidence:
        return f"now all {n_images} images get the same class; then {then.n_answers} classes are answers"
    gain = best.confidence - current.confidence
    if then.saturated < 0.5 and gain.mean() > max(_GAIN, _CLEAR * gain.std() / np.sqrt(n_images)):
        return f"the mean confidence is {then.confidence:.0%} instead of {now.confidence:.0%} on {n_images} images"
    return ""


def _suspects(way: _Way) -> tuple[str, ...]:
    """What is wrong with the present way, where another one is better."""
    found = (("scale", way.scale), ("mean", way.mean), ("channel order", way.order))
    return tuple(name for name, value in found if value)
