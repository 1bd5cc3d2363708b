"""The module ``caffe.detector``: a net that classifies windows of images, as R-CNN does."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.pycaffe import io
from cnnvis_caffe.pycaffe.classifier import make_transformer, predict_crops
from cnnvis_caffe.pycaffe.proto.caffe_pb2 import TEST
from cnnvis_caffe.pycaffe.pycaffe import Net


class Detector(Net):
    """A net in phase TEST that classifies windows of images, warped to its input size.

    Parameters
    ----------
    model_file, pretrained_file : str
        Network (prototxt) and weights (caffemodel or HDF5).
    mean, input_scale, raw_scale, channel_swap : optional
        Settings of the `io.Transformer`, for the first input.
    context_pad : int, optional
        Width of the border, in pixels of the net's input, that shows what surrounds the window.

    Attributes
    ----------
    transformer : io.Transformer
        Turns each warped window into an input.
    context_pad : int or None
        As configured.
    crop_dims : ndarray of three int
        Height, width and channels of the net's input.
    crop_mean : ndarray
        Only with a context: the mean in the space of images, which fills what lies outside the image.

    Notes
    -----
    Follows ``python/caffe/detector.py``, after Girshick et al., *Rich feature hierarchies for accurate
    object detection and semantic segmentation* (CVPR 2014). There, windows with context need a numpy that
    takes floats as indices (before 1.12), and `detect_selective_search` returns nothing in Python 3; here
    both work. Halves are rounded up, as in Python 2.
    """

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        input_name = self.inputs[0]
        shape = self.blobs[input_name].data.shape
        self.transformer = make_transformer(input_name, shape, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def detect_windows(self, images_windows: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
        """Classify windows of image files.

        Parameters
        ----------
        images_windows : iterable of (file name, windows)
            Windows are rows ymin, xmin, ymax, xmax in pixels, the last two exclusive.

        Returns
        -------
        list of dict
            One per window, in order: ``window`` as given, ``prediction`` (ndarray of float32, the first
            output) and ``filename``.
        """
        images_windows = [(filename, list(windows)) for filename, windows in images_windows]
        crops = []
        for filename, windows in images_windows:
            image = io.load_image(filename)
            crops += [self.crop(image, window) for window in windows]
        if not crops:
            return []
        predictions = iter(predict_crops(self, crops))
        return [
            {"window": window, "prediction": next(predictions), "filename": filename}
            for filename, windows in images_windows
            for window in windows
        ]

    def detect_selective_search(self, image_fnames: Iterable[str]) -> list[dict[str, Any]]:
        """Classify the windows that Selective Search proposes.

        Parameters
        ----------
        image_fnames : iterable of str
            Image files.

        Returns
        -------
        list of dict
            As `detect_windows` gives.

        Raises
        ------
        ImportError
            Without the module ``selective_search_ijcv_with_python``, which runs the authors' MATLAB code
            (https://github.com/sergeyk/selective_search_ijcv_with_python).
        """
        import selective_search_ijcv_with_python as selective_search

        paths = [os.path.abspath(filename) for filename in image_fnames]  # MATLAB runs in another folder
        windows = selective_search.get_windows(paths, cmd="selective_search_rcnn")
        return self.detect_windows(zip(paths, windows))

    def crop(self, im: np.ndarray, window: Sequence[int]) -> np.ndarray:
        """Cut a window out of an image, with its context if so configured.

        Parameters
        ----------
        im : ndarray of shape (height, width, channels)
            Image.
        window : sequence of four int
            ymin, xmin, ymax, xmax in pixels, the last two exclusive.

        Returns
        -------
        ndarray of shape (window height, window width, channels)
            A view; with context a float32 array of the net's input size, filled with `crop_mean` where the
            context leaves the image.
        """
        if not self.context_pad:
            top, left, bottom, right = (int(edge) for edge in window)
            return im[top:bottom, left:right]

        size = self.blobs[self.inputs[0]].width  # the input is taken to be square
        scale = size / (size - self.context_pad * 2.0)
        box = _widen(np.asarray(window, dtype=float), scale)
        # Caffe quirk: lengths count both ends, as in MATLAB, where the slices below leave the last pixel out.
        full = box[2:] - box[:2] + 1
        warp = size / full  # warped pixels per image pixel, along height and width
        pad = [_round_half_up(max(0.0, -start) * factor) for start, factor in zip(box[:2], warp)]

        inside = np.clip(box, 0, np.tile(im.shape[:2], 2)).astype(int)
        lengths = [
            min(_round_half_up(length * factor), size - before)
            for length, factor, before in zip(inside[2:] - inside[:2] + 1, warp, pad)
        ]
        visible = im[inside[0] : inside[2], inside[1] : inside[3]]
        crop = np.broadcast_to(self.crop_mean, self.crop_dims).astype(np.float32)
        crop[pad[0] : pad[0] + lengths[0], pad[1] : pad[1] + lengths[1]] = io.resize_image(visible, lengths)
        return crop

    def configure_crop(self, context_pad: int | None) -> None:
        """Set the size of crops and the amount of context.

        Parameters
        ----------
        context_pad : int or None
            Width of the border in pixels of the net's input; 0 or None for no context.
        """
        input_name = self.inputs[0]
        to_image = np.argsort(self.transformer.transpose[input_name])
        self.crop_dims = np.array(self.blobs[input_name].data.shape[1:])[to_image]
        self.context_pad = context_pad
        if not context_pad:
            return
        mean = self.transformer.mean.get(input_name)
        if mean is None:
            self.crop_mean = np.zeros(self.crop_dims, dtype=np.float32)
            return
        crop_mean = mean.transpose(to_image)
        channel_swap = self.transformer.channel_swap.get(input_name)
        if channel_swap is not None:
            crop_mean = crop_mean[:, :, np.argsort(channel_swap)]
        self.crop_mean = crop_mean / self.transformer.raw_scale.get(input_name, 1)


def _widen(box: np.ndarray, scale: float) -> np.ndarray:
    """Scale a box about its centre and round it to whole pixels."""
    half = (box[2:] - box[:2] + 1) / 2.0
    centre = box[:2] + half
    return np.round(np.concatenate([centre - scale * half, centre + scale * half]))


def _round_half_up(value: float) -> int:
    """Round a number that is not negative."""
    return math.floor(value + 0.5)
