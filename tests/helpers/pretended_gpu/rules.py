"""What a GPU refuses, and what makes the CPU wait for it."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import torch

aten = torch.ops.aten

#: Operations that take tensors of both devices.
COPIES = {aten.copy_.default, aten._to_copy.default, aten._foreach_copy_.default}
#: Operations whose indices may lie on the CPU.
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
#: Operations whose result on the CPU, or whose shape, depends on values.
WAITING = {
    aten._local_scalar_dense.default, aten.equal.default, aten.nonzero.default, aten.masked_select.default,
    aten._unique.default, aten._unique2.default, aten.unique_dim.default, aten.unique_consecutive.default,
    aten.repeat_interleave.Tensor, aten.bincount.default,
}  # fmt: skip
#: Operations that CUDA has for floating point alone.
FLOATING = {
    aten.mm.default, aten.addmm.default, aten.bmm.default, aten.baddbmm.default, aten.addbmm.default, aten.mv.default,
    aten.addmv.default, aten.dot.default, aten.vdot.default, aten.convolution.default,
    aten.convolution_backward.default, aten.max_pool2d_with_indices.default, aten.avg_pool2d.default,
}  # fmt: skip
#: Libraries for CPUs.
CPU_LIBRARIES = {"mkldnn", "onednn", "mkl", "fbgemm", "quantized"}


def waits(function: Any, arguments: tuple[Any, ...]) -> bool:
    """Say whether the CPU waits for the values that enter an operation."""
    if function not in INDEXED:
        return function in WAITING
    masks = [one for one in arguments[1] if one is not None and one.dtype in (torch.bool, torch.uint8)]
    is_filled = function is not aten.index.Tensor and arguments[2].numel() == 1  # that needs no count
    return any(one.is_cuda for one in masks) and not is_filled


def refuse(function: Any, arguments: tuple[Any, ...], tensors: list[torch.Tensor]) -> None:
    """Raise what CUDA would, given all tensors that enter an operation."""
    if _is_of_cpus(function):
        raise NotImplementedError(f"Could not run '{function}' with arguments from the 'CUDA' backend.")
    if function in FLOATING and not tensors[0].is_floating_point():
        name = function._schema.name.partition("::")[2]
        raise RuntimeError(f'"{name}_cuda" not implemented for \'{str(tensors[0].dtype)[6:].capitalize()}\'')
    if function in COPIES:
        return
    if function in INDEXED:
        if not arguments[0].is_cuda:
            raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
        tensors = [one for one in (arguments[0], *arguments[2:]) if isinstance(one, torch.Tensor)]
    # A single value may come from the CPU, but not into a list of which each member is read.
    n_axes = 0 if function in (aten.stack.default, aten.cat.default) else 1
    if any(not one.is_cuda and one.dim() >= n_axes for one in tensors):
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
            f"({function})"
        )


@functools.cache
def _is_of_cpus(function: Any) -> bool:
    """Whether only a CPU has an operation. Schemas are slow to be asked."""
    name = function._schema.name.partition("::")[2]
    return (
        function.namespace in CPU_LIBRARIES or f"{name}.{function._schema.overload_name}".rstrip(".") in cpu_alone()
    )


@functools.lru_cache(maxsize=1)
def cpu_alone() -> frozenset[str]:
    """Operations with a kernel for CPUs and none for CUDA, from the list that PyTorch is built from."""
    import torchgen

    path = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    names = []
    for entry in re.split(r"^- func: ", path.read_text(), flags=re.MULTILINE)[1:]:
        _, _, kernels = entry.partition("\n  dispatch:")
        lines = re.findall(r"^    ([\w, ]+):", kernels, re.MULTILINE)
        keys = {key.strip() for line in lines for key in line.split(",")}
        if "CPU" in keys and not any(key == "CUDA" or key.startswith("Composite") for key in keys):
            names.append(re.match(r"[\w.]+", entry)[0])
    return frozenset(names)
