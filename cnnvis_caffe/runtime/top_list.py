"""The images that each neuron responds to most, kept on a GPU: the same as `features.top_images` by numpy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnnvis_caffe.runtime.backend import torch

_WORD = 2**32


class TopList:
    """The k largest responses of each neuron, one entry an image.

    Parameters
    ----------
    response : tensor of shape (n_neurons, k), float32
        Descending; minus infinity where there is no entry yet.
    image : tensor of shape (n_neurons, k), int64
        Index of the image, -1 where there is none. Of equal responses the lower index comes first.
    position : tensor of shape (n_neurons, k), int64
        Flat index of the first position with that response.
    """

    def __init__(self, response: Any, image: Any, position: Any) -> None:
        self._response, self._image, self._position = response, image, position
        self._neurons = torch.from_numpy(np.arange(len(response))[:, None]).to(response.device)

    def update(self, peak: Any, indices: Any, values: Iterable[tuple[slice, Any]]) -> None:
        """Take a batch in.

        Parameters
        ----------
        peak : tensor of shape (n_images, n_neurons), float32
            The largest activation over positions.
        indices : tensor of shape (n_images,), int64
            Of the images; below 2**32.
        values : iterable of (slice, tensor of shape (n_images, n, ...))
            The activations of some neurons each.
        """
        k = self._response.shape[1]
        is_there = (peak > -torch.inf).t()  # neither minus infinity nor NaN
        response = torch.cat([self._response, torch.where(is_there, peak.t(), -torch.inf)], 1)
        image = torch.cat([self._image, torch.where(is_there, indices, -1)], 1)
        place = _key(response, image).topk(k, 1).indices
        self._response.copy_(response.gather(1, place))
        self._image.copy_(image.gather(1, place))
        # An entry that was there before keeps its position; asking for one of the batch's first image does no harm.
        position = self._position.gather(1, place.clamp(max=k - 1))
        image_at = (place - k).clamp(min=0)
        for part, activations in values:
            found = self._first_positions(activations, image_at[part])
            position[part] = torch.where(place[part] >= k, found, position[part])
        self._position.copy_(torch.where(self._image >= 0, position, 0))

    def _first_positions(self, activations: Any, image_at: Any) -> Any:
        """First place of the largest activation of each neuron on some images, of the shape of `image_at`."""
        if activations.dim() == 2:
            return torch.zeros_like(image_at)
        return activations[image_at, self._neurons[: len(image_at)]].flatten(2).argmax(2)

    def state(self) -> dict[str, Any]:
        """Return the three tensors by their names."""
        return {"response": self._response, "image": self._image, "position": self._position}


def _key(response: Any, image: Any) -> Any:
    """Whole numbers in the order of the entries, the first one largest: by response, then by the lower image."""
    bits = (response + 0.0).view(torch.int32).long()  # -0 becomes 0
    ordered = torch.where(bits >= 0, bits, -(bits & 0x7FFFFFFF))
    return ordered * _WORD + torch.where(image < 0, 0, _WORD - 1 - image)
