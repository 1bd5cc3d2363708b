"""Plans the backward pass: which layers run, and which bottoms and parameters get a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.setup_log import SetupLog


def plan_backward(net: Net, log: SetupLog) -> tuple[list[bool], list[list[bool]]]:
    """Decide what the backward pass computes.

    Parameters
    ----------
    net : Net
        With its layers set up; `param_propagate_down` of each is filled in.
    log : SetupLog
        Told which layers run backward; as in Caffe, before `force_backward` makes all of them.

    Returns
    -------
    layer_needs_backward : list of bool
    bottom_needs_backward : list of list of bool

    Notes
    -----
    Follows `Net::Init` in `src/caffe/net.cpp`.
    """
    needs_layer, needs_bottom = _from_parameters_up(net)
    _from_losses_down(net, needs_layer, needs_bottom)
    log.backward(net.layer_names, needs_layer)
    if net.param.force_backward:
        for index, layer in enumerate(net.layers):
            needs_layer[index] = True
            needs_bottom[index] = [
                needs or layer.allows_force_backward(i) for i, needs in enumerate(needs_bottom[index])
            ]
            layer.param_propagate_down = [True] * len(layer.blobs)
    return needs_layer, needs_bottom


def _from_parameters_up(net: Net) -> tuple[list[bool], list[list[bool]]]:
    """First pass: what lies above something that learns."""
    blob_needs = [False] * len(net.blobs)
    needs_layer: list[bool] = []
    needs_bottom: list[list[bool]] = []
    for index, layer in enumerate(net.layers):
        # Caffe quirk: looks at the parameters as written. A BatchNorm, whose entries are usually left out, counts as
        # learning here, although none of its blobs does.
        written = net.param.layer[index]
        from_below = [blob_needs[i] for i in net.bottom_ids[index]]
        needs_bottom.append(list(written.propagate_down) or from_below)
        layer.param_propagate_down = [
            i >= len(written.param) or written.param[i].lr_mult != 0 for i in range(len(layer.blobs))
        ]
        needs = any(from_below) or any(layer.param_propagate_down)
        needs_layer.append(needs)
        if needs:
            for i in net.top_ids[index]:
                blob_needs[i] = True
    return needs_layer, needs_bottom


def _from_losses_down(net: Net, needs_layer: list[bool], needs_bottom: list[list[bool]]) -> None:
    """Second pass: switch off what no loss depends on, and what only feeds blocked paths."""
    under_loss: set[str] = set()
    blocked: set[str] = set()
    for index in range(len(net.layers) - 1, -1, -1):
        layer = net.layers[index]
        top_names = [net.blob_names[i] for i in net.top_ids[index]]
        bottom_names = [net.blob_names[i] for i in net.bottom_ids[index]]
        contributes = any(layer.loss_weights) or any(name in under_loss for name in top_names)
        all_blocked = all(name in blocked for name in top_names)
        if needs_layer[index] and all_blocked:
            needs_layer[index] = False
            needs_bottom[index] = [False] * len(bottom_names)
        if contributes:
            under_loss.update(bottom_names)
        else:
            needs_layer[index] = False
            needs_bottom[index] = [False] * len(bottom_names)
        blocked.update(name for name, needs in zip(bottom_names, needs_bottom[index]) if not needs)
