"""Tensors of the pretended GPU, and what happens when one of them enters an operation.

They are wrapper subclasses, so that PyTorch hands over every operation below autograd. Operations that make a tensor
there, such as `torch.zeros(3, device="cuda")`, arrive as the fallback of a device without kernels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from helpers.pretended_gpu import rules
from helpers.pretended_gpu.device import Device

CUDA = torch.device("cuda", 0)
aten = torch.ops.aten


class GpuTensor(torch.Tensor):
    """A tensor that says it is on the GPU; `inner` has its values."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> GpuTensor:
        assert Device.current is not None, "a tensor of a pretended GPU that is gone"
        self = torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            layout=inner.layout, device=CUDA,
        )  # fmt: skip
        self.inner = inner
        Device.current.memory.hold(self, inner.untyped_storage())
        return self

    @classmethod
    def __torch_dispatch__(cls, function, types, arguments=(), options=None):
        return compute(function, arguments, options or {})

    def __repr__(self, **options) -> str:
        return f"GpuTensor({self.inner!r})"

    def data_ptr(self) -> int:
        return self.inner.data_ptr()

    def untyped_storage(self) -> torch.UntypedStorage:
        return self.inner.untyped_storage()

    def tolist(self):
        return self.cpu().tolist()

    def numpy(self, *arguments, **options):
        raise TypeError(
            "can't convert cuda:0 device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )

    def __array__(self, *arguments, **options):
        return self.numpy()


def tensors_in(values: Any) -> list[torch.Tensor]:
    """All tensors in arguments or results, in order."""
    if isinstance(values, torch.Tensor):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (tuple, list)):
        return []
    return [tensor for value in values for tensor in tensors_in(value)]


def each(convert: Callable[[Any], Any], values: Any) -> Any:
    """Arguments or results with each tensor converted; PyTorch's own `tree_map` takes five times as long."""
    if isinstance(values, torch.Tensor):
        return convert(values)
    if isinstance(values, (tuple, list)):
        return type(values)([each(convert, value) for value in values])
    if isinstance(values, dict):
        return {name: each(convert, value) for name, value in values.items()}
    return values


def inner(value: Any) -> Any:
    """The values behind a tensor of the GPU; any other tensor as it is."""
    return value.inner if isinstance(value, GpuTensor) else value


def compute(function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Compute an operation as a GPU would, or refuse it."""
    gpu = Device.current
    assert gpu is not None
    tensors = tensors_in((arguments, options))
    rules.refuse(function, arguments, tensors)
    if function in rules.COPIES and _copy_between(gpu, function, arguments, options):
        if function is aten._foreach_copy_.default:
            return None
        return _to_cpu(gpu, arguments[0], options) if function is aten._to_copy.default else arguments[0]
    if rules.waits(function, arguments):
        gpu.wait(str(function))
    inner_arguments, inner_options = each(inner, (arguments, options))
    if inner_options.get("device") is not None:
        inner_options["device"] = torch.device("cpu")
    inner_options.pop("pin_memory", None)
    if gpu.graph is not None:
        gpu.graph.before(function, inner_arguments, inner_options)
    else:
        gpu.counts.operations += 1
    result = _run(gpu, function, inner_arguments, inner_options)
    if gpu.graph is not None:
        gpu.graph.after(function, inner_arguments, inner_options, result)
    if function is aten._local_scalar_dense.default:
        gpu.counts.bytes_back += tensors[0].element_size()
        return result
    written = _written(function, arguments, options)
    if written is not None:
        return written
    return each(GpuTensor, result)


def _run(gpu: Device, function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Compute it on the CPU, without autograd, with the GPU's own random numbers."""
    with torch.no_grad():
        if not _is_random(function):
            try:
                return function(*arguments, **options)
            except RuntimeError as error:
                if "allocate memory" in str(error):  # more than the CPU has, too
                    raise torch.cuda.OutOfMemoryError("CUDA out of memory.") from error
                raise
        of_the_cpu = torch.get_rng_state()
        torch.set_rng_state(gpu.random.get_state())
        try:
            return function(*arguments, **options)
        finally:
            gpu.random.set_state(torch.get_rng_state())
            torch.set_rng_state(of_the_cpu)


def _copy_between(gpu: Device, function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Copy between CPU and GPU if that is what a copy is; `_to_copy` is left to make its tensor."""
    if function is aten._to_copy.default:
        return options.get("device") is not None and torch.device(options["device"]).type == "cpu"
    is_list = function is aten._foreach_copy_.default
    pairs = list(zip(*arguments[:2])) if is_list else [arguments[:2]]
    if all(target.is_cuda and source.is_cuda for target, source in pairs):
        return False
    wants_no_wait = bool(options.get("non_blocking") or len(arguments) > 2 and arguments[2])
    for target, source in pairs:
        _copy(gpu, target, source, wants_no_wait)
    return True


def _copy(gpu: Device, target: torch.Tensor, source: torch.Tensor, wants_no_wait: bool) -> None:
    """Copy from one side to the other, now or, where nobody waits, later."""
    comes_back = source.is_cuda
    on_cpu = target if comes_back else source
    if gpu.graph is not None:
        gpu.wait("copy")  # raises
    gpu.counts.operations += 1
    if comes_back:
        gpu.counts.bytes_back += source.nbytes
    else:
        gpu.counts.bytes_there += target.numel() * source.element_size()
    if not wants_no_wait or not gpu.is_pinned(on_cpu):
        gpu.wait("copy back" if comes_back else "copy there")
        inner(target).copy_(inner(source))
    elif comes_back:
        gpu.copies.back(target, inner(source))
    else:
        inner(target).copy_(source)
        gpu.copies.there(source)


def _to_cpu(gpu: Device, source: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
    """`Tensor.to("cpu")`: into new memory, which PyTorch pins where nobody is to wait."""
    wants_no_wait = bool(options.pop("non_blocking", False))
    target = torch.empty_like(inner(source), **{**options, "device": "cpu"})
    if wants_no_wait:
        gpu.pin(target)
    _copy(gpu, target, source, wants_no_wait)
    return target


def _written(function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What an operation in place gives back: the tensors that it was given; None for other operations."""
    n_returns, places = _places_written(function)
    if not places:
        return None
    targets = [arguments[place] if place < len(arguments) else options.get(name) for place, name in places]
    for target in tensors_in(targets):
        if isinstance(target, GpuTensor) and target.shape != target.inner.shape:
            raise NotImplementedError(f"the pretended GPU cannot change the shape of a tensor ({function})")
    return targets[0] if n_returns == 1 else tuple(targets[:n_returns])


@functools.cache
def _is_random(function: Any) -> bool:
    """Whether an operation draws random numbers. Tags and schemas are slow to be asked: once for each operation."""
    return torch.Tag.nondeterministic_seeded in function.tags


@functools.cache
def _places_written(function: Any) -> tuple[int, list[tuple[int, str]]]:
    """How much an operation returns, and places and names of the arguments that it writes to and gives back."""
    schema = function._schema
    if not any(one.alias_info is not None and one.alias_info.is_write for one in schema.returns):
        return 0, []
    return len(schema.returns), [
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
