"""A network as a graph of layers with shapes, built without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.dag import Dag, DagLayer, DagParam, Shape, Value
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.net import Net

PHASES = {"TRAIN": schema.TRAIN, "TEST": schema.TEST}


def build_dag(
    network: NetworkFile,
    phase: str = "TEST",
    level: int = 0,
    stages: Sequence[str] = (),
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Dag:
    """Build the graph of a network.

    Parameters
    ----------
    network : NetworkFile
    phase : {"TEST", "TRAIN"}
    level : int, default=0
        For the layers' min_level and max_level rules.
    stages : sequence of str, optional
        For the layers' stage rules, added to those in the file.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of tops of layers that cannot give them: data that is not here, Python layers, unknown types.

    Returns
    -------
    Dag
        Layers whose shapes cannot be known have None for them, and are listed in `problems`.

    Raises
    ------
    LayerError
        If a layer is not as Caffe allows it.
    """
    net = Net(network, PHASES[phase], level, stages, run=False, input_shapes=input_shapes)
    builder = _Builder(net, network)
    return Dag(
        name=net.name,
        path=network.path,
        phase=phase,
        layers=tuple(builder.layers),
        inputs=tuple(
            (index, top)
            for index, layer in enumerate(builder.layers)
            if not layer.bottoms and layer.type != "Parameter"
            for top in range(len(layer.tops))
        ),
        outputs=tuple(builder.current[blob_id] for blob_id in net.output_ids),
        n_splits=builder.n_splits,
        problems=tuple(net.problems),
    )


class _Builder:
    """Goes through the layers of a net once, past the Split layers that the net put in."""

    def __init__(self, net: Net, network: NetworkFile) -> None:
        self._net = net
        self._lines = network.layer_lines
        self._names = dict(enumerate(net.blob_names))
        self._owner_of = _owners(net)
        written = {layer.name for layer in network.message.layer if layer.type == "Split"}
        self.layers: list[DagLayer] = []
        self.current: dict[int, Value] = {}
        self.n_splits = 0
        for index, layer in enumerate(net.layers):
            if layer.type == "Split" and layer.name not in written:
                self._pass_split(index)
            else:
                self._append(index)

    def _pass_split(self, index: int) -> None:
        """The tops of a Split are what its bottom is."""
        self.n_splits += 1
        (source,) = self._net.bottom_ids[index]
        for top in self._net.top_ids[index]:
            self.current[top] = self.current[source]
            self._names[top] = self._names[source]
        weight = next(iter(self._net.layers[index].loss_weights), 0.0)
        if weight:  # the net moved it here from the layer above
            layer_index, top = self.current[source]
            layer = self.layers[layer_index]
            weights = [*layer.loss_weights]
            weights[top] = weight
            self.layers[layer_index] = DagLayer(**{**vars(layer), "loss_weights": tuple(weights)})

    def _append(self, index: int) -> None:
        """Add a layer."""
        net = self._net
        layer, bottom_ids, top_ids = net.layers[index], net.bottom_ids[index], net.top_ids[index]
        bottom_shapes = tuple(_shape(blob) for blob in net.bottoms[index])
        top_shapes = tuple(_shape(blob) for blob in net.tops[index])
        facts = facts_of(layer.type)
        has_shapes = None not in bottom_shapes + top_shapes
        fields = facts.receptive_field(layer, bottom_shapes, top_shapes) if has_shapes else ()  # type: ignore[arg-type]
        self.layers.append(
            DagLayer(
                name=layer.name,
                type=layer.type,
                settings=facts.describe(layer.param),
                line=self._lines.get(layer.name),
                bottoms=tuple(self._names[i] for i in bottom_ids),
                tops=tuple(self._names[i] for i in top_ids),
                sources=tuple(self.current[i] for i in bottom_ids),
                bottom_shapes=bottom_shapes,
                top_shapes=top_shapes,
                params=self._params(index),
                loss_weights=tuple(layer.loss_weights) or (0.0,) * len(top_ids),
                fields=tuple(fields),
            )
        )
        for top, blob_id in enumerate(top_ids):
            self.current[blob_id] = len(self.layers) - 1, top

    def _params(self, index: int) -> tuple[DagParam, ...]:
        """The parameters of a layer."""
        params = []
        for number, blob in enumerate(self._net.layers[index].blobs):
            specs = self._net.layers[index].param.param
            name = specs[number].name if number < len(specs) else ""
            owner, lr_mult, decay_mult = self._owner_of[index, number]
            params.append(DagParam(name, blob.shape, owner, lr_mult, decay_mult))
        return tuple(params)


def _owners(net: Net) -> dict[tuple[int, int], tuple[str | None, float, float]]:
    """For each (layer, parameter): who owns its memory, if it does not, and how it learns."""
    table: Any = net.params
    result = {}
    for number, place in enumerate(table.places):
        owner = table.owners[number]
        learnable = table.learnable_ids[number]
        name = None if owner < 0 else net.layer_names[table.places[owner][0]]
        result[place] = name, table.lr_mults[learnable], table.decay_mults[learnable]
    return result


def _shape(blob: Blob) -> Shape:
    """The shape of a blob; None for one that was never given a shape."""
    return blob.shape if blob.count else None
