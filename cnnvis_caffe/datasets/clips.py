"""Clips: folders of frames, lists of such folders, or arrays of five axes, as a network takes them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnvis_caffe.datasets import fingerprint
from cnnvis_caffe.datasets.folders import image_files
from cnnvis_caffe.datasets.opening import DataOptions, OpenedData, fitted_settings, open_data, wants_color
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.readers import ArrayReader, FileReader, Reader
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.formats.clip_list import read_clip_list
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.annotations import Annotations, of_classes, without_labels
from cnnvis_caffe.records.sheet import ContactSheet


class ClipSource(ImageSource):
    """Clips of one length as one network takes them, each one item.

    Parameters
    ----------
    name : str
        As the user gave it.
    reader : Reader
        Of all frames, clip behind clip.
    annotations : Annotations
        Of the clips.
    input_shape : (int, int, int)
        Channels, height and width of a frame.
    preprocessing : Preprocessing
        Of each frame.
    note : str
    n_frames : int
    """

    item = "clip"

    def __init__(
        self,
        name: str,
        reader: Reader,
        annotations: Annotations,
        input_shape: tuple[int, int, int],
        preprocessing: Preprocessing,
        note: str,
        n_frames: int,
    ) -> None:
        self.n_frames = n_frames
        super().__init__(name, reader, annotations, input_shape, preprocessing, note)

    @property
    def blob_shape(self) -> tuple[int, ...]:
        """Channels, frames, height and width."""
        channels, height, width = self.input_shape
        return channels, self.n_frames, height, width

    @property
    def sheet(self) -> ContactSheet | None:
        """Frames lie side by side where a clip is drawn."""
        return ContactSheet(self.n_frames, *self.input_shape[1:])

    def name_of(self, index: int) -> str:
        """Return the folder of a clip, else its place in the source."""
        files = self._reader.files
        is_file_each = len(files) == self.n_images * self.n_frames
        return os.path.dirname(files[index * self.n_frames]) if is_file_each else f"{self.name}[{index}]"

    def inputs(self, indices: np.ndarray) -> np.ndarray:
        """Return what the network takes, (n, C, L, H, W) float32."""
        frames = super().inputs(self._frames(indices))
        return frames.reshape(len(indices), self.n_frames, *frames.shape[1:]).swapaxes(1, 2)

    def shown_images(self, indices: np.ndarray) -> np.ndarray:
        """Return clips as they are drawn: their frames side by side, RGB uint8."""
        assert self.sheet is not None
        frames = super().shown_images(self._frames(indices))
        return self.sheet.lay(frames.reshape(len(indices), self.n_frames, *frames.shape[1:]))

    def fingerprint(self, indices: np.ndarray) -> str:
        """Return a checksum of frames, labels and preprocessing; see `fingerprint.content`."""
        reader = _ClipReader(self._reader, self._frames)
        return fingerprint.content(reader, self.annotations, indices, self._settings)

    def _frames(self, indices: np.ndarray) -> np.ndarray:
        """Places of the frames of some clips."""
        return (np.asarray(indices)[:, np.newaxis] * self.n_frames + np.arange(self.n_frames)).reshape(-1)


class _ClipReader:
    """Frames of whole clips, by the places of the clips."""

    def __init__(self, reader: Reader, frames: object) -> None:
        self._reader, self._frames = reader, frames
        self.channel_order, self.shape, self.is_in_memory = reader.channel_order, reader.shape, reader.is_in_memory
        self.files: Sequence[str] = ()

    def read(self, indices: np.ndarray) -> list[np.ndarray] | np.ndarray:
        """Return all frames of some clips."""
        return self._reader.read(self._frames(indices))  # type: ignore[operator]


def open_clips(
    data: str | Sequence[str],
    input_shape: tuple[int, ...],
    settings: Preprocessing,
    options: DataOptions,
    progress: Progress = SILENT,
) -> ClipSource:
    """Open what a user named as clips.

    Parameters
    ----------
    data : str or sequence of str
        Folders of frames, folders of such folders or of class folders with them, a list of folders, or an array file.
    input_shape : (int, int, int, int)
        Channels, frames, height and width that the network takes.
    settings : Preprocessing
    options : DataOptions
    progress : Progress, default=SILENT

    Returns
    -------
    ClipSource

    Raises
    ------
    DataNotFoundError
        If there is no such folder or file.
    DataFileError
        If there are no clips, or they have fewer frames than the network takes.
    """
    channels, n_frames, height, width = input_shape
    texts = [data] if isinstance(data, str) else list(data)
    if len(texts) == 1 and os.path.isfile(texts[0]) and not texts[0].lower().endswith((".txt", ".lst", ".csv")):
        opened = open_data(texts[0], options=options, progress=progress)
        reader = _frames_of_array(opened, n_frames)
        annotations, name, note = opened.annotations, opened.name, opened.note
    else:
        clips, annotations = _clip_folders(texts)
        files = [frame for clip, start in clips for frame in _spread(clip, start, n_frames)]
        reader = FileReader(files, wants_color((channels, 0, 0), settings))
        name, note = texts[0] if len(texts) == 1 else f"{texts[0]} and {len(texts) - 1} more", ""
    of_frames = without_labels(annotations.n_images * n_frames)
    frames = OpenedData(name, (reader,), of_frames, isinstance(reader, FileReader))
    shape = channels, height, width
    return ClipSource(name, reader, annotations, shape, fitted_settings(frames, shape, settings), note, n_frames)


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


def _clip_folders(data: Sequence[str]) -> tuple[list[tuple[Path, int | None]], Annotations]:
    """The folder of each clip and, where a list says it, its first frame."""
    clips: list[tuple[Path, int | None]] = []
    labels: list[int] = []
    names: list[str] = []
    for text in data:
        if os.path.isfile(text):
            rows = read_clip_list(text)
            clips += [(Path(_placed(text, row.folder)), row.start) for row in rows]
            labels += [row.label for row in rows if row.label is not None]
            continue
        if not os.path.isdir(text):
            raise DataNotFoundError(f"{text}: is not a folder; the network takes clips: give folders of frames")
        found, of_classes_there = _folders_below(Path(text))
        clips += [(one, None) for one in found]
        for number, (name, n_clips) in enumerate(of_classes_there):
            labels += [number] * n_clips
            names.append(name)
    if not clips:
        raise DataFileError(data[0], "has no frames; give a folder of frames for each clip")
    if len(labels) == len(clips):
        return clips, of_classes(np.array(labels, np.int64), tuple(names))
    return clips, without_labels(len(clips))


def _folders_below(top: Path) -> tuple[list[Path], list[tuple[str, int]]]:
    """Folders of frames: a folder itself, those in it, or those in its class folders; names of the classes, sizes."""
    below = _subfolders(top)
    if image_files(top):
        return [top], []
    if any(image_files(one) for one in below):
        return [one for one in below if image_files(one)], []
    inside = [_subfolders(one) for one in below]
    sizes = [(one.name, len(found)) for one, found in zip(below, inside)]
    return [folder for found in inside for folder in found], sizes


def _subfolders(folder: Path) -> list[Path]:
    """Folders in a folder, in byte order."""
    return sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=os.fsencode)


def _placed(text: str, folder: str) -> str:
    """A folder of a list, seen from here, else from the list."""
    beside = os.path.join(os.path.dirname(text), folder)
    return beside if not os.path.isdir(folder) and os.path.isdir(beside) else folder


def _spread(clip: Path, start: int | None, n_frames: int) -> list[Path]:
    """Frames that are spread evenly over a clip; from a first one on, they follow each other."""
    if not clip.is_dir():
        raise DataNotFoundError(f"{clip}: there is no such folder of frames")
    files = image_files(clip)
    first = 0 if start is None else start - 1  # lists count frames from 1
    if len(files) < first + n_frames:
        said = f" from frame {start} on" if start is not None else ""
        raise DataFileError(
            os.fspath(clip), f"has {max(len(files) - first, 0)} frames{said}, but the network takes {n_frames}; give "
            "at least as many"
        )  # fmt: skip
    if start is not None:
        return files[first : first + n_frames]
    return [files[i] for i in np.linspace(0, len(files) - 1, n_frames).round().astype(int)]
