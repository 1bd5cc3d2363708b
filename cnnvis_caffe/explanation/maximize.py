"""Makes images that neurons of a layer respond to most, and turns them into pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.explanation.bare_network import BareNetwork
from cnnvis_caffe.features.explain.maximize import MaximizeOptions
from cnnvis_caffe.features.explain.maximize import maximize as climb
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.features.patches import cut
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.experiments import Maximized

__all__ = ["MOST", "MaximizeOptions", "maximize"]

#: Neurons that are shown where nobody names any.
MOST = 24
#: The smallest and the largest value that each option may have.
_LIMITS = {
    "n_steps": (1, 100_000), "rate": (1e-6, 2.0), "decay": (0.0, 0.99), "blur": (0.0, 20.0), "clip": (0.0, 0.99),
    "jitter": (0, 64), "seed": (0, 2**31 - 1),
}  # fmt: skip


def maximize(
    request: Request,
    layer: str,
    neurons: Sequence[int] = (),
    options: MaximizeOptions | None = None,
    progress: Progress = SILENT,
) -> Maximized:
    """Make an image for each of some neurons of a layer.

    Parameters
    ----------
    request : Request
        Network and weights; `data` is not read.
    layer : str
        Of a rectifier, the input is maximised: below zero there would be no way uphill.
    neurons : sequence of int, optional
        The first 24 by default.
    options : MaximizeOptions, optional
    progress : Progress, optional

    Returns
    -------
    Maximized
        Of feature maps, the middle position is maximised, and the picture is what that sees.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, there is no such layer or neuron, or an option is out of its range.
    """
    options = options or MaximizeOptions()
    for field in fields(options):
        least, most = _LIMITS[field.name]
        value = getattr(options, field.name)
        if not least <= value <= most:
            raise CnnvisError(f"{field.name} is {value:g}; it can be {least:g} to {most:g}")
    network = BareNetwork(request)
    node = network.node(layer)
    wrong = [neuron for neuron in neurons if not 0 <= neuron < node.n_neurons]
    if wrong:
        raise CnnvisError(f"{layer} has the neurons 0 to {node.n_neurons - 1}, not {wrong[0]}")
    chosen = list(neurons) or list(range(min(MOST, node.n_neurons)))
    aimed = node.sources[0] if node.role == "rectifier" and node.sources[0] in network.nodes else node.name
    way = WayBack(network.net, network.input_name, aimed, network.slopes)
    middle = tuple(length // 2 for length in node.positions)
    low, high = (network.prepared(np.full((1, *network.shape), value, np.float32))[0] for value in (0.0, 255.0))
    images, activations = climb(
        way, chosen, middle, low, high, options, batch=network.batch, progress=progress
    )  # fmt: skip
    pictures = _pictures(images, low, high, network.preprocessing.channel_order)
    if middle:
        box = network.fields.boxes(node.name, np.array(middle), clipped=True)
        pictures = [cut(picture, box).copy() for picture in pictures]
    return Maximized(
        network.title, node.name, node.n_neurons, tuple(chosen), tuple(pictures), activations[0], activations[1],
        options.n_steps, options.seed,
    )  # fmt: skip


def _pictures(images: np.ndarray, low: np.ndarray, high: np.ndarray, order: str) -> list[np.ndarray]:
    """Inputs of a network as people look at them, (H, W, 3) uint8 RGB."""
    shares = (images - low) / np.where(high == low, 1, high - low)
    if shares.shape[1] == 3:
        shares = shares[:, ::-1] if order == "BGR" else shares
    else:
        shares = np.repeat(shares.mean(1, keepdims=True), 3, 1)
    return list(np.rint(255 * np.clip(shares, 0, 1)).astype(np.uint8).transpose(0, 2, 3, 1))
