"""Brings images to the inputs of a network: one image, ten crops, a pair, or the frames of a clip."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnvis_caffe.datasets.folders import image_files
from cnnvis_caffe.datasets.opening import DataOptions, OpenedData, as_source, open_data, wants_color
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.readers import ArrayReader, FileReader, Reader
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import DataFileError, DataNotFoundError, NetError
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.annotations import Annotations, of_classes, without_labels

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
    n_frames : int
        Frames of a clip; 0 for images.
    """

    sources: tuple[ImageSource, ...]
    blobs: tuple[str, ...]
    sizes: dict[str, tuple[int, ...]]
    annotations: Annotations
    crop: tuple[int, int] | None = None
    n_frames: int = 0

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
        if self.n_frames:
            name = self.sources[0].name_of(index * self.n_frames)
            return os.path.dirname(name) or f"{self.sources[0].name}[{index}]"
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
        if not self.n_frames:
            return source.inputs(indices)
        frames = source.inputs((indices[:, None] * self.n_frames + np.arange(self.n_frames)).reshape(-1))
        return frames.reshape(len(indices), self.n_frames, *frames.shape[1:]).swapaxes(1, 2)


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
        return _open_clips(data, blobs[0], shape, settings, options, progress)
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


# -- clips -----------------------------------------------------------------------------------------------------------


def _open_clips(
    data: Sequence[str],
    blob: str,
    shape: tuple[int, ...],
    settings: Preprocessing,
    options: DataOptions,
    progress: Progress,
) -> Inputs:
    """Clips as folders of frames, or as arrays of five axes."""
    channels, n_frames, height, width = shape[1:]
    if len(data) == 1 and os.path.isfile(data[0]):
        opened = open_data(data, options=options, progress=progress)
        reader = _frames_of_array(opened, n_frames)
        annotations = opened.annotations
    else:
        files, annotations = _clip_folders(data, n_frames)
        reader = FileReader([frame for clip in files for frame in clip], wants_color((channels, 0, 0), settings))
        opened = OpenedData(data[0], (reader,), annotations, are_files=True)
    frames = replace(opened, annotations=without_labels(annotations.n_images * n_frames))
    source = as_source(frames, reader, (channels, height, width), settings)
    return Inputs((source,), (blob,), {}, annotations, n_frames=n_frames)


def _frames_of_array(opened: OpenedData, n_frames: int) -> Reader:
    """The frames of all clips of an array, one behind the other."""
    reader = opened.readers[0]
    if not isinstance(reader, ArrayReader) or reader.images.ndim != 5:
        raise DataFileError(
            opened.name, "has images, but the network takes clips; give a folder of frames for each clip, or an array "
            "(n, C, L, H, W)"
        )  # fmt: skip
    if reader.images.shape[2] != n_frames:
        raise DataFileError(
            opened.name, f"has clips of {reader.images.shape[2]} frames, but the network takes {n_frames}"
        )
    frames = reader.images.swapaxes(1, 2).reshape(-1, *reader.images.shape[1:2], *reader.images.shape[3:])
    return ArrayReader(np.ascontiguousarray(frames), reader.channel_order)


def _clip_folders(data: Sequence[str], n_frames: int) -> tuple[list[list[Path]], Annotations]:
    """The frames of each clip: of a folder of frames, of a folder of such folders, or of one of class folders."""
    clips: list[Path] = []
    labels: list[int] = []
    names: list[str] = []
    for text in data:
        if not os.path.isdir(text):
            raise DataNotFoundError(f"{text}: is not a folder; the network takes clips: give folders of frames")
        top = Path(text)
        below = sorted((entry for entry in top.iterdir() if entry.is_dir()), key=os.fsencode)
        if image_files(top):
            clips.append(top)
        elif any(image_files(one) for one in below):
            clips += [one for one in below if image_files(one)]
        else:
            for number, one in enumerate(below):
                inside = sorted((entry for entry in one.iterdir() if entry.is_dir()), key=os.fsencode)
                clips += inside
                labels += [number] * len(inside)
                names.append(one.name)
    if not clips:
        raise DataFileError(data[0], "has no frames; give a folder of frames for each clip")
    frames = [_spread(image_files(clip), clip, n_frames) for clip in clips]
    if len(labels) == len(clips):
        return frames, of_classes(np.array(labels, np.int64), tuple(names))
    return frames, without_labels(len(clips))


def _spread(files: list[Path], clip: Path, n_frames: int) -> list[Path]:
    """Frames that are spread evenly over a clip."""
    if len(files) < n_frames:
        raise DataFileError(
            os.fspath(clip), f"has {len(files)} frames, but the network takes {n_frames}; give at least as many"
        )
    return [files[i] for i in np.linspace(0, len(files) - 1, n_frames).round().astype(int)]
