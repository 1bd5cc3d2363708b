"""Everything that is to be said about a file, as plain dictionaries that become JSON or text.

The shape of these dictionaries is what `cnnvis-caffe inspect --json` promises; `SCHEMA` grows with every change that
takes something away or gives it another meaning.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from cnnvis_caffe.errors import FileFormatError, LayerError, NetError
from cnnvis_caffe.formats import file_kind, schema
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.formats.solverstate import read_solverstate
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.network.costs import count_params, memory, multiply_adds
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.input_shapes import assume_input_shapes, set_input_shapes
from cnnvis_caffe.network.names import value_names
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.network.snapshot import network_of, phase_of
from cnnvis_caffe.network.statistics import statistics
from cnnvis_caffe.network.weights_fit import compare
from cnnvis_caffe.records.dag import Dag, DagLayer
from cnnvis_caffe.records.network_file import NetworkFile, UnknownField
from cnnvis_caffe.records.weights import ParamArray, WeightsFile
from cnnvis_caffe.runtime.layers import DISK_TYPES, layer_type_list

SCHEMA = 1
_KINDS = {
    file_kind.NETWORK: "network",
    file_kind.SOLVER: "solver",
    file_kind.CAFFEMODEL: "weights",
    file_kind.HDF5_WEIGHTS: "weights",
    file_kind.SOLVERSTATE: "solverstate",
    file_kind.HDF5_SOLVERSTATE: "solverstate",
    file_kind.MEAN: "mean",
}

Report = dict[str, Any]


def inspect_file(
    path: str | os.PathLike[str],
    weights: Sequence[str | os.PathLike[str]] = (),
    *,
    phase: str | None = None,
    level: int = 0,
    stages: Sequence[str] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Report:
    """Look into a file of Caffe.

    Parameters
    ----------
    path : str or path-like
        Network or solver prototxt, weights, solver state or mean image.
    weights : sequence of str or path-like, optional
        Weights to compare with the network.
    phase : {"TEST", "TRAIN"}, optional
        TEST by default, or whatever the network can be built for.
    level : int, default=0
    stages : sequence of str, optional
    input_shapes : mapping of str to tuple of int, optional
        Shapes of inputs, instead of those in the file or where the file has none.

    Returns
    -------
    dict
        Of strings, numbers, lists and dictionaries only. ``"kind"`` says which of the other keys there are.

    Raises
    ------
    DataNotFoundError
        If a file is not there.
    CnnvisError
        If a file cannot be read, or the network is not as Caffe allows it.
    """
    path = os.fspath(path)
    kind = _KINDS.get(file_kind.guess_kind(path))
    if kind is None:
        kind = _kind_by_name(path)
    report: Report = {"schema": SCHEMA, "file": path, "bytes": os.path.getsize(path), "kind": kind}
    files = [read_weights(name) for name in weights]
    choice = phase, level, tuple(stages)
    shapes = dict(input_shapes or {})
    if kind == "network":
        network = read_network(path)
        report["format"] = _text_format(network)
        _add_network(report, network, files, choice, shapes)
        report["weights"] = [_weights(file) for file in files]
    elif kind == "solver":
        report.update(_solver(path))
    elif kind == "weights":
        file = read_weights(path)
        report["format"] = _weights_format(file)
        report["problems"] = []
        _add_network_of(report, file, files, choice, shapes)
        report["weights"] = [_weights(other) for other in [file, *files]]
    elif kind == "solverstate":
        report.update(_solver_state(path))
    else:
        report["mean"] = _mean(path)
    return report


def _kind_by_name(path: str) -> str:
    """What a file is meant to be whose content says nothing; its reader then says what is wrong."""
    name = path.lower()
    for ending, kind in ((".prototxt", "network"), (".caffemodel", "weights"), (".solverstate", "solverstate"),
                         (".binaryproto", "mean")):  # fmt: skip
        if name.endswith((ending, f"{ending}.h5")):
            return kind
    raise FileFormatError(
        path,
        "is none of the files that Caffe knows: a network or solver prototxt, a caffemodel, a solver state or a mean "
        "image, in text, binary or HDF5",
    )


# -- networks ----------------------------------------------------------------------------------------------------


def _text_format(network: NetworkFile) -> Report:
    """How a prototxt is written."""
    return {
        "text": True,
        "generation": network.generation,
        "upgrades": list(network.upgrades),
        "unknown_fields": [_unknown(field) for field in network.unknown],
    }


def _unknown(field: UnknownField) -> Report:
    """A field that Caffe does not know."""
    place = {"name": field.name, "line": field.line, "column": field.column}
    return {**place, "message": field.message_type, "near": list(field.near)}


def _add_network(
    report: Report,
    network: NetworkFile,
    files: Sequence[WeightsFile],
    choice: tuple[str | None, int, tuple[str, ...]],
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Add the network, and whether the weights fit."""
    network = set_input_shapes(network, shapes)
    dag, notes = _build(network, files, choice, shapes)
    report["network"] = _network(dag, network, notes)
    report["fits"] = [_fit(dag, file) for file in files]


