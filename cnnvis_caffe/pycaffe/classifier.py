"""The module ``caffe.classifier``: a net that classifies images of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.pycaffe import io
from cnnvis_caffe.pycaffe.proto.caffe_pb2 import TEST
from cnnvis_caffe.pycaffe.pycaffe import Net


class Classifier(Net):
    """A net in phase TEST with the preprocessing that classification needs.

    Parameters
    ----------
    model_file, pretrained_file : str
        Network (prototxt) and weights (caffemodel or HDF5).
    image_dims : sequence of two int, optional
        Height and width to which images are resized before crops are cut; the net's input size by default.
    mean, input_scale, raw_scale, channel_swap : optional
        Settings of the `io.Transformer`, for the first input.

    Attributes
    ----------
    transformer : io.Transformer
        Turns each crop into an input.
    crop_dims : ndarray of two int
        Height and width of the net's input.
    image_dims : sequence of two int
        As given, or `crop_dims`.

    Notes
    -----
    Follows ``python/caffe/classifier.py``.
    """

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        image_dims: Sequence[int] | None = None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        input_name = self.inputs[0]
        shape = self.blobs[input_name].data.shape
        self.transformer = make_transformer(input_name, shape, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(shape[2:])
        self.image_dims: Any = self.crop_dims if image_dims is None or not len(image_dims) else image_dims

    def predict(self, inputs: Sequence[np.ndarray], oversample: bool = True) -> np.ndarray:
        """Return the net's output for each image.

        Parameters
        ----------
        inputs : sequence of ndarray of shape (height, width, channels)
            Images of any size, as `io.load_image` gives them.
        oversample : bool, default=True
            Take the mean over ten crops (see `io.oversample`) instead of the centre crop alone.

        Returns
        -------
        ndarray of float32, shape (number of images, classes)
            Without oversampling, the first output blob as it is.
        """
        images = np.empty((len(inputs), *self.image_dims, inputs[0].shape[2]), dtype=np.float32)
        for resized, image in zip(images, inputs):
            resized[...] = io.resize_image(image, self.image_dims)
        crops = io.oversample(images, self.crop_dims) if oversample else self._centre_crops(images)

        predictions = predict_crops(self, crops)
        if oversample:
            predictions = predictions.reshape(len(inputs), 10, -1).mean(1)
        return predictions

    def _centre_crops(self, images: np.ndarray) -> np.ndarray:
        """Cut the net's input size out of the middle of each image."""
        centre = np.array(self.image_dims) / 2.0
        top, left = (centre - self.crop_dims / 2.0).astype(int)
        bottom, right = (centre + self.crop_dims / 2.0).astype(int)
        return images[:, top:bottom, left:right, :]


def make_transformer(
    input_name: str,
    shape: Sequence[int],
    mean: np.ndarray | None,
    input_scale: float | None,
    raw_scale: float | None,
    channel_swap: Sequence[int] | None,
) -> io.Transformer:
    """Return the transformer that `Classifier` and `Detector` use.

    Parameters
    ----------
    input_name : str
        Input blob.
    shape : sequence of four int
        Its shape.
    mean, input_scale, raw_scale, channel_swap : Any
        What to set; None leaves a step out.

    Returns
    -------
    io.Transformer
        With the transpose from height, width, channels to channels, height, width set as well.
    """
    transformer = io.Transformer({input_name: shape})
    transformer.set_transpose(input_name, (2, 0, 1))
    steps: list[tuple[Any, Any]] = [
        (transformer.set_mean, mean),
        (transformer.set_input_scale, input_scale),
        (transformer.set_raw_scale, raw_scale),
        (transformer.set_channel_swap, channel_swap),
    ]
    for set_step, value in steps:
        if value is not None:
            set_step(input_name, value)
    return transformer


def predict_crops(net: Any, crops: Iterable[np.ndarray]) -> np.ndarray:
    """Return the first output of a `Classifier` or `Detector` for crops of images.

    Parameters
    ----------
    net : Classifier or Detector
        Net with a transformer.
    crops : iterable of ndarray of shape (height, width, channels)
        At least one; not changed.

    Returns
    -------
    ndarray of float32
        One row per crop.
    """
    name = net.inputs[0]
    # Copies, since crops may be overlapping views of one image and the transformer works in place.
    net_input = np.stack([net.transformer.preprocess(name, crop.copy()) for crop in crops])
    return net.forward_all(**{name: net_input})[net.outputs[0]]
