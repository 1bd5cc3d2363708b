"""Chooses the layers of a network that belong to a phase, a level and a set of stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime.place import place_of
from cnnvis_caffe.runtime.setup_log import rule_broken


def network_of_phase(network: NetworkFile, phase: int, level: int = 0, stages: Sequence[str] = ()) -> Any:
    """Return a copy of a network with only the layers of a phase, a level and stages.

    Parameters
    ----------
    network : NetworkFile
    phase : {schema.TRAIN, schema.TEST}
    level : int, default=0
    stages : sequence of str, optional
        Added to those that the file's own `state` names.

    Returns
    -------
    NetParameter

    Raises
    ------
    LayerError
        If a layer has both include and exclude rules.
    """
    message = type(network.message)()
    message.CopyFrom(network.message)
    message.state.phase, message.state.level = phase, level
    message.state.stage.extend(stages)
    return filter_net(message, network.path, network.layer_lines)


def filter_net(network: Any, path: str = "", lines: Mapping[str, int] | None = None) -> Any:
    """Return a copy of a network with only the layers that its own `state` admits.

    Parameters
    ----------
    network : NetParameter
        With `state` filled in.
    path, lines : str and mapping of str to int, optional
        File and lines of the layers, for messages.

    Raises
    ------
    LayerError
        If a layer has both include and exclude rules.

    Notes
    -----
    Follows `Net::FilterNet` in `src/caffe/net.cpp`: no rules admit a layer, any include rule that is met admits it,
    any exclude rule that is met drops it.
    """
    filtered = type(network)()
    filtered.CopyFrom(network)
    del filtered.layer[:]
    for layer in network.layer:
        if layer.include and layer.exclude:
            raise LayerError(
                layer.name,
                f"{place_of(layer, path, lines)}: has both include and exclude rules; "
                "one kind is allowed: drop the other",
            )
        if layer.include:
            admitted = any(_is_met(rule, network.state, layer.name) for rule in layer.include)
        else:
            admitted = not any(_is_met(rule, network.state, layer.name) for rule in layer.exclude)
        if admitted:
            filtered.layer.add().CopyFrom(layer)
    return filtered


def _is_met(rule: Any, state: Any, layer_name: str) -> bool:
    """Whether every part of a NetStateRule agrees with a NetState."""
    is_met = (
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and all(stage in state.stage for stage in rule.stage)
        and not any(stage in state.stage for stage in rule.not_stage)
    )
    if not is_met:
        rule_broken(rule, state, layer_name)
    return is_met