def _build(
    network: NetworkFile,
    files: Sequence[WeightsFile],
    choice: tuple[str | None, int, tuple[str, ...]],
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
            dag = build_dag(network, name, level, some_stages, input_shapes=assumed.shapes)
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


def _network(dag: Dag, network: NetworkFile, notes: Sequence[str]) -> Report:
    """The layers, and what they come to."""
    names = value_names(dag)
    fields = ReceptiveFields(dag)
    layers = [_layer(dag, index, names, fields) for index in range(len(dag.layers))]
    costs = [layer["multiply_adds"] for layer in layers]
    total = None if None in costs else sum(costs)
    batch = next(((dag.shape(value) or (0,))[0] for value in dag.inputs if dag.shape(value)), 0)
    size = memory(dag)
    unknown = [_unknown_type(layer) for layer in dag.layers if layer.type not in layer_type_list()]
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
        "parameters": count_params(dag) if all(layer.is_shaped for layer in dag.layers if layer.bottoms) else None,
        "batch": batch or None,
        "multiply_adds": total,
        "multiply_adds_per_image": total / batch if total is not None and batch else None,
        "memory": None if size is None else asdict(size),
        "notes": list(notes),
        "problems": _problems(dag),
        "unknown_types": unknown,
        "left_out": [layer.name for layer in network.message.layer if layer.name not in shown],
    }


def _layer(dag: Dag, index: int, names: Mapping[tuple[int, int], str], fields: ReceptiveFields) -> Report:
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


def _shape(shape: tuple[int, ...] | None) -> list[int] | None:
    """A shape for JSON."""
    return None if shape is None else list(shape)


def _unknown_type(layer: DagLayer) -> Report:
    """A layer whose type Caffe does not have."""
    import difflib

    near = difflib.get_close_matches(layer.type, layer_type_list(), n=2)
    return {"layer": layer.name, "type": layer.type, "line": layer.line, "near": near}


def _problems(dag: Dag) -> list[str]:
    """Layers whose shapes are not known, by what keeps them from it."""
    result = []
    for layer in dag.layers:
        if layer.is_shaped or layer.type in DISK_TYPES or layer.type not in layer_type_list():
            continue
        if not layer.bottoms or all(shape is not None for shape in layer.bottom_shapes):
            why = "its code is not run here" if layer.type == "Python" else "its shape is not written in the file"
            result.append(f"{layer.tops[0]}: not known what layer {layer.name!r} ({layer.type}) gives, as {why}")
    return result


# -- weights -----------------------------------------------------------------------------------------------------


def _weights_format(file: WeightsFile) -> Report:
    """How a weights file is written."""
    arrays = [blob for layer in file.layers for blob in layer.blobs if blob is not None]
    return {
        "text": False,
        "container": file.format,
        "generation": file.generation or None,
        "upgrades": list(file.upgrades),
        "unknown_fields": list(file.unknown),
        "legacy_shapes": any(blob.legacy for blob in arrays),
        "has_diffs": any(blob.diff is not None for blob in arrays),
    }


def _weights(file: WeightsFile) -> Report:
    """The arrays of a weights file."""
    layers = [
        {
            "name": layer.name,
            "type": layer.type or None,
            "parameters": [None if blob is None else _array(blob) for blob in layer.blobs],
        }
        for layer in file.layers
        if layer.blobs
    ]
    counts = [param["statistics"]["count"] for layer in layers for param in layer["parameters"] if param]
    return {
        "file": file.path,
        "format": _weights_format(file),
        "net_name": file.net_name or None,
        "n_layers": len(file.layers),
        "n_parameters": sum(counts),
        "layers": layers,
    }


def _array(blob: ParamArray) -> Report:
    """Shape and statistics of an array."""
    return {"shape": list(blob.shape), "legacy": blob.legacy, "statistics": asdict(statistics(blob.data))}


def _fit(dag: Dag, file: WeightsFile) -> Report:
    """Whether a weights file fits."""
    fit = compare(dag, file)
    return {"file": file.path, "fits": fit.fits, "layers": [asdict(layer) for layer in fit.layers]}


