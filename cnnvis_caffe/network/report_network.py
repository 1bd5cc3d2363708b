"""Reports on a network, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.network.costs import count_params, memory, multiply_adds
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.facts.channel_counts import PartialShape
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.input_shapes import assume_input_shapes, set_input_shapes
from cnnvis_caffe.network.means import mean_notes
from cnnvis_caffe.network.names import value_names
from cnnvis_caffe.network.partial_shapes import partial_shapes
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.network.weights_fit import compare
from cnnvis_caffe.records.dag import Dag, DagLayer, Value
from cnnvis_caffe.records.network_file import NetworkFile, UnknownField
from cnnvis_caffe.records.weights import WeightsFile
from cnnvis_caffe.runtime.layers import is_known_type, near_types

Report = dict[str, Any]
#: Phase (None: whichever can be built), level and stages.
Choice = tuple["str | None", int, tuple[str, ...]]


def text_format(network: NetworkFile) -> Report:
    """How a prototxt is written."""
    return {
        "text": True,
        "generation": network.generation,
        "upgrades": list(network.upgrades),
        "unknown_fields": [unknown_field(field) for field in network.unknown],
    }


def unknown_field(field: UnknownField) -> Report:
    """A field, or a value of one, that Caffe 1.0 does not have."""
    place = {"name": field.name, "line": field.line, "column": field.column}
    about = {"value": field.value or None, "is_of_fork": field.is_of_fork}
    return {**place, "message": field.message_type, "near": list(field.near), **about}


def add_network(
    report: Report,
    network: NetworkFile,
    files: Sequence[WeightsFile],
    choice: Choice,
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Add the network, and whether the weights fit."""
    network = set_input_shapes(network, shapes)
    dag, notes = _build(network, files, choice, shapes)
    report["network"] = _network(dag, network, files, notes)
    report["fits"] = [fit_report(dag, file) for file in files]


def _build(
    network: NetworkFile,
    files: Sequence[WeightsFile],
    choice: Choice,
    shapes: dict[str, tuple[int, ...]],
) -> tuple[Dag, list[str]]:
    """The graph for the phase that was asked for, or for the first that can be built."""
    phase, level, stages = choice
    tries = [(phase or "TEST", stages)]
    if phase is None and not stages:
        tries += [("TEST", (stage,)) for stage in _stages_of(network)] + [("TRAIN", ())]
    first: NetError | None = None
    for name, some_stages in tries:
        try:
            assumed = assume_input_shapes(network, name, level, some_stages, given=shapes, weights=files)
            shaped = set_input_shapes(network, assumed.shapes)
            dag = build_dag(shaped, name, level, some_stages, input_shapes=assumed.shapes)
        except NetError as error:
            first = first or error
            continue
        notes = list(assumed.notes)
        if first is not None:
            stage = f", stage {some_stages[0]!r}" if some_stages else ""
            notes.insert(0, f"shown for phase {name}{stage}; without, it cannot be built: {first}")
        return dag, notes
    assert first is not None
    raise first


def _stages_of(network: NetworkFile) -> list[str]:
    """Stages that layers ask for, in the order of the file."""
    stages = [stage for layer in network.message.layer for rule in layer.include for stage in rule.stage]
    return list(dict.fromkeys(stages))


