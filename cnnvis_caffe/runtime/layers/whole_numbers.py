"""Labels and indices, which blobs hold as floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnvis_caffe.runtime import recording
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


def whole_numbers(layer: Layer, blob: Blob, limit: int, what: str, limited_by: str, ignored: int | None = None) -> Any:
    """Return the values of a blob cut to whole numbers, as Caffe's casts do, after a check of their range.

    Parameters
    ----------
    layer : Layer
        Named in the message.
    blob : Blob
    limit : int
        Values from 0 to `limit` - 1 are allowed.
    what, limited_by : str
        What a value is called, and what sets the limit, for the message.
    ignored : int, optional
        A value that is allowed as well.

    Returns
    -------
    tensor of int64, of the blob's shape

    Raises
    ------
    LayerError
        If a value is out of range; Caffe then reads foreign memory.
    """
    values = blob.value
    numbers = values.long()
    checked = numbers if ignored is None else numbers.masked_fill(numbers == ignored, 0)
    if not checked.numel():
        return numbers

    def outside() -> Any:
        return ((checked < 0) | (checked >= limit)).reshape(-1)

    def first_outside() -> Any:
        faults = outside()
        place = faults.int().argmax().reshape(1)
        found = torch.cat([place.double(), values.reshape(-1).gather(0, place).double()])
        return torch.where(faults.any(), found, -torch.ones_like(found))

    def explain(place: int, value: float) -> None:
        at = [int(index) for index in np.unravel_index(place, blob.shape)]
        exception = "" if ignored is None else f", and ignore_label {ignored}"
        raise layer.error(
            f"{what} {value:g} at {at} of blob {blob.name!r} is out of range; "
            f"0 to {limit - 1} ({limited_by}) is allowed{exception}"
        )

    if recording.put_off(first_outside, explain):
        return numbers.masked_fill(outside().reshape(numbers.shape), 0)
    # One reduction and, on a GPU, one wait: nothing beside a layer that needs labels.
    low, high = torch.stack(torch.aminmax(checked)).tolist()
    if low < 0 or high >= limit:
        place = int(outside().nonzero()[0])
        explain(place, float(values.reshape(-1)[place]))
    return numbers
