"""A GPU that is not there: tensors which say that they are on cuda:0, and are computed by the CPU.

    with pretended_gpu() as gpu:
        ...                     # torch says that there is one CUDA device
        gpu.counts.waits        # what was asked of it

It refuses what a real one refuses, so that most of what would fail there fails here:

- tensors of both devices in one operation, apart from single values and indices;
- the numpy array of a tensor that is there;
- waits, and copies to or from the CPU's memory, while a graph is recorded;
- operations that only a CPU has, and products of whole numbers;
- more memory than there is;
- a replay that reads memory which was let go;
- what is read before it has arrived: a copy that was not waited for brings NaN until somebody waits, and memory that
  a copy still reads must not be written.

It cannot find what a CUDA kernel computes differently (other bits, other answers to NaN), what is slow, nor what two
streams do to each other: everything is computed at once, in order. Autograd's backward does not work on it; the
runtime has its own.

| file | what |
|---|---|
| `device.py` | what there is of it: memory, random numbers, counts, copies under way, the graph that is recorded |
| `tensor.py` | the tensors, and what happens when one of them enters an operation |
| `rules.py` | what is refused, and what waits |
| `graph.py` | what stands in for `torch.cuda.CUDAGraph` |
| `cuda.py` | what stands in for the rest of `torch.cuda`, and how it is put there and taken away |
"""

from __future__ import annotations

import importlib.util

import pytest

# Only looked for: to import it takes as long as PyTorch itself, and nothing here needs it.
if importlib.util.find_spec("torch._dynamo") is None:
    pytest.skip("this PyTorch is too old for a pretended GPU, and there is no real one", allow_module_level=True)

from helpers.pretended_gpu.cuda import pretended_gpu  # noqa: E402
from helpers.pretended_gpu.device import Device  # noqa: E402

__all__ = ["Device", "pretended_gpu"]