def _add_network_of(
    report: Report,
    file: WeightsFile,
    others: Sequence[WeightsFile],
    choice: tuple[str | None, int, tuple[str, ...]],
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Add the network that a weights file was saved with, if it holds one that can be built."""
    network = network_of(file)
    if network is None:
        return
    choice = choice[0] or phase_of(file), *choice[1:]
    try:
        _add_network(report, network, [file, *others], choice, shapes)
    except LayerError as error:
        report["problems"].append(f"the network in the file cannot be built: {error}")


# -- the rest ----------------------------------------------------------------------------------------------------


def _solver(path: str) -> Report:
    """A solver's settings, and the networks that it names."""
    solver = read_solver(path)
    message = solver.message
    given = {field.name: _plain(field, value) for field, value in message.ListFields()}
    nets = [name for name in [message.net, message.train_net, *message.test_net] if name]
    return {
        "format": {
            "text": True,
            "generation": None,
            "upgrades": list(solver.upgrades),
            "unknown_fields": [_unknown(field) for field in solver.unknown],
        },
        "solver": {
            "type": message.type,
            "settings": given,
            "defaults": {
                field.name: _plain(field, getattr(message, field.name))
                for field in message.DESCRIPTOR.fields
                if field.name not in given and field.has_default_value
            },
            "learning_rate": _learning_rate(message),
            "nets": [{"file": name, "found": os.path.isfile(name)} for name in nets],
            "inline_nets": int(message.HasField("net_param"))
            + int(message.HasField("train_net_param"))
            + len(message.test_net_param),
        },
    }


def _plain(field: Any, value: Any) -> Any:
    """A field's value as JSON has it: enums by name, messages as text."""
    if schema.is_repeated(field):
        return [_plain_one(field, item) for item in value]
    return _plain_one(field, value)


def _plain_one(field: Any, value: Any) -> Any:
    """One value."""
    if field.message_type is not None:
        return str(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if isinstance(value, float):
        # The shortest number that is the same float32: 0.0005, not 0.0005000000237487257.
        return float(str(np.float32(value)))
    return value


def _learning_rate(solver: Any) -> str:
    """What the learning rate does, as a sentence."""
    base, gamma, power = (f"{_plain_one_float(solver, name)}" for name in ("base_lr", "gamma", "power"))
    policies = {
        "fixed": f"{base} throughout",
        "step": f"{base}, times {gamma} every {solver.stepsize} iterations",
        "exp": f"{base} times {gamma} to the power of the iteration",
        "inv": f"{base} / (1 + {gamma} * iteration) ** {power}",
        "multistep": f"{base}, times {gamma} at {', '.join(map(str, solver.stepvalue)) or 'no iteration'}",
        "poly": f"{base} * (1 - iteration / {solver.max_iter}) ** {power}",
        "sigmoid": f"{base} / (1 + exp(-{gamma} * (iteration - {solver.stepsize})))",
    }
    if solver.lr_policy in policies:
        return policies[solver.lr_policy]
    found = f"{solver.lr_policy!r} is unknown" if solver.lr_policy else "is missing"
    return f"{base}, but lr_policy {found}: Caffe stops at the first update; one of {', '.join(policies)} is needed"


def _plain_one_float(message: Any, name: str) -> str:
    """A float field as somebody would write it."""
    return f"{float(str(np.float32(getattr(message, name)))):g}"


def _solver_state(path: str) -> Report:
    """How far training had come, and the solver's memory."""
    state = read_solverstate(path)
    learned = state.learned_net
    beside = None
    if learned:
        candidates = [learned, os.path.join(os.path.dirname(path), os.path.basename(learned))]
        beside = next((name for name in candidates if os.path.isfile(name)), None)
    return {
        "format": {"text": False, "container": state.format, "unknown_fields": list(state.unknown)},
        "solverstate": {
            "iteration": state.iter,
            "current_step": state.current_step,
            "learned_net": learned,
            "learned_net_found": beside,
            "meaning": None if beside is None else _meaning(len(state.history), beside),
            "history": [_array(blob) for blob in state.history],
        },
    }


def _meaning(n_arrays: int, weights: str) -> str | None:
    """Which solvers keep as many arrays for the parameters of a weights file."""
    owned = [blob for layer in read_weights(weights).layers for blob in layer.blobs if blob is not None]
    if owned and n_arrays == len(owned):
        return "one for each parameter: SGD, Nesterov, AdaGrad or RMSProp"
    if owned and n_arrays == 2 * len(owned):
        return "two for each parameter: Adam or AdaDelta"
    return None


def _mean(path: str) -> Report:
    """A mean image."""
    mean = read_mean(path)
    channels = [asdict(statistics(channel)) for channel in mean]
    return {"shape": list(mean.shape), "statistics": asdict(statistics(mean)), "channels": channels}


def finite(value: Any) -> Any:
    """Return a report with None for numbers that JSON does not have.

    Parameters
    ----------
    value : object
        Report or part of one.
    """
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
