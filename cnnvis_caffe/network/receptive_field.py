"""Receptive fields: which box of input pixels a position of a blob sees.

The fields of a top are put together from those of the bottoms that it sees, from the inputs on. Fields are boxes, and
along each axis a box depends only on the position on the same axis; so a blob's fields are one table of intervals
for each axis, and all positions of all blobs cost no more than one pass over the layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.errors import NetError, ShapeError, UnknownBlobError
from cnnvis_caffe.network.fields import (
    Field,
    Runs,
    borders_of,
    boxes_at,
    field_at,
    image_sizes,
    merged,
    n_channels,
    pieces,
    through_channels,
    union,
)
from cnnvis_caffe.network.intervals import Intervals
from cnnvis_caffe.network.names import value_names, values_by_name
from cnnvis_caffe.records.dag import Dag, LayerField, Value, Window


@dataclass(frozen=True)
class FieldSummary:
    """Receptive fields of a blob in short; pairs are (height, width).

    Attributes
    ----------
    size : tuple of int
        Extent in input pixels, the largest where positions differ.
    stride : tuple of (float or None)
        Input pixels from one position to the next; None where every position sees the same, or steps differ.
    offset : tuple of (float or None)
        Input coordinate of the centre of position 0, where pixel 0 has its centre at 0.
    is_whole : bool
        Every position sees the whole image.
    """

    size: tuple[int, ...]
    stride: tuple[float | None, ...]
    offset: tuple[float | None, ...]
    is_whole: bool


class ReceptiveFields:
    """The receptive fields of all blobs of a network.

    Parameters
    ----------
    dag : Dag

    Notes
    -----
    Boxes are not clipped to the image: they lie as if every blob went on beyond its borders, so that all positions
    of a blob have boxes of one size. A layer that takes the whole image (InnerProduct, global pooling, ...) sees
    exactly the image. Clipped boxes are the smallest ones around the pixels that matter: only pixels of the image,
    and only through positions that the blobs between really have.

    Channels are told apart where layers keep them apart (Concat, Slice, groups, everything channel by channel);
    not the taps that the channels of Im2col show, nor the places that Flatten, Reshape and SPP turn into channels.
    """

    def __init__(self, dag: Dag) -> None:
        self.dag = dag
        self._names = value_names(dag)
        self._by_name = values_by_name(dag)
        self._assumed: list[frozenset[int]] = []
        self._runs: dict[bool, dict[Value, dict[Value, Runs]]] = {}
        self._parts: dict[tuple[tuple[int, ...], int, int], tuple[int, float | None, float | None, bool]] = {}

    def inputs(self, name: str) -> list[str]:
        """Return the names of the inputs with a height and width (or other spatial axes) that a blob depends on.

        Raises
        ------
        UnknownBlobError
            If there is no blob of that name.
        NetError
            If shapes are not known.
        """
        return [self._names[value] for value in self._spatial_inputs(self._find(name))]

    def boxes(
        self,
        name: str,
        positions: object = None,
        *,
        channels: object = None,
        input: str | None = None,
        clipped: bool = False,
    ) -> np.ndarray:
        """Return the boxes of input pixels that positions of a blob see.

        Parameters
        ----------
        name : str
            Of the layer that writes the blob (``<layer>:<top>`` for further tops), or of the blob.
        positions : array_like of int, shape (..., n_axes), optional
            Row and column, or as many indices as the blob has axes behind the channels; may be left out for a blob
            without such axes.
        channels : array_like of int, shape (...), optional
            Index on axis 1 of each; left out, what any channel sees.
        input : str, optional
            Which input, where the blob depends on several.
        clipped : bool, default=False
            Only pixels of the image, and only what is seen through positions that exist.

        Returns
        -------
        ndarray of int32, shape (..., 4)
            y0, x0, y1, x1 in pixels of the input, half open; all zero where nothing is seen. For inputs with
            another number of spatial axes: all starts, then all ends.

        Raises
        ------
        UnknownBlobError
            If there is no blob or input of that name.
        ShapeError
            If the positions are not in the blob.
        NetError
            If shapes are not known, or it is not clear which input is meant.
        """
        value = self._find(name)
        source = self._choose_input(value, name, input)
        where, channel = self._checked(value, name, positions, channels)
        runs = self._all_runs(clipped)[value][source]
        if channel is None:
            fields = [(np.ones(where.shape[:-1], bool), field) for _, field in runs]
        else:
            ends = np.cumsum([count for count, _ in runs])
            run = np.searchsorted(ends, channel, side="right")
            fields = [(run == number, field) for number, (_, field) in enumerate(runs)]
        return boxes_at(fields, where, self.dag.shape(source))

    def summary(self, name: str, input: str | None = None) -> FieldSummary:
        """Return size, stride and offset of the receptive fields of a blob.

        Parameters
        ----------
        name : str
            As for `boxes`.
        input : str, optional
            As for `boxes`.

        Raises
        ------
        UnknownBlobError
            If there is no blob or input of that name.
        NetError
            If shapes are not known, or it is not clear which input is meant.
        """
        value = self._find(name)
        source = self._choose_input(value, name, input)
        size = image_sizes(self.dag.shape(source))
        parts = []
        for axis in range(len(size)):
            length = self._length(value, axis)
            runs = self._all_runs(False)[value][source]
            tables = {id(box[axis]): box[axis] for _, field in runs for box in field}
            # Layers that change no place, and axes that are alike, have the same tables.
            key = tuple(tables), length, size[axis]
            if key not in self._parts:
                total, *others = tables.values()
                for table in others:
                    total = total.union(table, length)
                self._parts[key] = _summarize(total, size[axis])
            parts.append(self._parts[key])
        sizes, strides, offsets, is_whole = zip(*parts)
        return FieldSummary(sizes, strides, offsets, all(is_whole))

    def assumed(self, name: str) -> list[str]:
        """Return the names of layers before a blob that are only taken to see the whole image (type Python)."""
        layer = self._find(name)[0]
        if not self._assumed:
            self._assumed = self._layers_assumed()
        return [self.dag.layers[index].name for index in sorted(self._assumed[layer])]

    def _layers_assumed(self) -> list[frozenset[int]]:
        """For each layer, those up to it that are only taken to see everything."""
        result: list[frozenset[int]] = []
        for index, layer in enumerate(self.dag.layers):
            found: frozenset[int] = frozenset()
            for before in {source[0] for source in layer.sources}:
                # The usual case, in which nothing is copied: few layers are assumed, if any.
                found = result[before] if found <= result[before] else found | result[before]
            if any(not field.is_known for field in layer.fields):
                found |= {index}
            result.append(found)
        return result

    # -- looking up --------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Value:
        """The top that a name means, with known shape."""
        if name not in self._by_name:
            raise UnknownBlobError(name, self._by_name)
        value = self._by_name[name]
        if self.dag.shape(value) is None:
            raise NetError(
                f"{self.dag.path}: the shape of blob {name!r} is not known, and with it its receptive field; "
                "give the shapes of the inputs"
            )
        return value

    def _spatial_inputs(self, value: Value) -> list[Value]:
        """Inputs with spatial axes that a top depends on."""
        sources = self._all_runs(False)[value]
        return sorted(source for source in sources if len(self.dag.shape(source) or ()) > 2)

    def _choose_input(self, value: Value, name: str, input: str | None) -> Value:
        """The input that is meant."""
        known = {self._names[source]: source for source in self._spatial_inputs(value)}
        if input is not None:
            if input not in known:
                raise UnknownBlobError(input, known)
            return known[input]
        if len(known) != 1:
            found = f"depends on the inputs {', '.join(known)}; say which is meant" if known else (
                "depends on no input that has a height and a width"
            )  # fmt: skip
            raise NetError(f"{self.dag.path}: blob {name!r} {found}")
        return next(iter(known.values()))

    def _checked(
        self, value: Value, name: str, positions: object, channels: object
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Positions and channels as arrays that lie in the blob."""
        shape = self.dag.shape(value) or ()
        lengths = shape[2:]
        where = np.asarray([] if positions is None else positions, np.int64)
        if where.ndim == 0 or where.shape[-1] != len(lengths):
            raise ShapeError(
                name,
                f"blob {name!r} has shape {shape}: a position is {len(lengths)} indices, got an array of shape "
                f"{where.shape}",
            )
        if ((where < 0) | (where >= np.array(lengths, np.int64))).any():
            raise ShapeError(name, f"blob {name!r} has shape {shape}: some positions are not in it")
        if channels is None:
            return where, None
        channel = np.asarray(channels, np.int64)
        if ((channel < 0) | (channel >= n_channels(shape))).any():
            raise ShapeError(name, f"blob {name!r} has shape {shape}: channels are 0 to {n_channels(shape) - 1}")
        batch = np.broadcast(where[..., 0], channel).shape if where.shape[-1] else channel.shape
        return np.broadcast_to(where, (*batch, where.shape[-1])), np.broadcast_to(channel, batch)

    def _length(self, value: Value, axis: int) -> int:
        """Number of positions of a top along a spatial axis; 1 if it has no such axis."""
        shape = self.dag.shape(value) or ()
        return shape[axis + 2] if axis + 2 < len(shape) else 1

    # -- the pass over the layers ------------------------------------------------------------------------------------

    def _all_runs(self, clipped: bool) -> dict[Value, dict[Value, Runs]]:
        """The fields of every top, for every input that it depends on."""
        if clipped not in self._runs:
            self._runs[clipped] = self._compute(clipped)
        return self._runs[clipped]

    def _compute(self, clipped: bool) -> dict[Value, dict[Value, Runs]]:
        """Go through the layers in order."""
        result: dict[Value, dict[Value, Runs]] = {}
        for value in self.dag.inputs:
            shape = self.dag.shape(value)
            if shape is not None:
                sizes = image_sizes(shape)
                # Axes of the same length share a table, and all that is made of it.
                tables = {size: Intervals.pixels(size, clipped=clipped) for size in sizes}
                box = tuple(tables[size] for size in sizes)
                result[value] = {value: ((n_channels(shape), (box,)),)}
        for index, layer in enumerate(self.dag.layers):
            for number in range(len(layer.tops)):
                result.setdefault((index, number), {})
            for layer_field in layer.fields:
                top, bottom = (index, layer_field.top), layer.sources[layer_field.bottom]
                for source, runs in result[bottom].items():
                    seen = self._seen(layer_field, top, bottom, source, runs, clipped)
                    before = result[top].get(source)
                    result[top][source] = self._united(before, seen, top) if before else seen
        return result

    def _seen(
        self, layer_field: LayerField, top: Value, bottom: Value, source: Value, runs: Runs, clipped: bool
    ) -> Runs:
        """What a top sees of an input through one of its bottoms."""
        bottom_shape, top_shape = self.dag.shape(bottom) or (), self.dag.shape(top) or ()
        sizes = image_sizes(self.dag.shape(source))
        lengths = tuple(self._length(top, axis) for axis in range(len(sizes)))
        moved: dict[int, Field] = {}
        shown: dict[tuple[int, Window | None, int, int], Intervals] = {}

        def show(axis: int, table: Intervals) -> Intervals:
            """The table of one axis, through the layer's window there; one for axes that are alike."""
            has_axis = axis + 2 < len(bottom_shape)
            window, length = layer_field.axes[axis] if has_axis else None, lengths[axis]
            key = id(table), window, length, sizes[axis]
            if key not in shown:
                if window is not None:
                    shown[key] = table.through(window, length)
                elif clipped:
                    shown[key] = table.hull(length)
                elif not has_axis or table.is_constant:
                    shown[key] = table
                else:
                    shown[key] = Intervals.constant(0, sizes[axis])
            return shown[key]

        def move(field: Field) -> Field:
            """The fields of the bottom, through the layer's windows; the same ones where nothing changes."""
            if id(field) not in moved:
                boxes = tuple(tuple(show(axis, table) for axis, table in enumerate(box)) for box in field)
                is_same = all(a is b for box, other in zip(boxes, field) for a, b in zip(box, other))
                moved[id(field)] = field if is_same else boxes
            return moved[id(field)]

        runs = tuple((count, move(field)) for count, field in runs)
        return through_channels(layer_field.channels, runs, n_channels(top_shape), lengths)

    def _united(self, first: Runs, second: Runs, top: Value) -> Runs:
        """What a top sees through either of two bottoms."""
        axes = range(max(len(box) for _, field in first + second for box in field or ((),)))
        lengths = tuple(self._length(top, axis) for axis in axes)
        result = []
        for start, end in pieces(borders_of(first) | borders_of(second)):
            field = union([field_at(first, start), field_at(second, start)], lengths)
            result.append((end - start, field))
        return merged(result)


def _summarize(table: Intervals, size: int) -> tuple[int, float | None, float | None, bool]:
    """Size, stride, offset along one axis, and whether it is all of the image."""
    seen = table.last > table.first
    if not seen.any():
        return 0, None, None, False
    extent = int((table.last - table.first)[seen].max())
    if table.is_constant:
        is_whole = int(table.first[0]) <= 0 and int(table.last[0]) >= size
        return extent, None, float(table.first[0] + table.last[0] - 1) / 2, is_whole
    centres = (table.first + table.last - 1)[seen] / 2
    if table.shift is None:
        return extent, None, float(centres[0]), False
    stride = table.shift / len(table.first)
    offset = float(np.mean(centres - np.flatnonzero(seen) * stride))
    return extent, stride, offset, False
