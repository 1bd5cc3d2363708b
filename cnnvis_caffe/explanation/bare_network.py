"""A network that is opened without images: for features of images of any geometry, and for images that are made."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.analysis.model import (
    Nets,
    analysed_network,
    automatic_batch,
    network_of_request,
    preprocessing_of,
    shape_of_weights,
)
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.snapshots import find_snapshots
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.errors import NetError, UnknownNameError
from cnnvis_caffe.explanation.kept import identity
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.feeding import find_feeding
from cnnvis_caffe.network.names import value_names
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.network.rewrite import find_score
from cnnvis_caffe.records.analysis import Node


class BareNetwork:
    """A network with its weights, and how its images are prepared.

    Parameters
    ----------
    request : Request
        Network and weights; `data` is not read.
    size : tuple of int, optional
        Height and width of the images, where neither the network nor its weights say it.
    n_channels : int, default=0
        Of the images, for the same.

    Attributes
    ----------
    title, path : str
    shape : (int, int, int)
        Channels, height and width of an image.
    input_name : str
        Blob of the images.
    preprocessing : Preprocessing
    nodes : dict of str to Node
        Those with neurons, by name.
    fields : ReceptiveFields
    batch : int
        Images at once.
    net : Net
        With pycaffe's names and the weights.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, the size of the images is not known, or the network takes another one.
    """

    def __init__(self, request: Request, size: tuple[int, ...] = (), n_channels: int = 0) -> None:
        network = network_of_request(request)
        feeding = find_feeding(network)
        if feeding.takes_pairs or len(feeding.shape or (0, 0, 0)) != 3:
            raise NetError(f"{network.path}: takes clips or pairs; single images are looked at here")
        shape = feeding.shape or shape_of_weights(request, network, feeding)
        if shape is None and size:
            shape = n_channels, size[0], size[1]
        if shape is None:
            raise NetError(
                f"{network.path}: does not say the size of its images, and neither do its weights; give its deploy "
                "prototxt, or to transfer the size (--size 28,28)"
            )
        if size and tuple(size) != shape[1:]:
            raise NetError(
                f"{network.path}: takes images of {shape[1]}x{shape[2]} pixels, not {size[0]}x{size[1]}; leave --size "
                "out"
            )
        self.path, self.shape, self.input_name = network.path, shape, feeding.image_blob
        self.preprocessing: Preprocessing = preprocessing_of(request, network, feeding)
        analysed = analysed_network(network, request, shape)
        self._message = analysed.message
        self._dag = build_dag(analysed)
        self.title = analysed.message.name or request.model
        self.batch = request.batch or automatic_batch(self._dag)
        self.net: Any = Nets(analysed, request).with_weights(find_snapshots(request.weights)[-1])
        self.nodes: dict[str, Node] = {
            node.name: node for node in analysis_nodes(self._dag, analysed) if node.n_neurons
        }
        self.fields = ReceptiveFields(self._dag)
        self._score = request.score

    @property
    def score_name(self) -> str:
        """Blob with the scores of the classes.

        Raises
        ------
        NetError
            If there is none.
        """
        score = find_score(self._dag)
        if score is None:
            raise NetError(f"{self.path}: has no scores of classes; name the layer that gives them (--score)")
        return self._score or value_names(self._dag)[score]

    @property
    def slopes(self) -> dict[str, float]:
        """``negative_slope`` of the ReLU layers, by name."""
        return {node.layer: node.negative_slope for node in self.nodes.values()}

    @property
    def identity(self) -> str:
        """What tells the network with its weights and preparation from others."""
        return identity(self.net, self._message, self.preprocessing)

    def node(self, name: str) -> Node:
        """Return a layer with neurons.

        Parameters
        ----------
        name : str

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        """
        known = {one: node for one, node in self.nodes.items() if node.role != "input"}
        if name not in known:
            raise UnknownNameError("layer with neurons", name, known)
        return known[name]

    def prepared(self, pixels: np.ndarray) -> np.ndarray:
        """Turn images in the network's geometry into its input.

        Parameters
        ----------
        pixels : ndarray of shape (n, C, H, W), uint8 or float32

        Returns
        -------
        ndarray of shape (n, C, H, W), float32
        """
        mean = self.preprocessing.mean_image
        return self.preprocessing.values(pixels, pixels.shape[2:] if mean is None else mean.shape[1:])
