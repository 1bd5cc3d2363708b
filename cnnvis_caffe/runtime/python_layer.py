"""The base class of layers that users write in Python; pycaffe calls it `Layer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.runtime.blob import Blob as RuntimeBlob
from cnnvis_caffe.runtime.faces import Blob, BlobVec
from cnnvis_caffe.runtime.layer import Layer


class PythonLayer:
    """A layer written in Python: derive from it and define the four methods below.

    Parameters
    ----------
    param : LayerParameter, optional
        The layer as written in the net.

    Attributes
    ----------
    param_str : str
        From python_param, known before `setup` runs.
    phase : int
        TRAIN or TEST, known before `setup` runs.
    blobs : BlobVec
        Parameters; make them in `setup` with ``self.blobs.add_blob(*shape)``. They are saved and trained.
    type : str

    Notes
    -----
    Follows `include/caffe/layers/python_layer.hpp`.
    """

    param_str = ""
    phase = 0
    type = "Python"

    def __init__(self, param: Any = None) -> None:
        self._param_blobs: list[RuntimeBlob] = []

    @property
    def blobs(self) -> BlobVec:
        """Parameters."""
        return BlobVec.on(self._param_blobs)

    @property
    def param_str_(self) -> str:
        """The name that `param_str` had in 2015."""
        return self.param_str

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read `param_str`, check the blobs, make parameters; runs once."""
        self._miss("setup")

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops their shapes; runs before every forward."""
        self._miss("reshape")

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Fill ``top[i].data`` from ``bottom[i].data``."""
        self._miss("forward")

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Fill ``bottom[i].diff`` where ``propagate_down[i]``, and add to ``self.blobs[j].diff``."""
        self._miss("backward")

    def _miss(self, method: str) -> NoReturn:
        """Say which method is missing."""
        name = type(self).__qualname__
        raise LayerError(
            name,
            f"class {name!r} of module {type(self).__module__!r} has no method {method!r}, which was called "
            "now; a Python layer defines setup, reshape, forward and (if it gets a gradient) backward",
        )


class BuiltInLayer(PythonLayer):
    """A layer of the runtime, as scripts find it in a net.

    Parameters
    ----------
    runtime_layer : Layer

    Attributes
    ----------
    runtime_layer : Layer
        What this shows.
    """

    def __init__(self, runtime_layer: Layer) -> None:
        self.runtime_layer = runtime_layer

    @property
    def type(self) -> str:  # type: ignore[override]
        """Type of the layer."""
        return self.runtime_layer.type

    @property
    def blobs(self) -> BlobVec:
        """Parameters; what is done to the vector is done to the layer."""
        return BlobVec.on(self.runtime_layer.blobs)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Set the layer up once more, on blobs of the script's choice."""
        self.runtime_layer.setup([blob.runtime_blob for blob in bottom], [blob.runtime_blob for blob in top])

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops their shapes."""
        self.runtime_layer.reshape([blob.runtime_blob for blob in bottom], [blob.runtime_blob for blob in top])
