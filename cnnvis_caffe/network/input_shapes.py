"""Finds the shapes of data that is not here, by everything that the files say about it."""

from __future__ import annotations

import functools
import math
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnnvis_caffe.errors import CaffeQuirkWarning, CnnvisError, LayerError, UnknownBlobError
from cnnvis_caffe.formats import beside, schema
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.network.dag import PHASES, build_dag
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.dag import Dag
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.weights import WeightsFile
from cnnvis_caffe.runtime.filter_net import network_of_phase
from cnnvis_caffe.runtime.layers import is_known_type

#: Names of settings that say how large images become, height first; one name for both sides.
_CROPS = (("crop_size",), ("crop_h", "crop_w"), ("crop_height", "crop_width"))
_SIZES = (("new_height", "new_width"), ("height", "width"), ("resize_height", "resize_width"))
#: Data sets of one size, by what the names of their databases say.
_KNOWN_SETS = {"mnist": (1, 28, 28), "cifar": (3, 32, 32)}
#: Preferred where several sizes would do.
_USUAL_SIZES = (28, 32, 224, 227, 64, 48, 96, 128, 256, 299, 300, 512)
#: Bytes of a prototxt that nobody has named and that is looked into nevertheless.
_LARGEST_SIBLING = 4 << 20
_MOST_SIBLINGS = 50
#: Layers whose shapes are looked for, which takes time for the whole network each.
_MOST_LOOKED_AT = 100
_LARGEST_SIZE = 2048
_ASSUMED = "3 channels assumed"


@dataclass(frozen=True)
class InputShapes:
    """Shapes of tops of layers that cannot give them.

    Attributes
    ----------
    shapes : dict of str to tuple of int
    notes : tuple of str
        Where each came from.
    """

    shapes: dict[str, tuple[int, ...]]
    notes: tuple[str, ...]


def set_input_shapes(network: NetworkFile, shapes: Mapping[str, tuple[int, ...]]) -> NetworkFile:
    """Return a network whose Input layers have other shapes.

    Parameters
    ----------
    network : NetworkFile
    shapes : mapping of str to tuple of int
        By the name of the blob; blobs of other layers are left alone.

    Raises
    ------
    UnknownBlobError
        If no layer without bottoms has a top of one of the names, and no layer of an unknown kind does.
    """
    message = type(network.message)()
    message.CopyFrom(network.message)
    known = {top for layer in message.layer for top in layer.top}
    for name in shapes:
        if name not in known:
            raise UnknownBlobError(name, known)
    for layer in message.layer:
        if layer.type == "Input" and not shapes.keys().isdisjoint(layer.top):
            old = [list(shape.dim) for shape in layer.input_param.shape]
            old = old * len(layer.top) if len(old) == 1 else old or [[]] * len(layer.top)
            layer.input_param.ClearField("shape")
            for top, dims in zip(layer.top, old):
                layer.input_param.shape.add().dim[:] = shapes.get(top, dims)
    return replace(network, message=message)


def assume_input_shapes(
    network: NetworkFile,
    phase: str = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
    *,
    given: Mapping[str, tuple[int, ...]] | None = None,
    weights: Sequence[WeightsFile] = (),
) -> InputShapes:
    """Find the shapes of what data layers read from disk.

    Parameters
    ----------
    network : NetworkFile
    phase : {"TEST", "TRAIN"}
    level : int, default=0
    stages : sequence of str, optional
    given : mapping of str to tuple of int, optional
        Shapes that are known already.
    weights : sequence of WeightsFile, optional
        Weights of the network, which tell channels and sizes.

    Returns
    -------
    InputShapes
        Also with what was given. Tops of which too little is known are left out.
    """
    finder = _Finder(network, phase, level, stages, dict(given or {}), weights)
    found = finder.shapes_from_files()
    for layer in finder.unshaped()[:_MOST_LOOKED_AT]:
        if not any(top in found for top in layer.top):
            finder.look_at(layer)
    return InputShapes(finder.shapes, tuple(finder.notes))


