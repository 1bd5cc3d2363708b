"""Finds the layers of a network that remain when it is used, rather than trained or scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.names import free_name
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime.filter_net import network_of_phase


@dataclass(frozen=True)
class Remaining:
    """The layers that remain.

    Attributes
    ----------
    layers : tuple of LayerParameter
        In order, with the sources of their data as they were written.
    inputs : frozenset of str
        Blobs of these sources that are read.
    left_out : tuple of str
        Names and types of the layers that are gone, in order.
    put_in : tuple of str
        What stands for a loss, in words.
    side : tuple of str
        Names of the losses that were left out with all that only they need.
    """

    layers: tuple[Any, ...]
    inputs: frozenset[str]
    left_out: tuple[str, ...]
    put_in: tuple[str, ...]
    side: tuple[str, ...]


def used_layers(network: NetworkFile, stages: Sequence[str] = (), level: int = 0) -> list[Any]:
    """Return the layers of the TEST phase, and the losses of TRAIN where TEST has none.

    Parameters
    ----------
    network : NetworkFile
    stages : sequence of str, optional
    level : int, default=0

    Returns
    -------
    list of LayerParameter
        Copies without rules and phases. A blob that no layer makes then comes first: from the source that another
        phase or stage has for it, or from an Input without a shape.
    """
    test, train = (
        list(network_of_phase(network, phase, level, stages).layer) for phase in (schema.TEST, schema.TRAIN)
    )
    made = {top for layer in test for top in layer.top}
    if not any(map(is_loss, test)):
        test += [layer for layer in train if is_loss(layer) and layer.bottom and layer.bottom[0] in made]
    # Stages may choose the data; weights files of old name inputs without shapes, which the upgrade drops.
    missing = dict.fromkeys(b for layer in test if not is_loss(layer) for b in layer.bottom if b not in made)
    sources = [_source(network, name) for name in missing]
    layers = [*(layer for index, layer in enumerate(sources) if layer not in sources[:index]), *test]
    for layer in layers:
        for field in ("include", "exclude", "phase"):
            layer.ClearField(field)
    return layers


def _source(network: NetworkFile, blob: str) -> Any:
    """The first layer of any phase and stage that brings a blob from outside, or an Input."""
    for layer in network.message.layer:
        if blob in layer.top and is_source(layer):
            copy = schema.LayerParameter()
            copy.CopyFrom(layer)
            return copy
    return schema.LayerParameter(name=blob, type="Input", top=[blob])


def is_loss(layer: Any) -> bool:
    """Say whether a layer computes a loss.

    Parameters
    ----------
    layer : LayerParameter
    """
    return facts_of(layer.type).is_loss or any(layer.loss_weight)


def is_source(layer: Any) -> bool:
    """Say whether a layer brings data from outside.

    Parameters
    ----------
    layer : LayerParameter
    """
    return not layer.bottom and layer.type != "Parameter"


def remaining_layers(layers: Sequence[Any], *, keep_side: bool = False) -> Remaining:
    """Take out what only training and scoring need.

    Parameters
    ----------
    layers : sequence of LayerParameter
        What `used_layers` gives.
    keep_side : bool, default=False
        Keep also what leads to losses with a smaller weight than another one on the same labels.

    Returns
    -------
    Remaining

    Notes
    -----
    Goes from the ends to the data and keeps what is needed: of a loss what was learned among its bottoms, of labels
    nothing.
    """
    walk = _Walk(layers, frozenset() if keep_side else _side_losses(layers))
    for index in range(len(layers) - 1, -1, -1):
        walk.look_at(index)
    return Remaining(
        tuple(reversed(walk.kept)),
        frozenset(walk.inputs),
        tuple(reversed(walk.left_out)),
        tuple(reversed(walk.put_in)),
        tuple(layers[index].name for index in sorted(walk.side)),
    )


def _side_losses(layers: Sequence[Any]) -> frozenset[int]:
    """Losses that count less than another one on the same labels: heads that only help to train."""
    groups: dict[tuple[str, str], dict[int, float]] = {}
    for index, layer in enumerate(layers):
        if facts_of(layer.type).answer and len(layer.bottom) > 1:
            weight = layer.loss_weight[0] if layer.loss_weight else 1.0
            groups.setdefault((layer.type, layer.bottom[1]), {})[index] = weight
    return frozenset(i for group in groups.values() for i in group if group[i] < max(group.values()))


@dataclass(frozen=True)
class _Role:
    """What the layers below say about a layer."""

    is_learned: bool  # depends on something that is learned
    is_labelled: bool  # depends on labels
    scores: tuple[str, ...]  # the bottoms that somebody who uses the network wants, if the layer is an end


def _roles(layers: Sequence[Any]) -> list[_Role]:
    """Go through the layers once; a blob is what it is where it is read, whoever changes it in place later."""
    learns = any(map(_learns, layers))
    learned: set[str] = set()
    labelled: set[str] = set()
    result = []
    for layer in layers:
        plain = [name for name in layer.bottom if name not in labelled]
        # What mixes learned values with labels is an end as well, and leads to those.
        scores = [b for b in plain if b in learned] or [b for b in layer.bottom if b in learned] or plain[:1]
        is_learned = not is_source(layer) and (not learns or _learns(layer) or not learned.isdisjoint(layer.bottom))
        is_labelled = len(plain) < len(layer.bottom)
        result.append(_Role(is_learned, is_labelled, tuple(scores)))
        labels = _labels(layer, layers) if is_source(layer) else layer.top if is_labelled else ()
        if facts_of(layer.type).answer:
            labels = layer.top[:1]  # a second top shows the answer
        learned -= set(layer.top)
        labelled -= set(layer.top)
        learned.update(layer.top if is_learned else ())
        labelled.update(labels)
    return result


def _learns(layer: Any) -> bool:
    """Whether a layer has parameters."""
    return facts_of(layer.type).learns or bool(layer.param)


def _labels(source: Any, layers: Sequence[Any]) -> list[str]:
    """The tops of a source that are labels: by its type, or as only losses and scores read them, not first."""
    result = list(source.top[1:]) if facts_of(source.type).labels == "numbers" else []
    for top in source.top:
        readers = [layer for layer in layers if top in layer.bottom]
        if readers and all((is_loss(r) or r.type == "Accuracy") and r.bottom[0] != top for r in readers):
            result.append(top)
    return result


class _Walk:
    """The way from the ends to the data."""

    def __init__(self, layers: Sequence[Any], side: frozenset[int]) -> None:
        self.layers, self.side = layers, side
        self.roles = _roles(layers)
        self.has_loss = any(map(is_loss, layers))
        self.taken = {name for layer in layers for name in (layer.name, *layer.top)}
        self.kept: list[Any] = []
        self.inputs: set[str] = set()
        self.left_out: list[str] = []
        self.put_in: list[str] = []
        self.needed: set[str] = set()
        self.read: set[str] = set()

    def look_at(self, index: int) -> None:
        """Keep a layer, replace it, or leave it out; those after it have been looked at."""
        layer, role = self.layers[index], self.roles[index]
        is_output = role.is_learned and not self.read.issuperset(layer.top)
        is_wanted = is_output or not self.needed.isdisjoint(layer.top)
        if is_source(layer):
            self.inputs.update(self.needed.intersection(layer.top))
        if is_loss(layer) or not facts_of(layer.type).is_deployed or (role.is_labelled and is_wanted):
            self._end(index)
        elif is_wanted:
            self.kept.append(layer)
            self.needed -= set(layer.top)
            self.needed.update(layer.bottom)
        else:
            self.left_out.append(f"{layer.name} ({layer.type})")
        self.read -= set(layer.top) - set(layer.bottom)
        self.read.update(layer.bottom)

    def _end(self, index: int) -> None:
        """Leave out what ends the network, but keep what leads to it."""
        layer = self.layers[index]
        self.left_out.append(f"{layer.name} ({layer.type})")
        self.needed -= set(layer.top)
        if index in self.side or layer.type == "Silence" or (layer.type == "Accuracy" and self.has_loss):
            return
        self.needed.update(self.roles[index].scores)
        answer = self._answer(layer)
        if answer is not None:
            self.kept.append(answer)
            self.put_in.append(f"{answer.name} ({answer.type}) for {layer.name} ({layer.type})")

    def _answer(self, loss: Any) -> Any:
        """What a loss computes inside as a layer of its own, unless the network has that already."""
        kind = facts_of(loss.type).answer
        if not kind or any(o.type == kind and o.bottom[:1] == loss.bottom[:1] for o in self.layers):
            return None
        # A second top of a loss shows the probabilities; whoever reads it finds them under the same name.
        top = loss.top[1] if kind == "Softmax" and len(loss.top) > 1 else free_name("prob", self.taken)
        self.taken.add(top)
        answer = schema.LayerParameter(name=top, type=kind, bottom=loss.bottom[:1], top=[top])
        axis = loss.infogain_loss_param.axis if loss.type == "InfogainLoss" else loss.softmax_param.axis
        if kind == "Softmax" and axis != 1:
            answer.softmax_param.axis = axis
        return answer
