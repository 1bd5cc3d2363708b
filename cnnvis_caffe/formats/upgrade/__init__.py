"""Bring networks and solvers of every age to what Caffe 1.0 runs.

Each step is a file of its own and works in place. A step that has nothing to do changes nothing, so that
upgrading twice is upgrading once.

Notes
-----
The order of the steps is that of ``UpgradeNetAsNeeded`` in ``src/caffe/util/upgrade_proto.cpp``.
"""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.formats.upgrade.aliases import replace_aliases
from cnnvis_caffe.formats.upgrade.batch_norm import freeze_batch_norm
from cnnvis_caffe.formats.upgrade.data_transform import move_transforms
from cnnvis_caffe.formats.upgrade.inputs import inputs_to_layer
from cnnvis_caffe.formats.upgrade.solver import set_snapshot_prefix, upgrade_solver
from cnnvis_caffe.formats.upgrade.v0 import has_v0_layers, upgrade_v0
from cnnvis_caffe.formats.upgrade.v1 import upgrade_v1

__all__ = ["generation_of", "set_snapshot_prefix", "upgrade_network", "upgrade_solver"]


def generation_of(net: Any) -> str:
    """Say how a network writes its layers.

    Parameters
    ----------
    net : NetParameter
        Before the upgrade.

    Returns
    -------
    {"V0", "V1", "V2"}
    """
    if has_v0_layers(net):
        return "V0"
    return "V1" if net.layers else "V2"


def upgrade_network(net: Any, *, allow_unknown: bool = False) -> list[str]:
    """Upgrade a network in place, with or without weights in it.

    Parameters
    ----------
    net : NetParameter
    allow_unknown : bool, default=False
        Keep layer types that no Caffe has instead of refusing them; only generation V0 does.

    Returns
    -------
    list of str
        One sentence per thing that changed; empty when the network was current.

    Raises
    ------
    NetError
        Where real Caffe aborts or reads memory that is not there. A `LayerError` names the layer.
    """
    sentences = upgrade_v0(net, allow_unknown)
    for step in (move_transforms, upgrade_v1, inputs_to_layer, freeze_batch_norm, replace_aliases):
        sentences += step(net)
    return sentences
