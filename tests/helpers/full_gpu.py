"""A GPU that is nearly full, be it a real or a pretended one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from helpers.pretended_gpu import Device


@contextlib.contextmanager
def nearly_full(n_bytes: int) -> Iterator[None]:
    """Leave so much memory free on the GPU, in bytes."""
    gpu = Device.current
    if gpu is None:
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info()
        ballast = torch.empty(max(free - n_bytes, 0), dtype=torch.uint8, device="cuda")
        try:
            yield
        finally:
            del ballast
        return
    before, gpu.memory.total = gpu.memory.total, gpu.memory.taken + n_bytes
    try:
        yield
    finally:
        gpu.memory.total = before
