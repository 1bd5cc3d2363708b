"""The net: layers wired by blobs, run forward and backward."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnvis_caffe.errors import (
    CaffeQuirkWarning,
    DataSourceError,
    FullMemoryError,
    LayerError,
    MissingDependencyError,
    NetError,
    NonFiniteError,
    UnsupportedLayerError,
)
from cnnvis_caffe.formats import beside, fork_choice
from cnnvis_caffe.formats.python_code import refuse_code
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime import backend, recording
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.backward_plan import plan_backward
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.filter_net import filter_net
from cnnvis_caffe.runtime.insert_splits import insert_splits
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers import create_layer
from cnnvis_caffe.runtime.param_table import ParamTable
from cnnvis_caffe.runtime.place import place_of
from cnnvis_caffe.runtime.setup_log import SetupLog

logger = logging.getLogger(__name__)

AUTOMATIC = "(automatic)"

#: How PyTorch says what it had no memory for.
_ASKED = re.compile(r"allocate (\d+) bytes")


class Net:
    """A Caffe net.

    Parameters
    ----------
    network : NetworkFile
        What was read from a prototxt, upgraded to the current generation.
    phase : int
        `schema.TRAIN` or `schema.TEST`.
    level : int, default=0
        For the layers' min_level and max_level rules.
    stages : sequence of str, optional
        For the layers' stage rules, added to those in the file.
    run : bool, default=True
        False builds a net only to be looked at: parameters are not filled, and layers that cannot be set up (unknown
        types, data that is not here, and what depends on them) are left without shapes and listed in `problems`.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of tops of layers that cannot give them, for a net that is only looked at.
    allow_python_layers : bool, default=False
        Whether the code of Python layers may be run; a net that is only looked at runs none in any case.

    Attributes
    ----------
    name : str
    phase : int
    layers : list of Layer
    layer_names : list of str
    blobs : list of Blob
    blob_names : list of str
        Not unique: tops that a layer makes by itself are all called "(automatic)".
    bottoms, tops : list of list of Blob
        Of each layer.
    bottom_ids, top_ids : list of list of int
        The same as indices into `blobs`.
    input_ids, output_ids : list of int
        Tops of Input layers in order; tops that nobody reads, by byte order of the name.
    params : ParamTable
        All parameters, who owns them and how they learn.
    layer_needs_backward : list of bool
    bottom_needs_backward : list of list of bool
    blob_loss_weights : list of float
    problems : list of str
        What kept layers from being set up, when the net was built only to be looked at.
    check_finite : bool
        Whether NaN and infinity are looked for after each layer.

    Raises
    ------
    LayerError
        If a layer is not as Caffe allows it; the message names file, line, layer and blob.
    ConsentError
        If the net has a Python layer whose code may not be run.

    Notes
    -----
    Follows `src/caffe/net.cpp`.
    """

    def __init__(
        self,
        network: NetworkFile,
        phase: int,
        level: int = 0,
        stages: Sequence[str] = (),
        *,
        run: bool = True,
        input_shapes: Mapping[str, tuple[int, ...]] | None = None,
        allow_python_layers: bool = False,
    ) -> None:
        self.path = network.path
        self.phase = phase
        self.check_finite = False
        self._lines = network.layer_lines
        self._run = run
        self._input_shapes = dict(input_shapes or {})

        self._setup_log = SetupLog(run)
        self.param = self._layers_to_build(network, level, stages, runs_code=not run or allow_python_layers)
        self.name: str = self.param.name

        self.layers: list[Layer] = []
        self.layer_names: list[str] = []
        self.blobs: list[Blob] = []
        self.blob_names: list[str] = []
        self.bottoms: list[list[Blob]] = []
        self.tops: list[list[Blob]] = []
        self.bottom_ids: list[list[int]] = []
        self.top_ids: list[list[int]] = []
        self.input_ids: list[int] = []
        self.blob_loss_weights: list[float] = []
        self.problems: list[str] = []
        self._unshaped: set[int] = set()

        self._blob_id_by_name: dict[str, int] = {}
        unread: set[str] = set()
        for layer_param in self.param.layer:
            self._append_layer(layer_param, unread)
        self.output_ids = [self._blob_id_by_name[name] for name in sorted(unread, key=str.encode)]

        self.layer_needs_backward, self.bottom_needs_backward = plan_backward(self, self._setup_log)
        for layer, needs_backward in zip(self.layers, self.layer_needs_backward):
            layer.needs_backward = needs_backward
        self._has_loss = [any(layer.loss_weights) for layer in self.layers]
        self._n_changes_seen = -1
        self.params = ParamTable(self)
        self._setup_log.outputs([self.blob_names[i] for i in self.output_ids])
        self._warn_of_quirks()

        self.before_forward: list[Callable[[int], Any]] = []
        self.after_forward: list[Callable[[int], Any]] = []
        self.before_backward: list[Callable[[int], Any]] = []
        self.after_backward: list[Callable[[int], Any]] = []

    # -- building ------------------------------------------------------------------------------------------------

    def _layers_to_build(self, network: NetworkFile, level: int, stages: Sequence[str], *, runs_code: bool) -> Any:
        """The layers of the net's phase as a NetParameter: files found, forks chosen, splits inserted."""
        param = type(network.message)()
        param.CopyFrom(network.message)
        beside.find_in_network(param, self.path)
        fork_choice.apply_preference(param)
        param.state.phase = self.phase
        param.state.stage.extend(stages)
        # Caffe quirk: a level in the file is lost, the argument (default 0) always wins.
        if param.state.level != level:
            param.state.level = level
        filtered = filter_net(param, self.path, self._lines)
        if not runs_code:
            refuse_code(filtered, self.path, self._lines)
        self._setup_log.parameters(filtered)
        return insert_splits(filtered, self.path, self._lines)

    def _append_layer(self, param: Any, unread: set[str]) -> None:
        """Make a layer, wire it to its blobs and set it up."""
        if not param.HasField("phase"):
            param.phase = self.phase
        where = self._where(param)
        if param.propagate_down and len(param.propagate_down) != len(param.bottom):
            raise LayerError(
                param.name,
                f"{where}: has {len(param.propagate_down)} propagate_down for {len(param.bottom)} bottoms; "
                "give one for each bottom, or none",
            )
        layer = self._create(param, where)
        bottom_ids = [self._connect_bottom(param, index, unread, where) for index in range(len(param.bottom))]
        top_ids = [self._connect_top(param, index, unread, where) for index in range(len(param.top))]
        n_automatic = max(0, layer.n_tops[0] - len(top_ids)) if layer.auto_tops else 0
        top_ids += [self._new_blob(AUTOMATIC) for _ in range(n_automatic)]
        self._setup_log.layer(param, n_automatic)
        if param.type == "Input":
            self.input_ids += top_ids

        self.layers.append(layer)
        self.layer_names.append(param.name)
        self.bottom_ids.append(bottom_ids)
        self.top_ids.append(top_ids)
        self.bottoms.append([self.blobs[i] for i in bottom_ids])
        self.tops.append([self.blobs[i] for i in top_ids])
        self._set_up(layer)
        self.blob_loss_weights += [0.0] * (len(self.blobs) - len(self.blob_loss_weights))
        for blob_id, weight in zip(top_ids, layer.loss_weights):
            self.blob_loss_weights[blob_id] = weight
        self._setup_log.tops(layer, self.tops[-1])
        if len(param.param) > len(layer.blobs) and self._is_shaped(layer):
            raise layer.error(f"has {len(param.param)} param entries for {len(layer.blobs)} parameter blobs")

    def _create(self, param: Any, where: str) -> Layer:
        """Make a layer; where the net is only looked at, one of any type."""
        own = type(param)()
        own.CopyFrom(param)  # layers may add to their parameters, and the net still needs them as written
        try:
            return create_layer(own, where, initialize=self._run)
        except UnsupportedLayerError as error:
            if self._run:
                raise
            if not self._input_shapes.keys() & set(param.top):
                self.problems.append(str(error))
            return _Unavailable(own, where, initialize=False)

    def _set_up(self, layer: Layer) -> None:
        """Set the newest layer up; where the net is only looked at, as far as shapes are known."""
        bottoms, tops, top_ids = self.bottoms[-1], self.tops[-1], self.top_ids[-1]
        if not self._run:
            lacks_shapes = isinstance(layer, _Unavailable) or any(i in self._unshaped for i in self.bottom_ids[-1])
            if lacks_shapes or (layer.reads_files and tops and all(top.name in self._input_shapes for top in tops)):
                self._take_given_shapes(tops, top_ids)
                return
        try:
            layer.set_up(bottoms, tops)
        except (DataSourceError, MissingDependencyError) as error:
            if self._run or not layer.reads_files:
                raise
            self.problems.append(str(error))
            self._unshaped.update(top_ids)
            return
        self._check_sizes(layer, bottoms, tops)

    def _take_given_shapes(self, tops: Sequence[Blob], top_ids: Sequence[int]) -> None:
        """Shape the tops of a layer that cannot say their shapes; what works in place changes no shape."""
        for top, blob_id in zip(tops, top_ids):
            if top.name in self._input_shapes:
                top.reshape(*self._input_shapes[top.name])
                self._unshaped.discard(blob_id)
            elif blob_id not in self.bottom_ids[-1]:
                self._unshaped.add(blob_id)

    def _check_sizes(self, layer: Layer, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Refuse tops without values, unless a script may still give the net's inputs another shape."""
        # Layers with parameters or loss weights use their tops when they are set up, others not before they run.
        may_change = layer.type == "Input" or any(0 in bottom.shape for bottom in bottoms)
        if may_change and not layer.blobs and not any(layer.loss_weights):
            return
        for top in tops:
            if 0 in top.shape:
                raise layer.shape_error(f"top {top.name!r} would have shape {top.shape}, which holds no values")

    def _is_shaped(self, layer: Layer) -> bool:
        """Whether a layer could be set up."""
        index = len(self.layers) - 1
        ids = self.bottom_ids[index] + self.top_ids[index]
        return not isinstance(layer, _Unavailable) and not any(i in self._unshaped for i in ids)

    def _connect_bottom(self, param: Any, index: int, unread: set[str], where: str) -> int:
        """Find the blob that a layer reads."""
        name = param.bottom[index]
        if name not in unread:
            raise LayerError(
                param.name,
                f"{where}: reads blob {name!r} (bottom {index}), which no earlier layer makes or which an in-place "
                "layer has replaced; check the name and the order of the layers",
            )
        unread.discard(name)
        return self._blob_id_by_name[name]

    def _connect_top(self, param: Any, index: int, unread: set[str], where: str) -> int:
        """Make the blob that a layer writes, or find the one that it writes in place."""
        name = param.top[index]
        in_place = index < len(param.bottom) and param.bottom[index] == name
        if in_place:
            blob_id = self._blob_id_by_name[name]
        elif name in self._blob_id_by_name:
            raise LayerError(
                param.name,
                f"{where}: top blob {name!r} is already made by an earlier layer; give one of them another name, or "
                "make it bottom and top of this layer at the same place to work in place",
            )
        else:
            blob_id = self._blob_id_by_name[name] = self._new_blob(name)
        unread.add(name)
        return blob_id

    def _new_blob(self, name: str) -> int:
        """Add a blob to the net."""
        self.blobs.append(Blob(name=name))
        self.blob_names.append(name)
        return len(self.blobs) - 1

    def _where(self, param: Any) -> str:
        """File, line, name and type of a layer, for messages."""
        return place_of(param, self.path, self._lines)

    def _warn_of_quirks(self) -> None:
        """Warn of layers whose result Caffe gets wrong because they work in place."""
        for index, layer in enumerate(self.layers):
            if set(self.bottom_ids[index]) & set(self.top_ids[index]):
                quirk = layer.in_place_quirk(self.layer_needs_backward[index])
                if quirk:
                    warnings.warn(f"{layer.where}: {quirk}, as in Caffe", CaffeQuirkWarning, stacklevel=3)

    # -- running -------------------------------------------------------------------------------------------------

    def forward(self, start: int = 0, end: int | None = None) -> float:
        """Run the layers from `start` to `end`, both included.

        Returns
        -------
        float
            Sum over those layers of their weighted losses.

        Raises
        ------
        NetError
            If there is no such layer; a net without layers cannot run.
        LayerError
            If a layer cannot run on what it is given.
        """
        end = len(self.layers) - 1 if end is None else end
        self._check_range(start, end)
        return float(self.run_forward(range(start, end + 1)))

    def run_forward(self, indices: Sequence[int]) -> Any:
        """Run some layers forward and wait for nothing.

        Parameters
        ----------
        indices : sequence of int
            Of the layers, in ascending order.

        Returns
        -------
        float or tensor of a single value
            Sum over those layers of their weighted losses.

        Raises
        ------
        LayerError
            If a layer cannot run on what it is given.
        """
        loss: Any = 0.0
        changed_from_outside = False
        with backend.computing():
            for index in indices:
                changed_from_outside |= _call(self.before_forward, index)
                layer, bottoms, tops = self.layers[index], self.bottoms[index], self.tops[index]
                # Caffe reshapes before every forward; nothing comes of it unless some blob has changed.
                if self._n_changes_seen != Blob.n_changes or layer.always_reshape:
                    layer.reshape(bottoms, tops)
                with _FailureExplained(layer):
                    layer.forward(bottoms, tops)
                if self._has_loss[index]:
                    loss = loss + _weighted_loss(layer, tops)
                if self.check_finite:
                    self._check_finite(layer, tops, "value", "forward")
                if self.param.debug_info:
                    self._log_forward(index)
                changed_from_outside |= _call(self.after_forward, index)
        if len(indices) == len(self.layers) and not changed_from_outside:
            self._n_changes_seen = Blob.n_changes
        return loss

    def backward(self, start: int | None = None, end: int = 0) -> None:
        """Run the layers backward from `start` down to `end`, both included.

        Raises
        ------
        NetError
            If there is no such layer; a net without layers cannot run.
        LayerError
            If a layer has no backward pass for what is asked of it.
        """
        start = len(self.layers) - 1 if start is None else start
        self._check_range(end, start)
        with backend.computing():
            for index in range(start, end - 1, -1):
                _call(self.before_backward, index)
                if self.layer_needs_backward[index]:
                    layer, bottoms = self.layers[index], self.bottoms[index]
                    needs = self.bottom_needs_backward[index]
                    with _FailureExplained(layer):
                        layer.backward(self.tops[index], needs, bottoms)
                    if self.check_finite:
                        wanted = [blob for blob, need in zip(bottoms, needs) if need]
                        self._check_finite(layer, [*wanted, *layer.blobs], "grad", "backward")
                    if self.param.debug_info:
                        self._log_backward(index)
                _call(self.after_backward, index)

    def _check_range(self, lowest: int, highest: int) -> None:
        """Refuse layers that are not there."""
        if lowest < 0 or highest >= len(self.layers) or not self.layers:
            raise NetError(
                f"{self.path}: layers {lowest} to {highest} cannot run: the net has {len(self.layers)}"
                + (f", numbered from 0 to {len(self.layers) - 1}" if self.layers else ", none to run")
            )

    def reshape(self) -> None:
        """Bring the shapes of all blobs up to date."""
        for layer, bottoms, tops in zip(self.layers, self.bottoms, self.tops):
            layer.reshape(bottoms, tops)

    def clear_param_diffs(self) -> None:
        """Set the gradients of all learnable parameters to zero."""
        for blob in self.params.learnable:
            blob.clear_diff()

    def _check_finite(self, layer: Layer, blobs: Sequence[Blob], part: str, direction: str) -> None:
        """Name the first layer and blob in which NaN or infinity appears."""
        for blob in blobs:
            values = getattr(blob, part)
            finite = torch.isfinite(values)
            if not bool(finite.all()):
                count = int((~finite).sum())
                raise NonFiniteError(
                    layer.name,
                    blob.name,
                    f"{layer.where}: {direction} gave {count} of {blob.count} values of blob {blob.name!r} that are "
                    f"NaN or infinite; its inputs were finite",
                )

    # -- debug_info ----------------------------------------------------------------------------------------------

    def _log_forward(self, index: int) -> None:
        """Caffe's debug_info lines of one layer's forward."""
        name = self.layer_names[index]
        for blob in self.tops[index]:
            logger.info("    [Forward] Layer %s, top blob %s data: %g", name, blob.name, _mean_abs(blob.value))
        for blob, display_name in zip(self.layers[index].blobs, self.params.display_names[index]):
            logger.info("    [Forward] Layer %s, param blob %s data: %g", name, display_name, _mean_abs(blob.value))

    def _log_backward(self, index: int) -> None:
        """Caffe's debug_info lines of one layer's backward."""
        layer, name = self.layers[index], self.layer_names[index]
        for blob, needs in zip(self.bottoms[index], self.bottom_needs_backward[index]):
            if needs:
                logger.info("    [Backward] Layer %s, bottom blob %s diff: %g", name, blob.name, _mean_abs(blob.grad))
        for number, (blob, wanted) in enumerate(zip(layer.blobs, layer.param_propagate_down)):
            if wanted:
                logger.info("    [Backward] Layer %s, param blob %d diff: %g", name, number, _mean_abs(blob.grad))


class _FailureExplained:
    """Says which layer failed inside PyTorch, and what helps."""

    __slots__ = ("layer",)

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, RuntimeError) and recording.is_recording():
            raise recording.NotRecordedError(f"{self.layer.where}: {str(error).splitlines()[0]}") from error
        if error is not None and isinstance(error, torch.cuda.OutOfMemoryError):
            where, _, _ = self.layer.where.partition(": layer ")
            what = f"layer {self.layer.name!r} ({self.layer.type})"
            raise backend.memory_error(error, where, what) from error
        if isinstance(error, MemoryError) or (type(error) is RuntimeError and "DefaultCPUAllocator" in str(error)):
            found = _ASKED.search(str(error))
            raise FullMemoryError(self.layer.where, int(found.group(1)) if found else 0) from error
        if type(error) is RuntimeError and self.layer.type != "Python":
            # A script that changes shapes between forward and backward gets here; Caffe would read foreign memory.
            raise self.layer.error(
                f"cannot compute with its blobs as they are ({str(error).splitlines()[0]}); "
                "run forward again after changing shapes or contents by hand"
            ) from error


class _Unavailable(Layer):
    """Stands for a layer that can be looked at but not run."""

    n_bottoms = (0, None)
    n_tops = (0, None)


def _call(callbacks: Sequence[Callable[[int], Any]], index: int) -> bool:
    """Call functions with the index of a layer; say whether they changed the shape of some blob."""
    n_changes = Blob.n_changes
    for callback in callbacks:
        callback(index)
    return Blob.n_changes != n_changes


def _weighted_loss(layer: Layer, tops: Sequence[Blob]) -> Any:
    """Sum of a layer's losses; each weight lies in the diff of its top, where a script may have changed it."""
    total: Any = 0.0
    for top, weight in zip(tops, layer.loss_weights):
        if weight:
            total = total + (top.value * top.grad).sum()
    return total


def _mean_abs(tensor: Any) -> float:
    """Mean absolute value of a tensor."""
    return float(tensor.abs().mean())