class _Finder:
    """Gathers what is known, layer by layer."""

    def __init__(
        self,
        network: NetworkFile,
        phase: str,
        level: int,
        stages: Sequence[str],
        shapes: dict[str, tuple[int, ...]],
        weights: Sequence[WeightsFile],
    ) -> None:
        self.network, self.choice = network, (phase, level, tuple(stages))
        self.shapes = shapes
        self.notes: list[str] = []
        message = network_of_phase(network, PHASES[phase], level, stages)
        beside.find_in_network(message, network.path)
        self.layers = message.layer
        self.saved = {
            layer.name: [blob.shape for blob in layer.blobs if blob is not None]
            for file in weights[:1]
            for layer in file.layers
        }

    def shapes_from_files(self) -> set[str]:
        """The tops of layers whose data is here, so that they know their shapes themselves."""
        disk = [layer for layer in self.layers if facts_of(layer.type).is_on_disk]
        if not any(os.path.exists(_source(layer)) for layer in disk):
            return set()
        dag = self._try(self.shapes)
        layers = dag.layers if dag is not None else ()
        return {top for layer in layers if facts_of(layer.type).is_on_disk and layer.is_shaped for top in layer.tops}

    def unshaped(self) -> list[Any]:
        """Return the layers that do not say which shape their tops have."""
        return [layer for layer in self.layers if facts_of(layer.type).source or self._is_open(layer)]

    def look_at(self, layer: Any) -> None:
        """Find the shapes of one data layer."""
        if all(top in self.shapes for top in layer.top):
            return
        if layer.type == "HDF5Data":
            self._look_at_hdf5(layer)
        is_open = self._is_open(layer)
        if is_open and not is_known_type(layer.type) and self._look_at_foreign(layer):
            return
        if facts_of(layer.type).source != "images" and not is_open:
            return
        top = layer.top[0]
        # Data layers of forks have the parameters of Caffe's.
        size = _setting(layer, "batch_size")
        batch = self.shapes[top][0] if top in self.shapes else size or 1
        why = [f"batch_size {batch}"] if size else []
        if top not in self.shapes:
            image = self._image(layer, top, batch, why)
            if image is None:
                channels, how = self._channels(layer, top, None)
                known = "CHANNELS" if how == _ASSUMED else str(channels)
                self.notes.append(
                    f"{top}: its size is not known (no crop_size, and the data is not read here); "
                    f"give its shape with --input-shape {top}={batch},{known},HEIGHT,WIDTH, or give weights"
                )
                return
            self.shapes[top] = (batch, *image)
            self.notes.append(f"{top}: taken to be {_show(self.shapes[top])} ({'; '.join(why)})")
        for label in () if is_open else layer.top[1:]:
            self.shapes.setdefault(label, (batch,))

    @staticmethod
    def _is_open(layer: Any) -> bool:
        """Whether a layer without bottoms says nothing of what it gives: data of a fork, or an Input without shape."""
        if layer.bottom or not layer.top:
            return False
        if layer.type == "Input":
            return not layer.input_param.shape
        return layer.type == "Python" or not is_known_type(layer.type)

    def _look_at_foreign(self, layer: Any) -> bool:
        """A fork's data layer whose settings say the size as those of Caffe do; False where they do not."""
        top, batch = layer.top[0], _setting(layer, "batch_size") or 1
        size, size_from = _foreign_size(layer)
        if top in self.shapes:
            batch = self.shapes[top][0]
        elif size is None:
            return False
        else:
            channels, channels_from = self._channels(layer, top, None)
            self.shapes[top] = (batch, channels, *size)
            why = f"batch_size {batch}; {channels_from}; {size_from}"
            self.notes.append(f"{top}: taken to be {_show(self.shapes[top])} ({why})")
        self._label_foreign(layer, batch, self.shapes[top][2:])
        return True

    def _label_foreign(self, layer: Any, batch: int, size: tuple[int, ...]) -> None:
        """What a fork's data layer gives beside the images."""
        labels = facts_of(layer.type).labels
        for label in layer.top[1:2]:
            if labels == "boxes":
                self.shapes.setdefault(label, (1, 1, 1, 8))
            elif labels == "masks":
                self.shapes.setdefault(label, (batch, 1, *size))
            elif any(label in reader.bottom[1:] and _reads_classes(reader) for reader in self.layers):
                self.shapes.setdefault(label, (batch,))
        if labels == "masks":
            for sizes in layer.top[2:3]:
                self.shapes.setdefault(sizes, (batch, 1, 1, 2))

    def _look_at_hdf5(self, layer: Any) -> None:
        """Rows of numbers have as many as the weights of an inner product that reads them; more is not known."""
        batch = layer.hdf5_data_param.batch_size or 1
        for top in layer.top:
            if top in self.shapes:
                continue
            readers = [reader for reader in self.layers if top in reader.bottom]
            dense = [reader for reader in readers if reader.type == "InnerProduct" and self.saved.get(reader.name)]
            convolved = any(reader.type == "Convolution" and self.saved.get(reader.name) for reader in readers)
            why = [f"batch_size {batch}"]
            image = self._image(layer, top, batch, why) if convolved else None
            if image is not None:
                self.shapes[top] = (batch, *image)
                self.notes.append(f"{top}: taken to be {_show(self.shapes[top])} ({'; '.join(why)})")
            elif dense:
                length = self._n_inputs(dense[0])
                self.shapes[top] = batch, length
                self.notes.append(
                    f"{top}: taken to be {batch}x{length} (batch_size {batch}; {length} from the weights of "
                    f"{dense[0].name})"
                )
            elif readers and all(_reads_classes(reader) and reader.bottom[0] != top for reader in readers):
                self.shapes[top] = (batch,)
                self.notes.append(f"{top}: taken to be {batch} labels (batch_size {batch})")
            else:
                self.notes.append(
                    f"{top}: its shape is not known (HDF5 files are not read here); give it with --input-shape "
                    f"{top}={batch},..., or give weights"
                )

    def _n_inputs(self, dense: Any) -> int:
        """Number of inputs of an inner product for which there are weights."""
        return math.prod(self.saved[dense.name][0]) // max(dense.inner_product_param.num_output, 1)

    def _image(self, layer: Any, top: str, batch: int, why: list[str]) -> tuple[int, ...] | None:
        """Channels, height and width."""
        mean = self._mean(layer)
        channels, channels_from = self._channels(layer, top, mean)
        size = self._size(layer, mean)
        if size is not None:
            height, width, size_from = size
            why += [channels_from, size_from]
            return channels, height, width
        # The network's own files first: whether the weights fit is what somebody may want to know.
        sibling = self._sibling(top)
        if sibling is not None:
            why.append(f"the rest from {sibling[0]}")
            return sibling[1]
        for number in (channels, 1) if channels_from == _ASSUMED else (channels,):
            square = self._size_for_weights(top, number, layer.top[1:])
            if square is not None:
                why += [channels_from if number == channels else "1 channel", square[1]]
                return number, square[0], square[0]
        known = self._known_set(layer, top, channels, channels_from)
        extra = {label: (batch,) for label in layer.top[1:]}
        if known is not None and self._try({**self.shapes, **extra, top: (batch, *known[1])}) is None:
            known = None
        if known is not None:
            why.append(known[0])
            return known[1]
        return None

    def _known_set(
        self, layer: Any, top: str, channels: int, channels_from: str
    ) -> tuple[str, tuple[int, ...]] | None:
        """A data set that the name of the database names, unless something says that it is another one."""
        source = _source(layer)
        slicing = self._slice(top)
        n_images = len(slicing.top) if slicing is not None else 1  # images of a pair lie one behind the other
        for name, one in _KNOWN_SETS.items():
            shape = (n_images * one[0], *one[1:])
            if name in source.lower() and (channels == shape[0] or channels_from == _ASSUMED):
                return f"{_show(shape)} from the name {os.path.basename(source)}", shape
        return None

    def _slice(self, top: str) -> Any:
        """The Slice that takes the channels of a blob apart, as of images that come in pairs, if there is one."""
        for layer in self.layers:
            if layer.type == "Slice" and top in layer.bottom:
                param = layer.slice_param
                if (param.slice_dim if param.HasField("slice_dim") else param.axis) == 1:
                    return layer
        return None

    def _sliced_channels(self, slicing: Any) -> int:
        """How many channels the pieces of a Slice have together, by its points or by weights; 0 if neither tells."""
        saved = [self._saved_channels(piece)[0] for piece in slicing.top]
        points = [0, *slicing.slice_param.slice_point]
        if len(points) > 1:
            lengths = [after - before for before, after in zip(points, points[1:])]
            return points[-1] + (saved[-1] or lengths[-1])  # one network looks at all pieces, so they are alike
        return max(saved) * len(slicing.top)

    def _saved_channels(self, top: str) -> tuple[int, str]:
        """Channels of a blob for which a convolution that reads it has weights, and that layer; 0 where none has."""
        for reader in self.layers:
            shapes = self.saved.get(reader.name)
            if reader.type == "Convolution" and top in reader.bottom and shapes:
                # Old files write every shape with four numbers; the second is that of the channels in both.
                return shapes[0][1] * reader.convolution_param.group, reader.name
        return 0, ""

    def _mean(self, layer: Any) -> tuple[int, ...] | None:
        """Shape of the mean image, if it is here."""
        name = layer.transform_param.mean_file
        if not name or not os.path.isfile(name):
            return None
        try:
            return read_mean(name).shape
        except CnnvisError:
            return None

    def _channels(self, layer: Any, top: str, mean: tuple[int, ...] | None) -> tuple[int, str]:
        """Number of channels, and how it is known."""
        transform = layer.transform_param
        if mean is not None:
            return mean[0], "channels of the mean image"
        if len(transform.mean_value) > 1:
            return len(transform.mean_value), f"{len(transform.mean_value)} mean_value"
        if transform.force_color or transform.force_gray:
            return (3, "force_color") if transform.force_color else (1, "force_gray")
        if layer.type == "ImageData":
            return (3, "is_color") if layer.image_data_param.is_color else (1, "is_color: false")
        sibling = self._sibling(top)
        if sibling is not None:
            return sibling[1][0], f"channels from {sibling[0]}"
        slicing = self._slice(top)
        together = self._sliced_channels(slicing) if slicing is not None else 0
        if together:
            return together, f"{together} channels in the pieces of {slicing.name}"
        channels, reader = self._saved_channels(top)
        if channels:
            return channels, f"{channels} channel{'s' * (channels != 1)} from the weights of {reader}"
        return 3, _ASSUMED

    @staticmethod
    def _size(layer: Any, mean: tuple[int, ...] | None) -> tuple[int, int, str] | None:
        """Height and width from the layer itself, and how they are known."""
        crop = layer.transform_param.crop_size
        if crop:
            return crop, crop, f"crop_size {crop}"
        image = layer.image_data_param
        if layer.type == "ImageData" and image.new_height and image.new_width:
            return image.new_height, image.new_width, "new_height and new_width"
        return (*mean[1:], "size of the mean image") if mean is not None else None  # type: ignore[return-value]

    def _size_for_weights(self, top: str, channels: int, labels: Sequence[str]) -> tuple[int, str] | None:
        """The square size for which the first inner product gets as many inputs as its weights have."""
        dense = next(
            (layer for layer in self.layers if layer.type == "InnerProduct" and layer.name in self.saved), None
        )
        if dense is None or not self.saved[dense.name]:
            return None
        wanted = self._n_inputs(dense)
        extra = {label: (1,) for label in labels}

        def n_inputs(size: int) -> int:
            """How many inputs it gets for an image of some size; 0 if the image is too small."""
            dag = self._try({**self.shapes, **extra, top: (1, channels, size, size)})
            if dag is None:
                return 0
            layer = next(layer for layer in dag.layers if layer.name == dense.name)
            return layer.params[0].count // dense.inner_product_param.num_output if layer.params else 0

        first = _first_at_least(n_inputs, wanted)
        sizes = []
        while first <= _LARGEST_SIZE and n_inputs(first) == wanted:
            sizes.append(first)
            first += 1
        if not sizes:
            return None
        size = next((size for size in _USUAL_SIZES if size in sizes), sizes[0])
        others = f"; {sizes[0]} to {sizes[-1]} would do as well" if len(sizes) > 1 else ""
        return size, f"{size}x{size} from the weights of {dense.name}{others}"

    def _try(self, shapes: Mapping[str, tuple[int, ...]]) -> Dag | None:
        """The network with some shapes, if it can be built."""
        phase, level, stages = self.choice
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CaffeQuirkWarning)
                return build_dag(set_input_shapes(self.network, shapes), phase, level, stages, input_shapes=shapes)
        except LayerError:
            return None

    def _sibling(self, top: str) -> tuple[str, tuple[int, ...]] | None:
        """Channels, height and width of Inputs of the same name in prototxts of the same folder, if they agree."""
        found: dict[tuple[int, ...], str] = {}
        for name, message in self._siblings:
            for layer in message.layer:
                shapes = layer.input_param.shape
                if layer.type == "Input" and top in layer.top and shapes:
                    index = list(layer.top).index(top) if len(shapes) > 1 else 0
                    shape = tuple(shapes[index].dim)
                    if len(shape) == 4:
                        found.setdefault(shape[1:], name)
        return next(((name, shape) for shape, name in found.items()), None) if len(found) == 1 else None

    @functools.cached_property
    def _siblings(self) -> list[tuple[str, Any]]:
        """Networks of the same folder that are like this one, by the names of their files."""
        path = Path(self.network.path)
        others = sorted(path.parent.glob("*.prototxt")) if path.is_file() else []
        result = []
        for other in others[:_MOST_SIBLINGS]:
            try:
                if other.samefile(path) or other.stat().st_size > _LARGEST_SIBLING:
                    continue
                message = read_network(other).message
            except (CnnvisError, OSError):  # nobody has named it: what cannot be read is passed over
                continue
            if shares_layers(message.layer, self.layers):
                result.append((other.name, message))
        return result