def _network(dag: Dag, network: NetworkFile, files: Sequence[WeightsFile], notes: Sequence[str]) -> Report:
    """The layers, and what they come to."""
    names = value_names(dag)
    fields = ReceptiveFields(dag)
    parts = partial_shapes(dag, network.message.layer, files)
    layers = [_layer(dag, index, names, fields, parts) for index in range(len(dag.layers))]
    costs = [layer["multiply_adds"] for layer in layers]
    total = None if None in costs else sum(costs)
    batch = next(((dag.shape(value) or (0,))[0] for value in dag.inputs if dag.shape(value)), 0)
    size = memory(dag)
    unknown = [_unknown_type(layer) for layer in dag.layers if not is_known_type(layer.type)]
    shown = {layer.name for layer in dag.layers}
    return {
        "name": dag.name,
        "phase": dag.phase,
        "n_layers": len(dag.layers),
        "n_splits": dag.n_splits,
        "layers": layers,
        "edges": [list(edge) for edge in dag.edges],
        "inputs": [{"name": names[value], "shape": _shape(dag.shape(value))} for value in dag.inputs],
        "outputs": [{"name": dag.blob_name(value), "shape": _shape(dag.shape(value))} for value in dag.outputs],
        "parameters": count_params(dag),
        "all_shapes_known": all(layer.is_shaped for layer in dag.layers),
        "batch": batch or None,
        "multiply_adds": total,
        "multiply_adds_per_image": total / batch if total is not None and batch else None,
        "memory": None if size is None else asdict(size),
        "notes": [*notes, *mean_notes((layer for layer in network.message.layer if layer.name in shown), network.path)],
        "problems": _problems(dag),
        "unknown_types": unknown,
        "left_out": [layer.name for layer in network.message.layer if layer.name not in shown],
    }


def _layer(
    dag: Dag,
    index: int,
    names: Mapping[Value, str],
    fields: ReceptiveFields,
    parts: Mapping[Value, PartialShape],
) -> Report:
    """One layer."""
    layer = dag.layers[index]
    return {
        "name": layer.name,
        "type": layer.type,
        "settings": layer.settings,
        "line": layer.line,
        "bottoms": list(layer.bottoms),
        "reads": [list(source) for source in layer.sources],
        "tops": [
            {
                "name": top,
                "shape": _shape(layer.top_shapes[number]),
                "shape_in_part": None if layer.is_shaped else _shape(parts.get((index, number))),
                "in_place": layer.is_in_place(number),
                "loss_weight": layer.loss_weights[number] if number < len(layer.loss_weights) else 0.0,
            }
            for number, top in enumerate(layer.tops)
        ],
        "parameters": [
            {
                "name": param.name or None,
                "shape": list(param.shape),
                "count": param.count,
                "shared_with": param.owner,
                "lr_mult": param.lr_mult,
                "decay_mult": param.decay_mult,
            }
            for param in layer.params
        ],
        "n_parameters": sum(param.count for param in layer.params if param.owner is None),
        "multiply_adds": multiply_adds(layer),
        "receptive_fields": _fields(layer, names.get((index, 0)), fields),
    }


def _fields(layer: DagLayer, name: str | None, fields: ReceptiveFields) -> list[Report]:
    """The receptive field of the first top, for each input that has a height and a width."""
    if name is None or not layer.is_shaped:
        return []
    result = []
    for source in fields.inputs(name):
        summary = fields.summary(name, source)
        result.append(
            {
                "input": source,
                "size": list(summary.size),
                "stride": list(summary.stride),
                "offset": list(summary.offset),
                "whole": summary.is_whole,
                "assumed": fields.assumed(name),
            }
        )
    return result


def _shape(shape: PartialShape | None) -> list[int | None] | None:
    """A shape for JSON."""
    return None if shape is None else list(shape)


def _unknown_type(layer: DagLayer) -> Report:
    """A layer whose type neither Caffe nor a known fork has."""
    return {"layer": layer.name, "type": layer.type, "line": layer.line, "near": near_types(layer.type)}


def _problems(dag: Dag) -> list[str]:
    """Layers whose shapes are not known, by what keeps them from it."""
    result = []
    for layer in dag.layers:
        if layer.is_shaped or facts_of(layer.type).is_on_disk or not is_known_type(layer.type):
            continue
        if not layer.bottoms or all(shape is not None for shape in layer.bottom_shapes):
            why = "its code is not run here" if layer.type == "Python" else "its shape is not written in the file"
            result.append(f"{layer.tops[0]}: not known what layer {layer.name!r} ({layer.type}) gives, as {why}")
    return result


def fit_report(dag: Dag, file: WeightsFile) -> Report:
    """Whether a weights file fits."""
    fit = compare(dag, file)
    return {"file": file.path, "fits": fit.fits, "layers": [asdict(layer) for layer in fit.layers]}
