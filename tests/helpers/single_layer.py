"""Nets of one layer, filled by hand, and their gradients beside finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

FORCED = "force_backward: true "


def blob(name, *shape):
    dims = " ".join(f"dim: {length}" for length in shape)
    return f"layer {{ name: '{name}' type: 'Input' top: '{name}' input_param {{ shape {{ {dims} }} }} }} "


def build(layer, *inputs, phase=schema.TEST):
    """A net of inputs and one layer that reads them and writes y; inputs are texts of `blob`."""
    names = [text.split("'")[1] for text in inputs]
    bottoms = " ".join(f"bottom: '{name}'" for name in names)
    text = f"{FORCED}{''.join(inputs)} layer {{ name: 'y' {bottoms} top: 'y' {layer} }}"
    return Net(network_from_text(text, allow_unknown=False), phase)


def set_inputs(net, *values):
    for number, value in enumerate(values):
        net.tops[number][0].data[...] = value


def forward(net):
    net.forward()
    return net.tops[-1][0].data.copy()


def backward(net, dy):
    """Gradients of all inputs and parameters for a gradient of y."""
    net.tops[-1][0].diff[...] = dy
    net.clear_param_diffs()
    net.backward()
    bottoms = [ids.diff.copy() for ids in net.bottoms[-1]]
    return bottoms, [param.diff.copy() for param in net.layers[-1].blobs]


def numeric(net, target, dy, step=1e-2, where=None):
    """Gradient of sum(y * dy) with respect to an array of the net, by central differences.

    Everywhere, or where an array of bool says; it is 0 elsewhere.
    """
    result = np.zeros_like(target)
    for index in np.ndindex(target.shape) if where is None else map(tuple, np.argwhere(where)):
        old = target[index]
        values = []
        for change in (step, -step):
            target[index] = old + change
            values.append((forward(net).astype(np.float64) * dy).sum())
        target[index] = old
        result[index] = (values[0] - values[1]) / (2 * step)
    return result


def check_gradients(net, which=(0,), params=True, rtol=2e-2, atol=2e-3, seed=5, at_most=None):
    """Compare with central differences: everywhere, or at so many places of each array, the largest and others."""
    y = forward(net)
    dy = np.random.default_rng(seed).standard_normal(y.shape).astype(np.float32)
    bottoms, blobs = backward(net, dy)
    pairs = [(bottoms[number], net.bottoms[-1][number]) for number in which]
    for found, blob_ in [*pairs, *(zip(blobs, net.layers[-1].blobs) if params else ())]:
        where = np.ones(found.shape, bool) if at_most is None else places(found, at_most)
        expected = numeric(net, blob_.data, dy, where=where)
        assert np.where(where, found, 0) == pytest.approx(expected, rel=rtol, abs=atol)


def places(found, n):
    """True at the n / 2 largest numbers, and at n / 2 of the others that lie evenly."""
    order = np.argsort(-np.abs(found), axis=None, kind="stable")
    others = order[n // 2 :]
    chosen = np.zeros(found.size, bool)
    chosen[order[: n // 2]] = True
    chosen[others[:: max(1, -(-2 * len(others) // n))]] = True
    return chosen.reshape(found.shape)


def normal(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
