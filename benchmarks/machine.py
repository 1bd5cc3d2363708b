"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path

import numpy as np
import torch

from cnnvis_caffe.runtime.layers.matrix_product import product


def machine() -> str:
    """One line: processor, cores, memory, system, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, PyTorch {torch.__version__} with {torch.get_num_threads()} threads, "
        f"numpy {np.__version__}"
    )


def instructions() -> str:
    """The largest instruction set that PyTorch computes with here, such as AVX2 or AVX512."""
    return torch.backends.cpu.get_cpu_capability()


def slug() -> str:
    """A file name for the kind of processor: processors of different instruction sets may have the same name."""
    return re.sub(r"[^a-z0-9]+", "-", f"{_processor()} {instructions()}".lower()).strip("-")


def matrix_gflops(size: int = 2048, rounds: int = 5) -> float:
    """Multiplications and additions of a large float32 matrix product, in thousand millions a second; the fastest."""
    a = torch.rand(size, size)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        product(a, a)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9


def _processor() -> str:
    """Name of the processor, where the system tells."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