def shares_layers(other: Iterable[Any], own: Iterable[Any]) -> bool:
    """Say whether a network has most of the layers that another one has: folders may hold networks of several kinds.

    Parameters
    ----------
    other, own : iterable of LayerParameter
        Compared by their names.
    """
    names = {layer.name for layer in other if layer.bottom}
    wanted = {layer.name for layer in own if layer.bottom}
    return 2 * len(names & wanted) > len(wanted)


def _source(layer: Any) -> str:
    """What a data layer reads; the data layers of forks have the settings of Caffe's."""
    return str(getattr(layer, facts_of(layer.type).source_settings or "data_param").source)


def _reads_classes(layer: Any) -> bool:
    """Whether the second bottom of a layer is one label for each image, as a rule."""
    return facts_of(layer.type).second_bottom == "classes"


def _setting(layer: Any, name: str) -> int | None:
    """The number that a setting of a layer has, wherever in the layer it stands; None where it is not given."""
    waiting = [layer]
    while waiting:
        message = waiting.pop(0)
        for field, value in message.ListFields():
            if field.name == name and isinstance(value, int):
                return value
            if field.name == schema.UNKNOWN_TEXT:
                for text in value:
                    found = re.search(rf"\b{name}\s*:\s*(\d{{1,9}})\b", text)
                    if found:
                        return int(found.group(1))
            elif field.message_type is not None and hasattr(value, "ListFields"):
                waiting.append(value)
    return None


def _foreign_size(layer: Any) -> tuple[tuple[int, int] | None, str]:
    """Height and width that the settings of a fork's data layer name, and which they are."""
    for names in (*_CROPS, *_SIZES):
        values = [_setting(layer, name) for name in names]
        if all(values):
            said = ", ".join(f"{name} {value}" for name, value in zip(names, values))
            return (values[0] or 0, values[-1] or 0), said
    return None, ""


def _first_at_least(function: Callable[[int], int], wanted: int) -> int:
    """The smallest argument for which a growing function reaches a value."""
    high = 1
    # Doubled from below: far above the right size, blobs become too large to be built.
    while high <= _LARGEST_SIZE and function(high) < wanted:
        high *= 2
    low = high // 2 + 1
    while low < high:
        middle = (low + high) // 2
        if function(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    return high


def _show(shape: Sequence[int]) -> str:
    """A shape as people write it."""
    return "x".join(map(str, shape))
