"""Layers that forks have under a name of their own, and that Caffe 1.0 has as well."""

from __future__ import annotations

from typing import Any

#: A convolution of each channel by itself, which the forks compute faster; the weights are the same.
DEPTHWISE = ("ConvolutionDepthwise", "DepthwiseConvolution", "DepthwiseConv")


def replace_aliases(net: Any) -> list[str]:
    """Give layers the name that Caffe 1.0 has for what they compute.

    Parameters
    ----------
    net : NetParameter
        Upgraded in place.

    Returns
    -------
    list of str
        One sentence per layer type that changed.
    """
    counts: dict[str, int] = {}
    for layer in net.layer:
        if layer.type in DEPTHWISE:
            counts[layer.type] = counts.get(layer.type, 0) + 1
            layer.type = "Convolution"
            if not layer.convolution_param.HasField("group"):
                layer.convolution_param.group = layer.convolution_param.num_output
    return [
        f"{count} layer{'s' * (count != 1)} of type {name} of a fork became Convolution with a group for each channel"
        for name, count in counts.items()
    ]
