"""`Net` as pycaffe knows it: names instead of indices, numpy arrays in and out."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from operator import attrgetter
from typing import Any

import numpy as np

from cnnvis_caffe.errors import NetError, UnknownLayerError
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.pycaffe.old_calls import OldCalls
from cnnvis_caffe.runtime import net as runtime
from cnnvis_caffe.runtime import net_weights
from cnnvis_caffe.runtime.faces import Blob, BlobVec
from cnnvis_caffe.runtime.python_layer import BuiltInLayer, PythonLayer
from cnnvis_caffe.runtime.vectors import DtypeVec, IntVec, StringVec, Vector


class Net(OldCalls):
    """A net that was read from a prototxt.

    Parameters
    ----------
    network_file : str
        A prototxt of any generation.
    phase : int
        `TRAIN` or `TEST`; the old order ``Net(network_file, weights, phase)`` works as well.
    level : int, default=0
        For the layers' min_level and max_level rules.
    stages : sequence of str, optional
        For the layers' stage rules.
    weights : str, optional
        A ``.caffemodel`` or ``.caffemodel.h5`` to start from.

    Raises
    ------
    DataNotFoundError, PrototxtError, CaffemodelError, LayerError, ParamMismatchError
        Where pycaffe would raise, and where Caffe would end the process.

    Notes
    -----
    Follows `python/caffe/pycaffe.py` and `python/caffe/_caffe.cpp`.
    """

    def __init__(
        self,
        network_file: str,
        phase: int | str,
        level: int | None = None,
        stages: Sequence[str] | None = None,
        weights: str | None = None,
    ) -> None:
        if isinstance(phase, (str, os.PathLike)):  # Net(network_file, weights, phase)
            weights, phase, level = os.fspath(phase), level or 0, 0
        network = read_network(network_file, allow_unknown=False)
        # Whoever writes a script means the layers that it comes with, too.
        self._setup(runtime.Net(network, int(phase), level or 0, tuple(stages or ()), allow_python_layers=True))
        if weights is not None:
            self.copy_from(weights)

    @classmethod
    def from_runtime(cls, net: runtime.Net) -> Net:
        """Give a net of the runtime pycaffe's face."""
        face = cls.__new__(cls)
        face._setup(net)
        return face

    def _setup(self, net: runtime.Net) -> None:
        """Name what the runtime numbers."""
        self.runtime_net = net
        self.name = net.name
        self.layers = LayerVec.on([_seen(layer) for layer in net.layers])
        self.blobs: OrderedDict[str, Blob] = OrderedDict(zip(net.blob_names, map(Blob, net.blobs)))
        self.layer_dict: OrderedDict[str, Any] = OrderedDict(zip(net.layer_names, self.layers))
        self.params: OrderedDict[str, BlobVec] = OrderedDict(
            (name, BlobVec.on(layer.blobs)) for name, layer in zip(net.layer_names, net.layers) if layer.blobs
        )
        self.inputs = [net.blob_names[i] for i in net.input_ids]
        self.outputs = [net.blob_names[i] for i in net.output_ids]
        self.top_names = self._names_of(net.top_ids)
        self.bottom_names = self._names_of(net.bottom_ids)

    def _names_of(self, ids: list[list[int]]) -> OrderedDict[str, list[str]]:
        """Names of the blobs of each layer."""
        net = self.runtime_net
        return OrderedDict((name, [net.blob_names[i] for i in row]) for name, row in zip(net.layer_names, ids))

    @property
    def _blobs(self) -> BlobVec:
        """All blobs of the net, in order."""
        return BlobVec.on(list(self.runtime_net.blobs))

    @property
    def _blob_names(self) -> StringVec:
        """Their names."""
        return StringVec.on(list(self.runtime_net.blob_names))

    @property
    def _blob_loss_weights(self) -> DtypeVec:
        """Their loss weights."""
        return DtypeVec.on(list(self.runtime_net.blob_loss_weights))

    @property
    def _layer_names(self) -> StringVec:
        """Names of the layers."""
        return StringVec.on(list(self.runtime_net.layer_names))

    @property
    def _inputs(self) -> IntVec:
        """Indices of the inputs among `_blobs`."""
        return IntVec.on(list(self.runtime_net.input_ids))

    @property
    def _outputs(self) -> IntVec:
        """Indices of the outputs among `_blobs`."""
        return IntVec.on(list(self.runtime_net.output_ids))

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """Loss weight of each blob."""
        return OrderedDict(zip(self.runtime_net.blob_names, self.runtime_net.blob_loss_weights))

    @property
    def check_finite(self) -> bool:
        """Whether each pass looks for NaN and infinity and names the first layer that gives any."""
        return self.runtime_net.check_finite

    @check_finite.setter
    def check_finite(self, wanted: bool) -> None:
        self.runtime_net.check_finite = wanted

    def _top_ids(self, layer_index: int) -> IntVec:
        """Indices of a layer's tops among `_blobs`."""
        return IntVec.on(list(self.runtime_net.top_ids[layer_index]))

    def _bottom_ids(self, layer_index: int) -> IntVec:
        """Indices of a layer's bottoms among `_blobs`."""
        return IntVec.on(list(self.runtime_net.bottom_ids[layer_index]))

    # -- running -------------------------------------------------------------------------------------------------

    def forward(
        self,
        blobs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **kwargs: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Run the net forward.

        Parameters
        ----------
        blobs : sequence of str, optional
            Blobs to return besides the outputs.
        start, end : str, optional
            First and last *layer* to run, both included.
        **kwargs : ndarray
            New values of all inputs, by blob name.

        Returns
        -------
        dict of str to ndarray
            Live views of the outputs, or of the tops of `end`.

        Raises
        ------
        NetError
            If the inputs given are not the net's inputs, or not of its batch size.
        """
        return self._forward_arrays(blobs, kwargs, start, end)

    def backward(
        self,
        diffs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **kwargs: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """Run the net backward.

        Parameters
        ----------
        diffs : sequence of str, optional
            Blobs whose diffs to return besides those of the inputs.
        start, end : str, optional
            Layer to begin with (the last one of the net by default) and layer to end with, both included.
        **kwargs : ndarray
            Diffs of all outputs, by blob name.

        Returns
        -------
        dict of str to ndarray
            Live views of the diffs of the inputs, or of the bottoms of `end`.

        Raises
        ------
        NetError
            If the diffs given are not those of the net's outputs, or not of its batch size.
        """
        return self._backward_arrays(diffs, kwargs, start, end)

    def _forward_arrays(
        self,
        blobs: Sequence[str] | None,
        arrays: Mapping[str, np.ndarray],
        start: str | None = None,
        end: str | None = None,
    ) -> dict[str, np.ndarray]:
        """`forward` for inputs of any name."""
        first = self._layer_index(start, 0)
        last = self._layer_index(end, len(self.layers) - 1)
        names = {*(self.outputs if end is None else self.top_names[end]), *(blobs or ())}
        self._assign(arrays, self.inputs, "data", "input")
        self._forward(first, last)
        return {name: self.blobs[name].data for name in names}

    def _backward_arrays(
        self,
        diffs: Sequence[str] | None,
        arrays: Mapping[str, np.ndarray],
        start: str | None = None,
        end: str | None = None,
    ) -> dict[str, np.ndarray]:
        """`backward` for outputs of any name."""
        first = self._layer_index(start, len(self.layers) - 1)
        last = self._layer_index(end, 0)
        names = {*(self.inputs if end is None else self.bottom_names[end]), *(diffs or ())}
        self._assign(arrays, self.outputs, "diff", "output")
        self._backward(first, last)
        return {name: self.blobs[name].diff for name in names}

    def _assign(self, arrays: Mapping[str, np.ndarray], names: list[str], part: str, what: str) -> None:
        """Copy arrays into the data or diff of the inputs or outputs, all of them or none."""
        if not arrays:
            return
        if set(arrays) != set(names):
            raise NetError(f"arrays are given for {sorted(arrays)}; this net's {what} blobs are {sorted(names)}")
        for name, array in arrays.items():
            shape, given = tuple(self.blobs[name].shape), np.shape(array)
            if shape[:1] != given[:1]:
                raise NetError(f"{what} {name!r} has shape {shape}, the array given {given}: not the batch size")
        for name, array in arrays.items():
            getattr(self.blobs[name], part)[...] = array

    def _layer_index(self, name: str | None, default: int) -> int:
        """Index of the first layer of a name."""
        if name is None:
            return default
        try:
            return self.runtime_net.layer_names.index(name)
        except ValueError:
            raise UnknownLayerError(name, self.runtime_net.layer_names) from None

    def _forward(self, start: int, end: int) -> float:
        """Run layers by index and return their loss."""
        return self.runtime_net.forward(start, end)

    def _backward(self, start: int, end: int) -> None:
        """Run layers backward by index."""
        self.runtime_net.backward(start, end)

    def forward_all(self, blobs: Sequence[str] | None = None, **kwargs: np.ndarray) -> dict[str, np.ndarray]:
        """Run the net forward over any number of images, batch by batch.

        Parameters
        ----------
        blobs : sequence of str, optional
            Blobs to return besides the outputs.
        **kwargs : ndarray of shape (n, ...)
            Values of all inputs.

        Returns
        -------
        dict of str to ndarray of shape (n, ...)
            Copies of the outputs.
        """
        rows: dict[str, list[np.ndarray]] = {name: [] for name in {*self.outputs, *(blobs or ())}}
        for batch in self._batch(kwargs):
            for name, values in self._forward_arrays(blobs, batch).items():
                rows[name].extend(values.copy())
        return _without_padding(rows, kwargs)

    def forward_backward_all(
        self, blobs: Sequence[str] | None = None, diffs: Sequence[str] | None = None, **kwargs: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Run the net forward and backward over any number of images, batch by batch.

        Parameters
        ----------
        blobs, diffs : sequence of str, optional
            What to return besides the outputs and the diffs of the inputs.
        **kwargs : ndarray of shape (n, ...)
            Values of the inputs, and diffs of the outputs or none.

        Returns
        -------
        all_blobs, all_diffs : dict of str to ndarray of shape (n, ...)

        Notes
        -----
        Without diffs of the outputs pycaffe fails on Python 3.7 and later; here it works as it did before.
        """
        all_rows: dict[str, list[np.ndarray]] = {name: [] for name in {*self.outputs, *(blobs or ())}}
        all_diff_rows: dict[str, list[np.ndarray]] = {name: [] for name in {*self.inputs, *(diffs or ())}}
        forward_batches = self._batch({name: kwargs[name] for name in self.inputs if name in kwargs})
        backward_batches = self._batch({name: kwargs[name] for name in self.outputs if name in kwargs})
        no_arrays: dict[str, np.ndarray] = {}
        for inputs, top_diffs in zip_longest(forward_batches, backward_batches, fillvalue=no_arrays):
            for name, values in self._forward_arrays(blobs, inputs).items():
                all_rows[name].extend(values.copy())
            for name, values in self._backward_arrays(diffs, top_diffs).items():
                all_diff_rows[name].extend(values.copy())
        return _without_padding(all_rows, kwargs), _without_padding(all_diff_rows, kwargs)

    def _batch(self, arrays: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        """Cut arrays into batches of the net's size; the last one is padded with zeros."""
        if not arrays:
            return
        n_rows = len(next(iter(arrays.values())))
        size = next(iter(self.blobs.values())).shape[0]
        for first in range(0, n_rows, size):
            batch = {name: array[first : first + size] for name, array in arrays.items()}
            missing = first + size - n_rows
            if missing > 0:
                batch = {
                    name: np.concatenate([rows, np.zeros((missing, *rows.shape[1:]))]) for name, rows in batch.items()
                }
            yield batch

    def reshape(self) -> None:
        """Bring the shapes of all blobs up to date with those of the inputs."""
        self.runtime_net.reshape()

    def clear_param_diffs(self) -> None:
        """Set the gradients of all parameters to zero."""
        self.runtime_net.clear_param_diffs()

    def before_forward(self, function: Callable[[int], Any]) -> None:
        """Call a function with the index of each layer before it runs forward."""
        self.runtime_net.before_forward.append(function)

    def after_forward(self, function: Callable[[int], Any]) -> None:
        """Call a function with the index of each layer after it ran forward."""
        self.runtime_net.after_forward.append(function)

    def before_backward(self, function: Callable[[int], Any]) -> None:
        """Call a function with the index of each layer before it runs backward."""
        self.runtime_net.before_backward.append(function)

    def after_backward(self, function: Callable[[int], Any]) -> None:
        """Call a function with the index of each layer after it ran backward."""
        self.runtime_net.after_backward.append(function)

    def reductions(self) -> Any:
        """Return what reduces its blobs on their device (`runtime.reductions`); real pycaffe has no such thing."""
        from cnnvis_caffe.runtime.reductions import TensorReductions

        return TensorReductions(self.runtime_net)

    # -- weights and data ----------------------------------------------------------------------------------------

    def copy_from(self, weights_file: str) -> None:
        """Load the weights of all layers that have the same name in a ``.caffemodel`` or ``.caffemodel.h5``."""
        net_weights.copy_from(self.runtime_net, os.fspath(weights_file))

    def load_hdf5(self, weights_file: str) -> None:
        """Load weights from a ``.caffemodel.h5``."""
        net_weights.copy_from(self.runtime_net, os.fspath(weights_file))

    def save(self, weights_file: str) -> None:
        """Write all parameters to a binary ``.caffemodel``."""
        net_weights.save(self.runtime_net, os.fspath(weights_file))

    def save_hdf5(self, weights_file: str) -> None:
        """Write all parameters to a ``.caffemodel.h5``."""
        net_weights.save_hdf5(self.runtime_net, os.fspath(weights_file))

    def share_with(self, other: Net) -> None:
        """Use the parameters of another net, layer by layer of the same name."""
        net_weights.share_with(self.runtime_net, other.runtime_net)

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Let the MemoryData layer that begins this net read from two arrays, without copying them.

        Parameters
        ----------
        data : ndarray of shape (n, C, H, W), float32
        labels : ndarray of shape (n,) or (n, 1, 1, 1), float32
        """
        if labels.ndim == 1:
            labels = np.ascontiguousarray(labels[:, np.newaxis, np.newaxis, np.newaxis])
        self._set_input_arrays(data, labels)

    def _set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Check two four-dimensional arrays and hand them to the MemoryData layer."""
        layer: Any = self.runtime_net.layers[0] if self.runtime_net.layers else None
        if layer is None or layer.type != "MemoryData":
            raise RuntimeError("set_input_arrays needs a net whose first layer is of type MemoryData")
        for what, array, shape in (
            ("data", data, (layer.channels, layer.height, layer.width)),
            ("labels", labels, (1, 1, 1)),
        ):
            if array.dtype != np.float32 or not array.flags.c_contiguous or array.shape[1:] != shape:
                raise RuntimeError(
                    f"{what} must be a C-contiguous float32 array of shape (n, {', '.join(map(str, shape))}); "
                    f"got {array.dtype} of shape {array.shape}"
                )
        if len(data) != len(labels):
            raise RuntimeError(f"data has {len(data)} rows, labels {len(labels)}; they must be as many")
        if len(data) % layer.batch_size:
            raise RuntimeError(f"{len(data)} rows are not a multiple of the batch size {layer.batch_size}")
        layer.reset(data, labels, len(data))


class LayerVec(Vector[PythonLayer]):
    """Layers, such as those of a net."""

    __slots__ = ()
    _what = "layers"

    def _stored(self, value: Any) -> PythonLayer:
        if not isinstance(value, PythonLayer):
            raise self._refusal(value)
        return value


class NetVec(Vector[Net]):
    """Nets, such as those that a solver tests."""

    __slots__ = ()
    _what = "nets"

    def _stored(self, value: Any) -> Net:
        if not isinstance(value, Net):
            raise self._refusal(value)
        return value


def _seen(layer: Any) -> PythonLayer:
    """A layer as scripts see it: of one written in Python its author wants to see his own object."""
    return layer.instance if hasattr(layer, "instance") else BuiltInLayer(layer)


def _without_padding(rows: dict[str, list[np.ndarray]], arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Stack rows and drop those that were added to fill the last batch."""
    n_rows = len(next(iter(arrays.values()))) if arrays else 0
    stacked = {name: np.asarray(values) for name, values in rows.items()}
    padding = len(next(iter(stacked.values()))) - n_rows if arrays else 0
    return {name: values[:-padding] if padding else values for name, values in stacked.items()}


# What the module of real pycaffe calls its own parts, from which it puts `Net` together.
izip_longest = zip_longest
_Net_forward, _Net_forward_all = Net.forward, Net.forward_all
_Net_backward, _Net_forward_backward_all = Net.backward, Net.forward_backward_all
_Net_batch, _Net_set_input_arrays = Net._batch, Net.set_input_arrays
_Net_blobs, _Net_blob_loss_weights, _Net_layer_dict, _Net_params, _Net_inputs, _Net_outputs = (
    property(attrgetter(name)) for name in ("blobs", "blob_loss_weights", "layer_dict", "params", "inputs", "outputs")
)


def __getattr__(name: str) -> Any:
    """Real pycaffe's module of this name also holds the solvers, `NCCL` and `Timer`."""
    from cnnvis_caffe.pycaffe import _caffe

    if name in _caffe.__all__:
        return getattr(_caffe, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
