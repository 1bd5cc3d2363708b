"""A CUDA graph on the CPU: operations are noted with the very memory that they read and write, and done again on it.

As with the real one, nothing that a recorded function computes counts until the first replay, what it reads later is
what lies at the same place then, and nobody may wait for a value inside.
"""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class _Notes(TorchDispatchMode):
    """Notes operations, and the contents of all memory that was there before them."""

    def __init__(self):
        super().__init__()
        self.steps = []
        self.before = {}
        self._own = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        for storage in (tensor.untyped_storage() for tensor in tensors):
            address = storage.data_ptr()
            if address not in self._own and address not in self.before:
                self.before[address] = storage, storage.clone()
        result = function(*args, **kwargs)
        outputs = [value for value in tree_flatten(result)[0] if isinstance(value, torch.Tensor)]
        known = {tensor.untyped_storage().data_ptr() for tensor in tensors}
        fresh = [output for output in outputs if output.untyped_storage().data_ptr() not in known]
        self._own.update(output.untyped_storage().data_ptr() for output in fresh)
        self.steps.append((function, args, kwargs, outputs, fresh))
        return result


def record_operations(run):
    """Note what a function computes; return a function that computes it again, at the same places."""
    notes = _Notes()
    try:
        with notes:
            run()
    finally:
        for storage, contents in notes.before.values():
            storage.copy_(contents)

    def replay():
        with torch.no_grad():
            for function, args, kwargs, outputs, fresh in notes.steps:
                again = [v for v in tree_flatten(function(*args, **kwargs))[0] if isinstance(v, torch.Tensor)]
                for output, value in zip(outputs, again):
                    if any(output is target for target in fresh):
                        output.copy_(value)

    for *_, fresh in notes.steps:  # whoever looks before the first replay shall see that there was none
        for output in fresh:
            output.fill_(float("nan") if output.is_floating_point() else 0)
    return replay
