"""The base of every layer: its life cycle, its parameters, and the checks that Caffe makes around both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from cnnvis_caffe.errors import LayerError, ShapeError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.fillers import fill
from cnnvis_caffe.runtime.rng import default_random


class Layer:
    """Base of all layers: reads its parameters, gives the shapes of its tops, computes.

    A layer type is a subclass in a file of its own in `cnnvis_caffe/runtime/layers`. It may override `setup` (once),
    `reshape` (whenever a shape may have changed), `forward` and `backward`; all but the last two must work without
    PyTorch, because nets are also built only to be looked at.

    Parameters
    ----------
    param : LayerParameter
        The layer as written, with its phase filled in.
    where : str, optional
        What messages begin with, such as ``lenet.prototxt:12: layer 'conv1' (Convolution)``.
    initialize : bool, default=True
        Whether parameters are filled; a net that is only looked at leaves them untouched.

    Attributes
    ----------
    blobs : list of Blob
        The layer's parameters.
    param_propagate_down : list of bool
        Which of them get a gradient.
    loss_weights : list of float
        One for each top.
    needs_backward : bool
        Whether the layer runs backward in its net, and must keep what it needs for that.

    Notes
    -----
    Follows `include/caffe/layer.hpp`.
    """

    #: (smallest, largest) number of bottoms and tops; None means no limit.
    n_bottoms: ClassVar[tuple[int, int | None]] = (1, 1)
    n_tops: ClassVar[tuple[int, int | None]] = (1, 1)
    #: As many tops as bottoms.
    tops_match_bottoms: ClassVar[bool] = False
    #: Missing tops are made by the net, under a name that no other layer can use.
    auto_tops: ClassVar[bool] = False
    #: Loss layers weigh their first top with 1 unless told otherwise.
    is_loss: ClassVar[bool] = False
    #: `reshape` runs before every forward, not only when the shape or memory of some blob has changed.
    always_reshape: ClassVar[bool] = False
    #: Set-up looks into files that need not be here when a net is only looked at.
    reads_files: ClassVar[bool] = False
    #: Several solvers that train together read one stream of data, of which each takes its share.
    deals_by_rank: ClassVar[bool] = False
    #: A GPU may record what the layer computes and compute it again: it keeps nothing from one pass for the next but
    #: in its parameters, and what it computes does not depend on values. False as well where it waits for values.
    can_be_recorded: ClassVar[bool] = True
    #: Bottoms and tops may be the same blob.
    can_be_in_place: ClassVar[bool] = True
    #: Whose the type is, where it is not Caffe 1.0's: the name of the fork.
    fork: ClassVar[str] = ""
    #: Settings that forks have added and the layer takes, such as "permute_param" or "convolution_param.hole".
    fork_settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, param: Any, where: str = "", *, initialize: bool = True) -> None:
        self.param = param
        self.name: str = param.name
        self.type: str = param.type
        self.phase: int = param.phase
        self.where = where or f"layer {param.name!r} ({param.type})"
        self.initialize = initialize
        self.blobs: list[Blob] = []
        self.param_propagate_down: list[bool] = []
        self.loss_weights: list[float] = []
        self.needs_backward = True

    # -- life cycle, overridden by the layer types ---------------------------------------------------------------

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read and check the layer's parameters; make its blobs."""

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the tops their shapes."""
        raise NotImplementedError

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Compute the values of the tops."""
        raise NotImplementedError

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Compute the gradients of the bottoms that want one, and add to those of the parameters."""
        raise self.error("has no backward pass; take it off the path of gradients (propagate_down: false)")

    def allows_force_backward(self, index: int) -> bool:
        """Say whether `force_backward` of the net asks for the gradient of this bottom."""
        return True

    def in_place_quirk(self, backward: bool) -> str | None:
        """Say what Caffe gets wrong when this layer works in place, or None.

        Parameters
        ----------
        backward : bool
            Whether the layer runs backward in its net.
        """
        return None

    # -- called by the net ---------------------------------------------------------------------------------------

    def set_up(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check the numbers of blobs, set the layer up, shape its tops and write the loss weights."""
        self._check_n_blobs(len(bottoms), len(tops))
        if not self.can_be_in_place and any(top is bottom for top in tops for bottom in bottoms):
            raise self.error("cannot work in place; give its top a name of its own")
        self.blobs = [self._blob_from_proto(proto, index) for index, proto in enumerate(self.param.blobs)]
        self.setup(bottoms, tops)
        self.reshape(bottoms, tops)
        self._set_loss_weights(tops)

    # -- help for the layer types --------------------------------------------------------------------------------

    def error(self, message: str) -> LayerError:
        """Return an error that says which layer is meant."""
        return LayerError(self.name, f"{self.where}: {message}")

    def shape_error(self, message: str) -> ShapeError:
        """Return an error about shapes that says which layer is meant."""
        return ShapeError(self.name, f"{self.where}: {message}")

    def axis(self, blob: Blob, index: int, field: str = "axis") -> int:
        """Return the axis of a blob that a possibly negative parameter means."""
        n_axes = len(blob.shape)
        if not -n_axes <= index < n_axes:
            raise self.shape_error(
                f"{field} {index} is out of range for blob {blob.name!r} of shape {blob.shape}; "
                f"{-n_axes} to {n_axes - 1} is allowed"
            )
        return index % n_axes

    def image_shape(self, bottom: Blob) -> tuple[int, int, int, int]:
        """Return N, C, H and W of a bottom, and refuse other shapes."""
        if len(bottom.shape) != 4:
            raise self.shape_error(f"bottom {bottom.name!r} has shape {bottom.shape}; 4 axes (N, C, H, W) are needed")
        n, channels, height, width = bottom.shape
        return n, channels, height, width

    def old_axis(self, blob: Blob, param: Any, old_field: str) -> int:
        """Return the axis that a layer joins or cuts; the field that older networks have knows no negative values."""
        if not param.HasField(old_field):
            return self.axis(blob, param.axis)
        index: int = getattr(param, old_field)
        if index >= len(blob.shape):
            raise self.shape_error(
                f"{old_field} {index} is out of range for blob {blob.name!r} of shape {blob.shape}; "
                f"0 to {len(blob.shape) - 1} is allowed"
            )
        return index

    def make_params(self, *wanted: tuple[tuple[int, ...], Any]) -> None:
        """Make and fill one blob for each (shape, filler), unless the layer came with blobs of its own."""
        if self.blobs:
            # Caffe skips the fillers then; most layers look at the number only.
            if len(self.blobs) != len(wanted):
                raise self.error(f"came with {len(self.blobs)} parameter blobs, needs {len(wanted)}")
            return
        for index, (shape, filler) in enumerate(wanted):
            blob = Blob(shape, name=f"{self.name}[{index}]")
            self.blobs.append(blob)
            if filler is not None and self.initialize:
                self.fill(blob, filler)

    def fill(self, blob: Blob, filler: Any) -> None:
        """Fill a blob as a FillerParameter says."""
        is_zero = filler.type == "constant" and filler.value == 0 and filler.sparse == -1
        if is_zero and blob.count:
            blob._data.zero()  # the largest blobs of a deploy net are not even allocated
        else:
            fill(blob.data, filler, default_random(), f"{self.where}: {blob.name}")

    def _check_n_blobs(self, n_bottoms: int, n_tops: int) -> None:
        """Refuse a wrong number of bottoms or tops."""
        for what, found, (low, high) in (("bottom", n_bottoms, self.n_bottoms), ("top", n_tops, self.n_tops)):
            if found < low or (high is not None and found > high):
                allowed = f"{low}" if high == low else f"{low} or more" if high is None else f"{low} to {high}"
                raise self.error(f"has {found} {what} blob{'s' * (found != 1)}; {allowed} are allowed")
        if self.tops_match_bottoms and n_bottoms != n_tops:
            raise self.error(f"has {n_bottoms} bottoms and {n_tops} tops; it needs as many tops as bottoms")

    def _blob_from_proto(self, proto: Any, index: int) -> Blob:
        """A parameter that is written in the network file itself."""
        legacy = ("num", "channels", "height", "width")
        if any(proto.HasField(field) for field in legacy):
            shape = tuple(getattr(proto, field) for field in legacy)
        else:
            shape = tuple(proto.shape.dim)
        blob = Blob(shape, name=f"{self.name}[{index}]")
        for values, target in (
            (proto.double_data or proto.data, "data"),
            (proto.double_diff or proto.diff, "diff"),
        ):
            if len(values):
                if len(values) != blob.count:
                    raise self.shape_error(f"blob {index} has {len(values)} values for shape {shape}")
                getattr(blob, target)[...] = np.asarray(values, np.float32).reshape(shape)
        return blob

    def _set_loss_weights(self, tops: Sequence[Blob]) -> None:
        """Fill the diff of each weighted top with its weight, where forward and backward look for it."""
        weights = list(self.param.loss_weight)
        if not weights and self.is_loss:
            # Caffe quirk: adds a single weight, saved with the layer, so that a second top needs explicit weights.
            weights = [1.0]
            self.param.loss_weight.append(1.0)
        if weights and len(weights) != len(tops):
            raise self.error(f"has {len(weights)} loss_weight for {len(tops)} tops; give one for each top, or none")
        self.loss_weights = weights or [0.0] * len(tops)
        for top, weight in zip(tops, self.loss_weights):
            if weight and top.count:
                top.diff.fill(weight)


def is_train(layer: Layer) -> bool:
    """Say whether a layer runs in the TRAIN phase."""
    return layer.phase == schema.TRAIN
