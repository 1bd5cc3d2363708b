"""BatchNorm layers of old files, which declare their three statistics as parameters."""

from __future__ import annotations

from typing import Any


def freeze_batch_norm(net: Any) -> list[str]:
    """Keep solvers from training the statistics of BatchNorm layers.

    Parameters
    ----------
    net : NetParameter
        Upgraded in place.

    Returns
    -------
    list of str
        One sentence per layer that changed.

    Notes
    -----
    ``UpgradeNetBatchNorm`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    sentences = []
    for layer in net.layer:
        # Caffe quirk: only layers with exactly three ParamSpecs; one or two keep their multipliers.
        if layer.type != "BatchNorm" or len(layer.param) != 3:
            continue
        before = [(spec.lr_mult, spec.decay_mult) for spec in layer.param]
        for spec in layer.param:
            spec.lr_mult = spec.decay_mult = 0
        if before != [(0, 0)] * 3:
            sentences.append(f"layer {layer.name!r}: froze the BatchNorm statistics (lr_mult and decay_mult 0)")
    return sentences
