"""Training in double precision, as a measure for what single precision makes of it.

Follows LeNet and cifar10_quick by autograd: the layers that they have, SGD with momentum, and the weights and batches
that the runtime begins with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_solver
from cnnvis_caffe.runtime.layers.pool import average_pool
from cnnvis_caffe.runtime.solvers import create_solver
from cnnvis_caffe.runtime.solvers.lr_policy import learning_rate


class ExactTraining:
    """A solver in double precision.

    Parameters
    ----------
    path : str
        A solver prototxt of type SGD.

    Attributes
    ----------
    params : list of Tensor
        The parameters in the order of the layers, float64, with `grad` after each iteration.
    """

    def __init__(self, path: str) -> None:
        self.solver = create_solver(read_solver(path))
        net = self.solver.net
        self.params = [torch.tensor(blob.data.astype(np.float64), requires_grad=True) for blob in net.params.learnable]
        self._histories = [torch.zeros_like(param) for param in self.params]
        self._multipliers = list(zip(net.params.lr_mults, net.params.decay_mults))

    def losses(self, iterations: int) -> Iterator[float]:
        """Train, and yield the loss of each iteration before the update."""
        param = self.solver.param
        for iteration in range(iterations):
            loss = self._loss()
            for tensor in self.params:
                tensor.grad = None
            loss.backward()
            yield float(loss.detach())
            rate = learning_rate(param, iteration, 0)[0]
            with torch.no_grad():
                for value, history, (lr, decay) in zip(self.params, self._histories, self._multipliers):
                    step = value.grad + param.weight_decay * decay * value
                    history.mul_(param.momentum).add_(step, alpha=rate * lr)
                    value.sub_(history)

    def _loss(self) -> Any:
        """Run the next batch forward."""
        net = self.solver.net
        net.forward(0, 0)
        data, labels = (torch.tensor(blob.data.astype(np.float64)) for blob in net.tops[0])
        blobs = dict(zip(net.param.layer[0].top, (data, labels)))
        params = iter(self.params)
        for layer in net.layers[1:]:
            x = blobs[layer.param.bottom[0]]
            own = [next(params) for _ in layer.blobs]
            if layer.type == "SoftmaxWithLoss":
                return functional.cross_entropy(x, labels.long())
            blobs[layer.param.top[0]] = _forward(layer, x, own)
        raise ValueError(f"{net.path}: has no SoftmaxWithLoss")


def _forward(layer: Any, x: Any, params: list[Any]) -> Any:
    """One layer."""
    if layer.type == "Convolution":
        return functional.conv2d(x, *params, layer.windows.stride, layer.windows.pad)
    if layer.type == "InnerProduct":
        return functional.linear(x.flatten(1), *params)
    if layer.type == "ReLU":
        return functional.relu(x)
    if layer.type == "Pooling" and layer.method == schema.PoolingParameter.AVE:
        return average_pool(x, layer.pool)
    if layer.type == "Pooling":
        return functional.max_pool2d(x, layer.pool.kernel, layer.pool.stride, layer.pool.pad, 1, True)
    raise ValueError(f"{layer.where}: is not known here")
