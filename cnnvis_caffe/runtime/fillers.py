"""Initial values of parameters and of dummy data, bit for bit as Caffe fills them.

Notes
-----
Follows `include/caffe/filler.hpp` of BVLC/caffe. All arithmetic is float32 in Caffe's order; draws come from
the `CaffeRandom` that is passed in, so the order of calls decides which values a blob gets.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.rng import CaffeRandom

_F4 = np.float32


def fill(array: np.ndarray, filler_param: schema.FillerParameter, random: CaffeRandom, where: str) -> None:
    """Fill an array in place.

    Parameters
    ----------
    array : ndarray, float32, C-contiguous, writable
        Data of the blob, in the blob's shape: fillers look at it.
    filler_param : FillerParameter
        Type and settings.
    random : CaffeRandom
        Stream to draw from.
    where : str
        What is being filled, to begin error messages with, such as ``layer 'conv1', weight_filler``.

    Raises
    ------
    NetError
        Where Caffe aborts: an unknown type, a setting out of range, `sparse` with another type than
        gaussian, an array without elements or of a shape that the type cannot fill. The array and the stream
        may then have been changed already.
    """
    if array.dtype != _F4 or not array.flags.c_contiguous:
        raise TypeError(f"{where}: fill needs a C-contiguous float32 array, got {array.dtype}")
    function = _FILLERS.get(filler_param.type)
    if function is None:
        raise NetError(
            f"{where}: there is no filler type {filler_param.type!r}; allowed: {', '.join(_FILLERS)}"
        )
    if array.size == 0:
        raise NetError(
            f"{where}: a blob of shape {array.shape} has no elements to fill; make all its axes positive"
        )
    if filler_param.sparse != -1 and filler_param.type != "gaussian":
        raise NetError(
            f"{where}: sparse works with the filler type 'gaussian' only, got sparse {filler_param.sparse} "
            f"with {filler_param.type!r}; remove it or change the type"
        )
    try:
        function(array, filler_param, random)
    except ValueError as error:
        raise NetError(f"{where}: filler type {filler_param.type!r}: {error}") from error


def _constant(array: np.ndarray, param: schema.FillerParameter, random: CaffeRandom) -> None:
    """Set all to one value; draws nothing."""
    array[...] = _F4(param.value)


def _uniform(array: np.ndarray, param: schema.FillerParameter, random: CaffeRandom) -> None:
    """Draw from [min, max]."""
    if not param.min <= param.max:
        raise ValueError(f"min must not exceed max, got min {param.min} and max {param.max}")
    array.reshape(-1)[:] = random.uniform(array.size, param.min, param.max)


def _gaussian(array: np.ndarray, param: schema.FillerParameter, random: CaffeRandom) -> None:
    """Draw from N(mean, std); with sparse, keep about that many values per input."""
    values = array.reshape(-1)
    values[:] = random.gaussian(array.size, param.mean, param.std)
    if param.sparse == -1:
        return
    n_outputs = _first_axis(array)
    if not 0 <= param.sparse <= n_outputs:
        raise ValueError(
            f"sparse must be from 0 to the first axis of the blob ({n_outputs}), got {param.sparse}"
        )
    # Multiplied, not set: dropped negative values become -0.0 as in Caffe.
    values *= random.bernoulli(array.size, float(_F4(param.sparse) / _F4(n_outputs)))


def _positive_unitball(array: np.ndarray, param: schema.FillerParameter, random: CaffeRandom) -> None:
    """Draw from [0, 1], then make each slice along the first axis sum to 1."""
    rows = array.reshape(_first_axis(array), -1)
    rows.reshape(-1)[:] = random.uniform(array.size, 0, 1)
    for row in rows:
        # The running sum adds one by one in float32 as Caffe does; numpy's sum() would add in pairs.
        row /= np.add.accumulate(row)[-1]


def _xavier(array: np.ndarray, param: schema.FillerParameter, random: CaffeRandom) -> None:
    """Draw from a uniform distribution of variance 1 / n."""
    scale = np.sqrt(_F4(3) / _n_connections(array, param))
    array.reshape(-1)[:] = random.uniform(array.size, -scale, scale)


def _msra(array: np.ndarray, param: schema.FillerParameter, random: CaffeRandom) -> None:
    """Draw from a normal distribution of variance 2 / n."""
    std = np.sqrt(_F4(2) / _n_connections(array, param))
    array.reshape(-1)[:] = random.gaussian(array.size, 0, std)


def _bilinear(array: np.ndarray, param: schema.FillerParameter, random: CaffeRandom) -> None:
    """Write the kernel of bilinear interpolation into each channel; draws nothing."""
    if array.ndim != 4 or array.shape[2] != array.shape[3]:
        raise ValueError(f"the blob must have 4 axes and a square kernel, got shape {array.shape}")
    size = array.shape[3]
    factor = math.ceil(size / 2)
    centre = _F4((size - 1) / (2.0 * factor))
    slope = _F4(1) - np.abs(np.arange(size, dtype=_F4) / _F4(factor) - centre)
    array[...] = slope[:, np.newaxis] * slope


def _first_axis(array: np.ndarray) -> int:
    """Return the length of the first axis."""
    if array.ndim == 0:
        raise ValueError("the blob must have at least 1 axis, got a scalar")
    return array.shape[0]


def _n_connections(array: np.ndarray, param: schema.FillerParameter) -> np.float32:
    """Count what xavier and msra divide by, as variance_norm says."""
    fan_in = array.size // _first_axis(array)
    # Caffe quirk: with one axis, such as a bias has, fan_in is 1 and fan_out the number of elements.
    fan_out = array.size // array.shape[1] if array.ndim > 1 else array.size
    if param.variance_norm == schema.FillerParameter.FAN_OUT:
        return _F4(fan_out)
    if param.variance_norm == schema.FillerParameter.AVERAGE:
        return _F4(fan_in + fan_out) / _F4(2)
    return _F4(fan_in)


_FILLERS: dict[str, Callable[[np.ndarray, schema.FillerParameter, CaffeRandom], None]] = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "positive_unitball": _positive_unitball,
    "xavier": _xavier,
    "msra": _msra,
    "bilinear": _bilinear,
}
