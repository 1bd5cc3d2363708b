"""Rules that say how the neurons of a layer's top come from those of its bottoms.

A rule takes a top of a layer whose shapes are known. Connections between neurons are followed through the links.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnvis_caffe.records.dag import DagLayer


@dataclass(frozen=True)
class NodeTop:
    """A top of a layer, while its node is made.

    Attributes
    ----------
    layer : DagLayer
    param : LayerParameter
        Of the same layer.
    number : int
        Of the top in the layer.
    """

    layer: DagLayer
    param: Any
    number: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the top."""
        return self.layer.top_shapes[self.number] or ()

    @property
    def bottom(self) -> tuple[int, ...]:
        """Shape of the first bottom."""
        return self.layer.bottom_shapes[0] or ()


@dataclass(frozen=True)
class NeuronLink:
    """How the neurons of a top come from those of the bottoms.

    Attributes
    ----------
    kind : str
        One of `NODE_KINDS`.
    bottoms : tuple of int or None
        Indices of the bottoms that it comes from; None for all.
    more : mapping of str to object
        Further attributes of `Node`, such as the coefficients of a sum.
    """

    kind: str
    bottoms: tuple[int, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


LinkRule = Callable[[NodeTop], NeuronLink]


def identity(top: NodeTop) -> NeuronLink:
    """Neuron i of the top comes from neuron i of the first bottom."""
    return NeuronLink("identity", (0,))


def other(top: NodeTop) -> NeuronLink:
    """Connections end here."""
    return NeuronLink("other")


def convolution(top: NodeTop) -> NeuronLink:
    """Each top has its own bottom."""
    axis = top.param.convolution_param.axis % max(len(top.bottom), 1)
    if axis != 1:
        return NeuronLink("other", (top.number,))
    return NeuronLink("weights", (top.number,), {"transposed": top.layer.type == "Deconvolution"})


def inner_product(top: NodeTop) -> NeuronLink:
    """Weights, if the axis of the neurons is mixed."""
    param = top.param.inner_product_param
    if param.axis % max(len(top.bottom), 1) != 1:
        return NeuronLink("other")
    return NeuronLink("weights", more={"transposed": param.transpose})


def pooling(top: NodeTop) -> NeuronLink:
    """Channel by channel; a second top holds places."""
    return NeuronLink("identity" if top.number == 0 else "other")


def batch_norm(top: NodeTop) -> NeuronLink:
    """A factor from the running statistics; the batch's own only change sizes."""
    param = top.param.batch_norm_param
    if param.HasField("use_global_stats") and not param.use_global_stats:
        return NeuronLink("identity")
    return NeuronLink("scale", more={"epsilon": param.eps})


def scale(top: NodeTop) -> NeuronLink:
    """A learned factor for each neuron, or one for all."""
    layer = top.layer
    if len(layer.bottoms) > 1:
        return NeuronLink("other")
    is_scalar = not layer.params[0].shape
    axis = top.param.scale_param.axis % max(len(top.bottom), 1)
    return NeuronLink("scale" if is_scalar or axis == 1 else "other")


def bias(top: NodeTop) -> NeuronLink:
    """A value is added, which changes no connection."""
    return NeuronLink("identity" if len(top.layer.bottoms) == 1 else "other")


def power(top: NodeTop) -> NeuronLink:
    """A factor where the power is 1."""
    param = top.param.power_param
    if param.power == 1:
        return NeuronLink("sum", more={"coefficients": (float(param.scale),)})
    return NeuronLink("identity")


def eltwise(top: NodeTop) -> NeuronLink:
    """A sum with coefficients; a product or a maximum is not linear."""
    param = top.param.eltwise_param
    if param.operation != param.SUM:
        return NeuronLink("other")
    coefficients = tuple(float(c) for c in param.coeff) or (1.0,) * len(top.layer.bottoms)
    return NeuronLink("sum", more={"coefficients": coefficients})


def concat(top: NodeTop) -> NeuronLink:
    """One bottom behind the other, if along the axis of the neurons."""
    param = top.param.concat_param
    axis = param.concat_dim if param.HasField("concat_dim") else param.axis
    return NeuronLink("concat" if axis % max(len(top.bottom), 1) == 1 else "other")


def slice_(top: NodeTop) -> NeuronLink:
    """A part of the neurons, or of the positions."""
    param = top.param.slice_param
    axis = (param.slice_dim if param.HasField("slice_dim") else param.axis) % max(len(top.bottom), 1)
    if axis == 1:
        before = top.layer.top_shapes[: top.number]
        return NeuronLink("slice", more={"offset": sum(shape[1] for shape in before if shape is not None)})
    return NeuronLink("identity" if axis > 1 else "other")


def crop(top: NodeTop) -> NeuronLink:
    """A part of the first bottom; of the second only the shape counts."""
    param = top.param.crop_param
    axis = param.axis % max(len(top.bottom), 1)
    if axis > 1:
        return NeuronLink("identity", (0,))
    if axis < 1:
        return NeuronLink("other", (0,))
    return NeuronLink("slice", (0,), {"offset": param.offset[0] if param.offset else 0})


def reshaped(top: NodeTop) -> NeuronLink:
    """Flatten and Reshape: positions become neurons, or nothing happens to the neurons."""
    before, after = top.bottom, top.shape
    if len(before) < 2 or len(after) < 2 or before[0] != after[0]:
        return NeuronLink("other")
    if before[1] == after[1]:
        return NeuronLink("identity")
    n_positions = math.prod(before[2:])
    if after[1] == before[1] * n_positions:
        return NeuronLink("repeat", more={"factor": n_positions})
    return NeuronLink("other")


def tile(top: NodeTop) -> NeuronLink:
    """Positions are repeated, or neurons."""
    return NeuronLink("identity" if top.param.tile_param.axis % max(len(top.bottom), 1) > 1 else "other")


# -- tops whose second axis is not that of neurons -------------------------------------------------------------------

#: Shape and number of a top.
NoNeuronsRule = Callable[["tuple[int, ...]", int], str]


def has_neurons(shape: tuple[int, ...], number: int) -> str:
    """Say nothing: the shape decides."""
    return ""


def recurrent_top(shape: tuple[int, ...], number: int) -> str:
    """Refuse all tops."""
    return "its first axis is time"


def embedded(shape: tuple[int, ...], number: int) -> str:
    """Refuse tops with more axes than images and neurons."""
    return "its second axis is not that of neurons" if len(shape) > 2 else ""


def parameter(shape: tuple[int, ...], number: int) -> str:
    """Refuse all tops."""
    return "it is a parameter"


def pooled(shape: tuple[int, ...], number: int) -> str:
    """Refuse the second top."""
    return "it holds places, not activations" if number else ""


def other_images(shape: tuple[int, ...], number: int) -> str:
    """Refuse tops with other images than the bottoms, or the same in another order."""
    return "it holds a choice of the images"
