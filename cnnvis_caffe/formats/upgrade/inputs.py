"""Inputs of the net: from ``input``, ``input_shape`` and ``input_dim`` to a layer of type Input."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema


def inputs_to_layer(net: Any) -> list[str]:
    """Replace the input fields by one layer named ``input`` at the front.

    Parameters
    ----------
    net : NetParameter
        Upgraded in place.

    Returns
    -------
    list of str
        What changed.

    Raises
    ------
    NetError
        If an input has no shape while others do, or ``input_dim`` has fewer than four numbers for each.

    Notes
    -----
    ``UpgradeNetInput`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    if not net.input:
        return []
    names = list(net.input)
    shapes = _input_shapes(net)
    for field in ("input", "input_shape", "input_dim"):
        net.ClearField(field)
    if not shapes:
        # Caffe quirk: weights files of old name the inputs without shapes; such inputs are dropped.
        return [f"inputs of the net dropped, as they have no shape: {', '.join(names)}"]
    layers = [schema.LayerParameter(name="input", type="Input", top=names)]
    for shape in shapes:
        layers[0].input_param.shape.add().dim.extend(shape)
    layers.extend(net.layer)
    net.ClearField("layer")
    net.layer.extend(layers)
    return [f"inputs of the net became the layer 'input' of type Input: {', '.join(names)}"]


def _input_shapes(net: Any) -> list[list[int]]:
    """Return one shape per input, or none at all."""
    count = len(net.input)
    if net.input_shape:
        # Caffe quirk: with input_shape there, input_dim is not looked at.
        if len(net.input_shape) < count:
            raise NetError(f"the net has {count} input but {len(net.input_shape)} input_shape; every input needs one")
        return [list(shape.dim) for shape in net.input_shape[:count]]
    if not net.input_dim:
        return []
    if len(net.input_dim) < 4 * count:
        raise NetError(
            f"the net has {count} input but {len(net.input_dim)} input_dim; every input needs 4 of them, "
            "or write input_shape"
        )
    # Caffe quirk: numbers beyond those of the last input are ignored.
    return [list(net.input_dim[4 * index : 4 * index + 4]) for index in range(count)]
