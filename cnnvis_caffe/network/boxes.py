"""The part of a detection network that stands before its heads."""

from __future__ import annotations

from cnnvis_caffe.network.answers import without_layers
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.network_file import NetworkFile


def before_the_heads(network: NetworkFile) -> NetworkFile:
    """Return a detection network without what makes boxes.

    Parameters
    ----------
    network : NetworkFile
        The layers of one phase.

    Returns
    -------
    NetworkFile
        Without layers that make or compare boxes, and without the convolutions whose channels are turned into boxes
        and scores by a Permute, with all that depends on them.
    """
    layers = network.message.layer
    turned = {layer.bottom[0] for layer in layers if layer.type == "Permute" and layer.bottom}
    elsewhere = {blob for layer in layers if layer.type != "Permute" for blob in layer.bottom}
    heads = [
        layer.name
        for layer in layers
        if layer.type == "Permute" or (turned.intersection(layer.top) and not elsewhere.intersection(layer.top))
    ]
    return without_layers(network, [*heads, *(layer.name for layer in layers if facts_of(layer.type).handles_boxes)])
