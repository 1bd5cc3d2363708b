"""Finds where a network takes its images and labels, and makes the same network fed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    shape : tuple of int or None
        Channels, height and width of the images; of clips channels, frames, height and width. None where only the data
        say.
    data_layer : LayerParameter or None
        The layer that would read them from disk; None for Input layers.
    partner_blob : str
        Where the network takes the second image of a pair, if it has an input for it.
    is_joined_pair : bool
        Whether the two images of a pair lie one behind the other in the channels of the input.
    pair_channels : int
        How many channels each image of such a pair has; 0 where the network does not say it.
    """

    image_blob: str
    label_blobs: tuple[str, ...]
    shape: tuple[int, ...] | None
    data_layer: Any
    partner_blob: str = ""
    is_joined_pair: bool = False
    pair_channels: int = 0

    @property
    def takes_pairs(self) -> bool:
        """Whether the network takes two images at once."""
        return bool(self.partner_blob) or self.is_joined_pair


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


def find_feeding(network: NetworkFile, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Feeding:
    """Find where a network takes images and labels.

    Parameters
    ----------
    network : NetworkFile
        What `test_layers` gives.
    shapes : mapping of str to tuple of int, optional
        That the user states of inputs, with the axis of the batch.

    Returns
    -------
    Feeding

    Raises
    ------
    NetError
        If it takes none in the TEST phase, or images in more than two places.
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
        elsewhere = [top for other in sources if other is not layer for top in other.top]
        shape = (shapes or {}).get(layer.top[0], ())[1:] or _shape_of(layer)
        return Feeding(
            layer.top[0], (*layer.top[1:], *elsewhere), shape, layer, "", *_sliced_in_two(network, layer.top[0], shape)
        )
    found = {
        top: tuple(layer.input_param.shape[min(i, len(layer.input_param.shape) - 1)].dim)
        for layer in sources
        if layer.type == "Input" and layer.input_param.shape
        for i, top in enumerate(layer.top)
    }
    images = [top for top, shape in found.items() if len(shape) in (4, 5) and shape[1] > 0]
    # A label may be written as Nx1x1x1.
    large = [top for top in images if any(length != 1 for length in found[top][1:])] or images
    # And masks are no images, though they have their shape.
    large = [top for top in large if not _is_only_compared(network, top)] or large
    if not large:
        raise NetError(f"{network.path}: takes no images (N x C x H x W) in its TEST phase")
    are_alike = len({found[top][1:] for top in large}) == 1 and len(found[large[0]]) == 4
    if len(large) > 2 or (len(large) == 2 and not are_alike):
        named = ", ".join(f"{top} {'x'.join(map(str, found[top]))}" for top in large)
        raise NetError(f"{network.path}: takes images in several places ({named}); one is allowed, or two of one shape")
    others = tuple(top for top in found if top not in large)
    shape = found[large[0]][1:]
    sliced = _sliced_in_two(network, large[0], shape) if len(large) == 1 else (False, 0)
    return Feeding(large[0], others, shape, None, "".join(large[1:]), *sliced)


def _sliced_in_two(network: NetworkFile, blob: str, shape: tuple[int, ...] | None) -> tuple[bool, int]:
    """Whether the channels of a blob are taken apart into two images, and nobody else reads them; channels of each."""
    readers = [layer for layer in network.message.layer if blob in layer.bottom]
    if len(readers) != 1 or readers[0].type != "Slice" or len(readers[0].top) != 2:
        return False, 0
    param = readers[0].slice_param
    if (param.slice_dim if param.HasField("slice_dim") else param.axis) != 1:
        return False, 0
    of_one = param.slice_point[0] if param.slice_point else shape[0] // 2 if shape else 0
    return (shape is None or shape[0] == 2 * of_one), of_one


def _is_only_compared(network: NetworkFile, blob: str) -> bool:
    """Whether losses and what judges scores read a blob, and nothing else does."""
    readers = [(layer, number) for layer in network.message.layer for number, b in enumerate(layer.bottom) if b == blob]
    return bool(readers) and all(
        number and (facts_of(layer.type).is_loss or facts_of(layer.type).judges_scores) for layer, number in readers
    )


def _may_give_images(layer: Any) -> bool:
    """Whether a layer without bottoms brings something from outside."""
    return facts_of(layer.type).source not in ("constants", "parameter")


def _shape_of(layer: Any) -> tuple[int, ...] | None:
    """What a data layer says about the shape of its images, if it is all."""
    if layer.type == "MemoryData":
        param = layer.memory_data_param
        return param.channels, param.height, param.width
    return None


def feed_by_hand(
    network: NetworkFile, feeding: Feeding, shape: tuple[int, ...], n_images: int
) -> NetworkFile:
    """Replace whatever gives images and labels by Input layers.

    Parameters
    ----------
    network : NetworkFile
        What `test_layers` gives.
    feeding : Feeding
    shape : tuple of int
        Of one item: channels, height and width of an image.
    n_images : int
        In a batch.

    Returns
    -------
    NetworkFile
    """
    message = type(network.message)()
    message.CopyFrom(network.message)
    del message.layer[:]
    images = {feeding.image_blob, feeding.partner_blob}
    fed = {*images, *feeding.label_blobs} - {""}
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
                [n_images, *shape] if top in images else [n_images, *old[1:]]
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
