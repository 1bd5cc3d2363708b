"""A network as a graph of layers, with shapes and with what each position of a blob sees of the blobs before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

#: A top: (index of the layer, index of the top). A blob that layers rewrite in place is a new value each time.
Value = tuple[int, int]
Shape = Optional[tuple[int, ...]]


@dataclass(frozen=True)
class Window:
    """What a position of a top sees of a bottom along one axis.

    Position i sees the positions ``i * stride - pad + k * dilation``, k from 0 to ``kernel - 1``; transposed, it
    sees every j with ``j * stride - pad + k * dilation == i``. The default sees the same position.

    Attributes
    ----------
    kernel, stride, pad, dilation : int
    transposed : bool
    within : (int, int) or None
        Only the positions of the top in this half-open range see the bottom at all.
    period : int
        If not 0, i is taken modulo this first.
    """

    kernel: int = 1
    stride: int = 1
    pad: int = 0
    dilation: int = 1
    transposed: bool = False
    within: tuple[int, int] | None = None
    period: int = 0


@dataclass(frozen=True)
class Channels:
    """Which channels (indices on axis 1) of a bottom a channel of a top sees.

    Attributes
    ----------
    kind : {"all", "groups", "near", "from", "tiled"}
        All of them; those of the same group; those at most `size` away; channel c those from c + `offset`; or
        c modulo `size`.
    top_group, bottom_group : int
        Channels in a group, for "groups". The default sees the same channel.
    size, offset : int
    within : (int, int) or None
        Only the channels of the top in this half-open range see the bottom at all.
    """

    kind: str = "groups"
    top_group: int = 1
    bottom_group: int = 1
    size: int = 0
    offset: int = 0
    within: tuple[int, int] | None = None


@dataclass(frozen=True)
class LayerField:
    """The part of a bottom that each position of a top depends on: the receptive field of one layer.

    Attributes
    ----------
    top, bottom : int
        Indices in the layer.
    channels : Channels
    axes : tuple of Window or None
        For each axis of the bottom from axis 2 on; None where every position of the top sees all of the axis.
    is_known : bool
        False where a layer may do what it likes and is only taken to see everything.
    """

    top: int
    bottom: int
    channels: Channels
    axes: tuple[Window | None, ...]
    is_known: bool = True


@dataclass(frozen=True)
class DagParam:
    """A parameter of a layer.

    Attributes
    ----------
    name : str
        As given in the prototxt; empty as a rule.
    shape : tuple of int
    owner : str or None
        The layer whose memory it uses, if it is shared and not its own.
    lr_mult, decay_mult : float
    """

    name: str
    shape: tuple[int, ...]
    owner: str | None
    lr_mult: float
    decay_mult: float

    @property
    def count(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class DagLayer:
    """A layer with its place in the graph.

    Attributes
    ----------
    name, type : str
    settings : str
        What is special about it, in a few words: "64 of 7x7/2 pad 3".
    line : int or None
        One-based, in the prototxt.
    bottoms, tops : tuple of str
        Names of blobs as in the file; tops that the layer makes by itself are called "(automatic)".
    sources : tuple of Value
        Which top each bottom is.
    bottom_shapes, top_shapes : tuple of (tuple of int or None)
        None where the shape is not known.
    params : tuple of DagParam
    loss_weights : tuple of float
        One for each top.
    fields : tuple of LayerField
        Of each pair of a top and a bottom that it depends on; empty when shapes are not known.
    """

    name: str
    type: str
    settings: str
    line: int | None
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    sources: tuple[Value, ...]
    bottom_shapes: tuple[Shape, ...]
    top_shapes: tuple[Shape, ...]
    params: tuple[DagParam, ...]
    loss_weights: tuple[float, ...]
    fields: tuple[LayerField, ...]

    @property
    def is_shaped(self) -> bool:
        """Whether the shapes of all its tops are known."""
        return all(shape is not None for shape in self.top_shapes)

    def is_in_place(self, top: int) -> bool:
        """Say whether a top overwrites the bottom at the same place."""
        return top < len(self.bottoms) and self.bottoms[top] == self.tops[top]


@dataclass(frozen=True)
class Dag:
    """A network as a graph, for one phase and without the Split layers that Caffe puts in.

    Attributes
    ----------
    name, path : str
    phase : {"TRAIN", "TEST"}
    layers : tuple of DagLayer
        In the order in which they run.
    inputs : tuple of Value
        What comes from outside: tops of layers without bottoms.
    outputs : tuple of Value
        What no layer reads, in byte order of the blobs' names.
    n_splits : int
        How many Split layers Caffe puts in.
    problems : tuple of str
        Layers that could not be set up, and why.
    """

    name: str
    path: str
    phase: str
    layers: tuple[DagLayer, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    n_splits: int
    problems: tuple[str, ...]

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Pairs (layer, layer that reads one of its tops), by index, sorted and each once."""
        found = {(source[0], index) for index, layer in enumerate(self.layers) for source in layer.sources}
        return tuple(sorted(found))

    def shape(self, value: Value) -> Shape:
        """Return the shape of a top."""
        return self.layers[value[0]].top_shapes[value[1]]

    def blob_name(self, value: Value) -> str:
        """Return the name of the blob that holds a top."""
        return self.layers[value[0]].tops[value[1]]
