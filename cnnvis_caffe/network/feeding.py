"""Finds where a network takes its images and labels, and makes the same network fed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime.filter_net import network_of_phase


@dataclass(frozen=True)
class Feeding:
    """Where a network takes its data in the TEST phase.

    Attributes
    ----------
    image_blob : str
    label_blobs : tuple of str
        Everything else that comes from outside, one value an image.
    shape : (int, int, int) or None
        Channels, height and width of the images; None where only the data say.
    data_layer : LayerParameter or None
        The layer that would read them from disk; None for Input layers.
    """

    image_blob: str
    label_blobs: tuple[str, ...]
    shape: tuple[int, int, int] | None
    data_layer: Any


def test_layers(network: NetworkFile, stages: Sequence[str] = ()) -> NetworkFile:
    """Return the layers of the TEST phase, without rules.

    Parameters
    ----------
    network : NetworkFile
    stages : sequence of str, optional
        For the layers' stage rules.

    Returns
    -------
    NetworkFile
    """
    message = network_of_phase(network, schema.TEST, stages=stages)
    for layer in message.layer:
        del layer.include[:], layer.exclude[:]
    message.ClearField("state")
    return replace(network, message=message)


def find_feeding(network: NetworkFile) -> Feeding:
    """Find where a network takes images and labels.

    Parameters
    ----------
    network : NetworkFile
        What `test_layers` gives.

    Returns
    -------
    Feeding

    Raises
    ------
    NetError
        If it takes none in the TEST phase, or images in several places.
    """
    sources = [layer for layer in network.message.layer if not layer.bottom and _may_give_images(layer)]
    data = [layer for layer in sources if facts_of(layer.type).reads_data]
    if len(data) > 1:
        names = ", ".join(repr(layer.name) for layer in data)
        raise NetError(f"{network.path}: reads data in several places ({names}); one is allowed")
    if data:
        (layer,) = data
        if not layer.top:
            raise NetError(f"{network.path}: layer {layer.name!r} gives no data")
        others = [top for other in sources if other is not layer for top in other.top]
        return Feeding(layer.top[0], (*layer.top[1:], *others), _shape_of(layer), layer)
    shapes = {
        top: tuple(layer.input_param.shape[min(i, len(layer.input_param.shape) - 1)].dim)
        for layer in sources
        if layer.type == "Input" and layer.input_param.shape
        for i, top in enumerate(layer.top)
    }
    images = [top for top, shape in shapes.items() if len(shape) == 4 and shape[1] > 0]
    # A label may be written as Nx1x1x1.
    large = [top for top in images if shapes[top][1:] != (1, 1, 1)] or images
    # And masks are no images, though they have their shape.
    large = [top for top in large if not _is_only_compared(network, top)] or large
    if not large:
        raise NetError(f"{network.path}: takes no images (N x C x H x W) in its TEST phase")
    if len(large) > 1:
        raise NetError(f"{network.path}: takes images in several places ({', '.join(large)}); one is allowed")
    _, channels, height, width = shapes[large[0]]
    return Feeding(large[0], tuple(top for top in shapes if top != large[0]), (channels, height, width), None)


def _is_only_compared(network: NetworkFile, blob: str) -> bool:
    """Whether losses and what judges scores read a blob, and nothing else does."""
    readers = [(layer, number) for layer in network.message.layer for number, b in enumerate(layer.bottom) if b == blob]
    return bool(readers) and all(
        number and (facts_of(layer.type).is_loss or facts_of(layer.type).judges_scores) for layer, number in readers
    )


def _may_give_images(layer: Any) -> bool:
    """Whether a layer without bottoms brings something from outside."""
    return facts_of(layer.type).source not in ("constants", "parameter")


def _shape_of(layer: Any) -> tuple[int, int, int] | None:
    """What a data layer says about the shape of its images, if it is all."""
    if layer.type == "MemoryData":
        param = layer.memory_data_param
        return param.channels, param.height, param.width
    return None


def feed_by_hand(
    network: NetworkFile, feeding: Feeding, shape: tuple[int, int, int], n_images: int
) -> NetworkFile:
    """Replace whatever gives images and labels by Input layers.

    Parameters
    ----------
    network : NetworkFile
        What `test_layers` gives.
    feeding : Feeding
    shape : (int, int, int)
        Channels, height and width of the images.
    n_images : int
        In a batch.

    Returns
    -------
    NetworkFile
    """
    message = type(network.message)()
    message.CopyFrom(network.message)
    del message.layer[:]
    fed = {feeding.image_blob, *feeding.label_blobs}
    for layer in network.message.layer:
        if layer.bottom or not fed.intersection(layer.top):
            message.layer.add().CopyFrom(layer)
            continue
        dims = [list(item.dim) for item in layer.input_param.shape] if layer.type == "Input" else []
        for number, top in enumerate(layer.top):
            added = message.layer.add()
            added.name, added.type = (layer.name if len(layer.top) == 1 else top), "Input"
            added.top[:] = [top]
            old = dims[min(number, len(dims) - 1)] if dims else [n_images]
            added.input_param.shape.add().dim[:] = (
                [n_images, *shape] if top == feeding.image_blob else [n_images, *old[1:]]
            )
    return replace(network, message=message)


def find_label(network: NetworkFile) -> str:
    """Return the blob with the labels.

    Parameters
    ----------
    network : NetworkFile
        What `analysis_network` gives.

    Returns
    -------
    str
        The input that the last loss reads as its labels.

    Raises
    ------
    NetError
        If no loss reads one.
    """
    inputs = {top for layer in network.message.layer if layer.type == "Input" for top in layer.top}
    for layer in reversed(network.message.layer):
        facts = facts_of(layer.type)
        place = 2 if layer.type == "ContrastiveLoss" else 1
        if facts.is_loss and len(layer.bottom) > place and layer.bottom[place] in inputs:
            return str(layer.bottom[place])
    raise NetError(f"{network.path}: no loss reads labels, so that nothing can be said about classes")
