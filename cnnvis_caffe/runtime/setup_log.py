"""The lines by which Caffe tells how a net is built.

They are details (level DEBUG), under a logger of their own: `train` and `test` switch it on for their log, everybody
else stays quiet.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.blob import Blob
    from cnnvis_caffe.runtime.layer import Layer

logger = logging.getLogger(__name__)

# Layers that make one more layer inside, under their own name.
_WITH_LAYER_INSIDE = ("SoftmaxWithLoss", "InfogainLoss")


def say(message: str, *args: object) -> None:
    """Log a line, as the code that calls this."""
    logger.debug(message, *args, stacklevel=2)


class SetupLog:
    """Tells how one net is built.

    Parameters
    ----------
    wanted : bool
        False says nothing: a net that is only looked at.

    Notes
    -----
    Follows `Net::Init` in `src/caffe/net.cpp`, whose lines come layer by layer.
    """

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted and logger.isEnabledFor(logging.DEBUG)
        self._n_values = 0
        self._owner_of: dict[str, tuple[str, int]] = {}

    def parameters(self, param: Any) -> None:
        """The net as written, without the layers that its state leaves out."""
        if self._wanted:
            say("Initializing net from parameters: \n%s", str(param).rstrip())

    def layer(self, param: Any, n_automatic: int) -> None:
        """Name a layer and its blobs, before it is set up."""
        if not self._wanted:
            return
        say("Creating layer %s", param.name)
        say("Creating Layer %s", param.name)
        for name in param.bottom:
            say("%s <- %s", param.name, name)
        for index, name in enumerate(param.top):
            in_place = index < len(param.bottom) and param.bottom[index] == name
            say("%s -> %s%s", param.name, name, " (in-place)" if in_place else "")
        for _ in range(n_automatic):
            say("%s -> (automatic)", param.name)

    def tops(self, layer: Layer, tops: Sequence[Blob]) -> None:
        """Give the shapes of a layer's tops, and the parameters that it shares with earlier layers."""
        if not self._wanted:
            return
        if layer.type in _WITH_LAYER_INSIDE or (layer.type == "Scale" and layer.param.scale_param.bias_term):
            say("Creating layer %s", layer.name)
        say("Setting up %s", layer.name)
        for top, weight in zip(tops, layer.loss_weights):
            say("Top shape: %s(%d)", "".join(f"{length} " for length in top.shape), top.count)
            if weight:
                say("    with loss weight %g", weight)
            self._n_values += top.count
        say("Memory required for data: %d", 4 * self._n_values)
        for index, spec in enumerate(layer.param.param):
            if spec.name and spec.name in self._owner_of:
                owner = self._owner_of[spec.name]
                say("Sharing parameters '%s' owned by layer '%s', param index %d", spec.name, *owner)
            elif spec.name:
                self._owner_of[spec.name] = layer.name, index

    def backward(self, layer_names: Sequence[str], needs_backward: Sequence[bool]) -> None:
        """Say which layers run backward, from the last one on."""
        if self._wanted:
            for name, needs in zip(reversed(layer_names), reversed(needs_backward)):
                say("%s %s backward computation.", name, "needs" if needs else "does not need")

    def outputs(self, names: Sequence[str]) -> None:
        """Name the outputs; the net is ready then."""
        if self._wanted:
            for name in names:
                say("This network produces output %s", name)
            say("Network initialization done.")


def rule_broken(rule: Any, state: Any, layer_name: str) -> None:
    """Say what in a net's state does not meet a rule of a layer: the first thing that Caffe finds."""
    where = f"specified by a rule in layer {layer_name}"
    if rule.HasField("phase") and rule.phase != state.phase:
        say("The NetState phase (%d) differed from the phase (%d) %s", state.phase, rule.phase, where)
        return
    # Caffe quirk: says "above" of a level that is below.
    for field, broken in (("min_level", state.level < rule.min_level), ("max_level", state.level > rule.max_level)):
        if rule.HasField(field) and broken:
            say("The NetState level (%d) is above the %s (%d) %s", state.level, field, getattr(rule, field), where)
            return
    missing = [stage for stage in rule.stage if stage not in state.stage]
    if missing:
        say("The NetState did not contain stage '%s' %s", missing[0], where)
        return
    found = [stage for stage in rule.not_stage if stage in state.stage]
    if found:
        say("The NetState contained a not_stage '%s' %s", found[0], where)
