"""Arithmetic on lists of tensors at once: one call instead of one for each parameter, a few kernels on a GPU."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.runtime.backend import torch

Tensors = list[Any]


def copy(targets: Tensors, sources: Tensors) -> None:
    """Set each target to its source."""
    if hasattr(torch, "_foreach_copy_"):  # since 2.1
        torch._foreach_copy_(targets, sources)
        return
    for target, source in zip(targets, sources):
        target.copy_(source)


def scale(targets: Tensors, factor: Any) -> None:
    """Multiply each target by a number, or by a tensor of a single value.

    Notes
    -----
    Caffe's BLAS takes a factor of 0 at its word: 0 times infinity is 0.
    """
    if not torch.is_tensor(factor) and factor == 0:
        for target in targets:
            target.zero_()
    else:
        torch._foreach_mul_(targets, factor)


def scale_and_add(targets: Tensors, beta: float, alpha: Any, sources: Tensors) -> None:
    """Set each target to ``beta * target + alpha * source``; alpha may be a tensor of a single value.

    Notes
    -----
    `caffe_cpu_axpby`; a factor of 0 is taken at its word as in `scale`.
    """
    scale(targets, beta)
    if torch.is_tensor(alpha):
        torch._foreach_add_(targets, torch._foreach_mul(sources, alpha))
    elif alpha != 0:
        torch._foreach_add_(targets, sources, alpha=alpha)


def set_to_square(targets: Tensors, sources: Tensors) -> None:
    """Set each target to the square of its source."""
    copy(targets, sources)
    torch._foreach_mul_(targets, sources)


def set_to_root(targets: Tensors, sources: Tensors, added: float) -> None:
    """Set each target to the square root of its source, plus a number."""
    copy(targets, sources)
    torch._foreach_sqrt_(targets)
    torch._foreach_add_(targets, added)


def sum_of_squares(tensors: Tensors) -> Any:
    """Sum of the squares of all values, as a tensor of a single value.

    The order of the sum does not depend on how tensors lie in memory, so that a resumed run gets the same bits.
    """
    total = None
    for tensor in tensors:
        flat = tensor.reshape(-1)
        squares = torch.dot(flat, flat)
        total = squares if total is None else total + squares
    return total
