"""Boxes as SSD's layers see them: corners as shares of the image, coded relative to prior boxes."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch

#: Area of a box that counts, in shares of the image.
_SMALLEST = 1e-5


def decoded(priors: Any, variances: Any, coded: Any, code_type: int, is_plain: bool) -> Any:
    """Return the boxes that codes mean.

    Parameters
    ----------
    priors, variances : tensor of shape (P, 4)
        x1, y1, x2, y2 of each prior box; what each number of its code is multiplied with.
    coded : tensor of shape (..., P, 4)
    code_type : int
        One of `schema.PriorBoxParameter.CodeType`.
    is_plain : bool
        The codes have been multiplied already.

    Returns
    -------
    tensor of shape (..., P, 4)
        x1, y1, x2, y2.

    Notes
    -----
    `DecodeBBox` in `src/caffe/util/bbox_util.cpp` of SSD's Caffe.
    """
    code = coded if is_plain else coded * variances
    size = priors[:, 2:] - priors[:, :2]
    if code_type == schema.PriorBoxParameter.CORNER:
        return priors + code
    if code_type == schema.PriorBoxParameter.CORNER_SIZE:
        return priors + code * torch.cat([size, size], 1)
    centre = code[..., :2] * size + (priors[:, :2] + priors[:, 2:]) / 2
    half = code[..., 2:].exp() * size / 2
    return torch.cat([centre - half, centre + half], -1)


def encoded(priors: Any, variances: Any, boxes: Any, code_type: int, is_plain: bool) -> Any:
    """Return the codes of boxes, one for each prior box; the inverse of `decoded`."""
    size = priors[:, 2:] - priors[:, :2]
    if code_type == schema.PriorBoxParameter.CORNER:
        code = boxes - priors
    elif code_type == schema.PriorBoxParameter.CORNER_SIZE:
        code = (boxes - priors) / torch.cat([size, size], 1)
    else:
        shift = ((boxes[:, :2] + boxes[:, 2:]) - (priors[:, :2] + priors[:, 2:])) / 2 / size
        code = torch.cat([shift, ((boxes[:, 2:] - boxes[:, :2]) / size).log()], 1)
    return code if is_plain else code / variances


def area(boxes: Any) -> Any:
    """Return the areas of boxes (..., 4); 0 for one that is turned inside out."""
    size = boxes[..., 2:] - boxes[..., :2]
    return size.clamp(min=0).prod(-1)


def overlap(first: Any, second: Any) -> Any:
    """Return the shares that boxes have in common: of tensors (..., A, 4) and (..., B, 4) one of (..., A, B)."""
    a, b = first[..., :, None, :], second[..., None, :, :]
    common = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    together = area(a) + area(b) - common
    return torch.where(common > 0, common / together.clamp(min=torch.finfo(common.dtype).tiny), 0)


def suppressed(boxes: Any, values: Any, is_candidate: Any, param: Any) -> Any:
    """Return which candidates stay when each takes away those behind it that overlap it.

    Parameters
    ----------
    boxes : tensor of shape (P, 4)
    values : tensor of shape (P,)
        They are gone through by falling value.
    is_candidate : tensor of shape (P,), bool
    param : NonMaximumSuppressionParameter

    Returns
    -------
    tensor of shape (P,), bool

    Notes
    -----
    `ApplyNMS` in `src/caffe/util/bbox_util.cpp` of SSD's Caffe. Without `top_k` it is 0, and nobody stays.
    """
    order = torch.where(is_candidate, values, -torch.inf).sort(descending=True, stable=True).indices
    order = order[: int(is_candidate.sum())]
    if param.top_k > -1:
        order = order[: param.top_k]
    order = order[area(boxes[order]) >= _SMALLEST]
    shared = overlap(boxes[order], boxes[order])
    stays = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for rank in range(1, len(order)):
        stays[rank] = not bool((shared[rank, :rank][stays[:rank]] > param.nms_threshold).any())
    kept = torch.zeros_like(is_candidate)
    kept[order[stays]] = True
    return kept
