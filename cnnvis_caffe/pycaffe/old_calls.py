"""Calls of `Net` that Caffe 1.0 does not have: those of 2014, and those of the Deep Visualization Toolbox's fork."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.npy import read_npy
from cnnvis_caffe.pycaffe.io import Transformer
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.faces import Blob
from cnnvis_caffe.runtime.net import Net


class OldCalls:
    """What old scripts call on a net, in terms of what there is today.

    Notes
    -----
    Follows `python/caffe/pycaffe.py` of July 2014 and of the fork of Yosinski et al. (2015).
    """

    # What the class of today has, on which these calls stand.
    runtime_net: Net
    blobs: OrderedDict[str, Blob]
    inputs: list[str]
    top_names: OrderedDict[str, list[str]]
    _layer_index: Callable[[str, int], int]
    _backward: Callable[[int, int], None]
    _backward_arrays: Callable[..., dict[str, np.ndarray]]

    # -- 2013 and 2014 -------------------------------------------------------------------------------------------

    def set_phase_test(self) -> None:
        """Accept what the net is already: a net has its phase from the beginning, ``Net(file, caffe.TEST)``."""
        self._check_phase(schema.TEST)

    def set_phase_train(self) -> None:
        """Accept what the net is already: a net has its phase from the beginning, ``Net(file, caffe.TRAIN)``."""
        self._check_phase(schema.TRAIN)

    def _check_phase(self, phase: int) -> None:
        """Refuse another phase than the net's."""
        if phase != self.runtime_net.phase:
            wanted, found = schema.Phase.Name(phase), schema.Phase.Name(self.runtime_net.phase)
            raise NetError(
                f"{self.runtime_net.path}: this net was made for phase {found}, and a net keeps its phase; "
                f"make it with caffe.Net(file, caffe.{wanted})"
            )

    def set_mode_cpu(self) -> None:
        """Compute on the CPU; today: ``caffe.set_mode_cpu()``."""
        backend.set_mode_cpu()

    def set_mode_gpu(self) -> None:
        """Compute on the GPU; today: ``caffe.set_mode_gpu()``."""
        backend.set_mode_gpu()

    def set_device(self, device_id: int) -> None:
        """Choose the GPU; today: ``caffe.set_device(device_id)``."""
        backend.set_device(device_id)

    def _transformer(self) -> Transformer:
        """What prepares images; made at the first call."""
        if not hasattr(self, "_old_transformer"):
            inputs = {name: self.blobs[name].shape for name in self.inputs}
            self._old_transformer = Transformer(inputs)
            for name in inputs:
                self._old_transformer.set_transpose(name, (2, 0, 1))
        return self._old_transformer

    def set_mean(self, input_: str, mean: Any, mode: str = "elementwise") -> None:
        """Set the mean that `preprocess` subtracts; today: ``caffe.io.Transformer.set_mean``.

        Parameters
        ----------
        input_ : str
            Name of the input.
        mean : ndarray of shape (K, H, W), or str
            Mean image, or the ``.npy`` file that holds it.
        mode : {"elementwise", "channel"}, default="elementwise"
            Subtract the image, or the mean of each channel.
        """
        values = read_npy(mean) if isinstance(mean, str) else np.asarray(mean)
        if mode == "channel":
            values = values.mean((1, 2))
        elif mode != "elementwise":
            raise NetError(f"mode can be 'elementwise' or 'channel', got {mode!r}")
        self._transformer().set_mean(input_, values)

    def set_input_scale(self, input_: str, scale: float) -> None:
        """Set the factor behind the mean; today: ``caffe.io.Transformer.set_input_scale``."""
        self._transformer().set_input_scale(input_, scale)

    def set_raw_scale(self, input_: str, scale: float) -> None:
        """Set the factor before the mean; today: ``caffe.io.Transformer.set_raw_scale``."""
        self._transformer().set_raw_scale(input_, scale)

    def set_channel_swap(self, input_: str, order: Sequence[int]) -> None:
        """Set the order of the channels; today: ``caffe.io.Transformer.set_channel_swap``."""
        self._transformer().set_channel_swap(input_, order)

    def preprocess(self, input_name: str, input_: np.ndarray) -> np.ndarray:
        """Turn an image (H, W, K) into an input (K, H, W); today: ``caffe.io.Transformer.preprocess``."""
        return self._transformer().preprocess(input_name, input_)

    def deprocess(self, input_name: str, input_: np.ndarray) -> np.ndarray:
        """Turn an input back into an image; today: ``caffe.io.Transformer.deprocess``."""
        return self._transformer().deprocess(input_name, input_)

    # -- the Deep Visualization Toolbox --------------------------------------------------------------------------

    def backward_from_layer(
        self, start_name: str, start_diff: np.ndarray, diffs: Sequence[str] | None = None, zero_higher: bool = False
    ) -> dict[str, np.ndarray]:
        """Run backward from a layer whose top gets a gradient.

        Parameters
        ----------
        start_name : str
            Of the layer and of its top.
        start_diff : ndarray
            Gradient of the top.
        diffs : sequence of str, optional
            Blobs whose gradients to return besides those of the inputs.
        zero_higher : bool, default=False
            Set the gradients of all blobs above to zero, so that they do not show those of an earlier pass.

        Returns
        -------
        dict of str to ndarray
        """
        self._begin_at(start_name, start_diff, zero_higher)
        return self._backward_arrays(diffs, {}, start_name)

    def deconv_from_layer(
        self, start_name: str, start_diff: np.ndarray, diffs: Sequence[str] | None = None, zero_higher: bool = False
    ) -> dict[str, np.ndarray]:
        """Project an activation back to the input as a deconvnet does (Zeiler and Fergus 2014).

        As `backward_from_layer`, but a ReLU passes on what is positive of its gradient, whatever its input was.
        """
        start = self._begin_at(start_name, start_diff, zero_higher)
        for index in range(start, -1, -1):
            if self.runtime_net.layers[index].type != "ReLU":
                self._backward(index, index)
                continue
            for top, bottom in zip(self.runtime_net.tops[index], self.runtime_net.bottoms[index]):
                bottom.diff[...] = np.maximum(top.diff, 0)
        return {name: self.blobs[name].diff for name in {*self.inputs, *(diffs or ())}}

    def _begin_at(self, name: str, diff: np.ndarray, zero_higher: bool) -> int:
        """Set the gradient of a layer's top, and of everything above; return the layer's index."""
        start = self._layer_index(name, 0)
        below = {blob for ids in self.runtime_net.top_ids[: start + 1] for blob in ids}
        if zero_higher:
            for number, blob in enumerate(self.runtime_net.blobs):
                if number not in below:
                    blob.clear_diff()
        self.blobs[self.top_names[name][0]].diff[...] = diff
        return start
