"""Brings images to the inputs of a network: one image, ten crops, a pair, or the frames of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cnnvis_caffe.datasets.clips import open_clips
from cnnvis_caffe.datasets.opening import DataOptions, as_source, open_data, wants_color
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import DataFileError, NetError
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.annotations import Annotations

#: What an RCNN asks for beside its image: height, width and scale of it.
_SIZE_BLOB = "im_info"


@dataclass(frozen=True, eq=False)
class Inputs:
    """What goes into a network, image by image.

    Attributes
    ----------
    sources : tuple of ImageSource
        One; two for pairs.
    blobs : tuple of str
        The input of each source; one for both where a pair lies channel behind channel.
    sizes : dict of str to tuple of int
        Inputs that hold the size of the image.
    annotations : Annotations
    crop : (int, int) or None
        Height and width of ten crops; None for the images as they are.
    """

    sources: tuple[ImageSource, ...]
    blobs: tuple[str, ...]
    sizes: dict[str, tuple[int, ...]]
    annotations: Annotations
    crop: tuple[int, int] | None = None

    @property
    def n_images(self) -> int:
        """How many images, pairs or clips there are."""
        return self.annotations.n_images

    @property
    def per_image(self) -> int:
        """How many times an image goes through the network."""
        return 10 if self.crop else 1

    def name_of(self, index: int) -> str:
        """Return what people call an image, pair or clip.

        Parameters
        ----------
        index : int
        """
        return " ".join(source.name_of(index) for source in self.sources)

    def read(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return what each input takes.

        Parameters
        ----------
        indices : ndarray of int64

        Returns
        -------
        dict of str to ndarray, float32
            Ten rows an image where crops are taken.
        """
        parts = [self._rows(source, indices) for source in self.sources]
        if len(set(self.blobs)) == 1 and len(parts) > 1:
            found = {self.blobs[0]: np.concatenate(parts, axis=1)}
        else:
            found = dict(zip(self.blobs, parts))
        height, width = self.sources[0].input_shape[1:]
        for blob, shape in self.sizes.items():
            found[blob] = np.tile(np.array([height, width, 1][: shape[-1]], np.float32), (len(indices), 1))
        return found

    def _rows(self, source: ImageSource, indices: np.ndarray) -> np.ndarray:
        """What one input takes."""
        if self.crop:
            return source.ten_crops(indices, *self.crop)
        return source.inputs(indices)


def image_inputs(shapes: dict[str, tuple[int, ...]], path: str) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    """Tell a network's inputs for images from those for their size.

    Parameters
    ----------
    shapes : dict of str to tuple of int
        Of all inputs.
    path : str
        Of the network.

    Returns
    -------
    (list of str, dict of str to tuple of int)

    Raises
    ------
    NetError
        If it takes no image, more than a pair, or something else.
    """
    images = [name for name, shape in shapes.items() if len(shape) in (4, 5) and np.prod(shape[2:]) > 1]
    sizes: dict[str, tuple[int, ...]]
    sizes = {name: shape for name, shape in shapes.items() if name == _SIZE_BLOB and len(shape) == 2}
    others = [name for name in shapes if name not in images and name not in sizes]
    if others or not 1 <= len(images) <= 2:
        what = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
        raise NetError(
            f"{path}: takes {what}; predict feeds one image, a pair of images, or a clip; run it in Python: "
            "cnnvis_caffe.api.load_net"
        )
    return images, sizes


def takes_pairs(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Whether a network takes two images at once: as two inputs, or behind each other in the channels of one.

    Parameters
    ----------
    shapes : dict of str to tuple of int
        Of all inputs.
    """
    images = [shape for shape in shapes.values() if len(shape) == 4]
    return len(images) == 2 or (len(images) == 1 and _is_joined(images[0]))


def _is_joined(shape: tuple[int, ...]) -> bool:
    """Whether an input (N, C, H, W) has the channels of two images, grey or in colour."""
    return shape[1] in (2, 6)


def open_inputs(
    data: Sequence[str],
    shapes: dict[str, tuple[int, ...]],
    settings: Preprocessing,
    options: DataOptions,
    *,
    path: str = "",
    crop_from: tuple[int, int] | None = None,
    progress: Progress = SILENT,
) -> Inputs:
    """Open images for the inputs of a network.

    Parameters
    ----------
    data : sequence of str
    shapes : dict of str to tuple of int
        Of the network's inputs.
    settings : Preprocessing
    options : DataOptions
    path : str, default=""
        Of the network, for messages.
    crop_from : (int, int), optional
        Take ten crops from images that are brought to this height and width.
    progress : Progress, default=SILENT

    Returns
    -------
    Inputs

    Raises
    ------
    CnnvisError
        If the images are missing or damaged, or do not fit.
    """
    blobs, sizes = image_inputs(shapes, path)
    shape = shapes[blobs[0]]
    if len(shape) == 5:
        clips = open_clips(data, shape[1:], settings, options, progress)
        return Inputs((clips,), (blobs[0],), {}, clips.annotations)
    channels, height, width = shape[1:]
    is_joined = len(blobs) == 1 and _is_joined(shape)
    channels = channels // 2 if is_joined else channels
    is_pair = is_joined or len(blobs) == 2
    wanted = (channels, *(crop_from or (height, width)))
    if crop_from and (crop_from[0] < height or crop_from[1] < width):
        raise DataFileError(
            "image_dims", f"are {crop_from[0]}x{crop_from[1]}, smaller than the {height}x{width} that the network takes"
        )
    if crop_from:
        settings = replace(settings, resize=crop_from)
    opened = open_data(
        data, color=wants_color(wanted, settings), options=replace(options, are_pairs=is_pair), progress=progress
    )
    if is_pair and len(opened.readers) != 2:
        raise DataFileError(opened.name, "has single images, but the network takes pairs; give a list with two a line")
    sources = tuple(as_source(opened, reader, wanted, settings) for reader in opened.readers)
    return Inputs(
        sources,
        tuple(blobs * 2 if is_joined else blobs),
        sizes,
        opened.annotations,
        (height, width) if crop_from else None,
    )
