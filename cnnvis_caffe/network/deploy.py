"""Makes the network that is used: inputs in place of data, answers in place of losses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnnvis_caffe.errors import CaffemodelError, FileFormatError, LayerError, NetError, ParamMismatchError
from cnnvis_caffe.formats import beside, file_kind, schema
from cnnvis_caffe.formats.prototxt import read_network, write_text
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.deploy_layers import Remaining, is_source, remaining_layers, used_layers
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.input_shapes import assume_input_shapes, set_input_shapes
from cnnvis_caffe.network.means import mean_notes, preparation_options
from cnnvis_caffe.network.names import free_name
from cnnvis_caffe.network.snapshot import network_of, phase_of
from cnnvis_caffe.network.weights_fit import compare
from cnnvis_caffe.records.dag import Dag
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.weights import WeightsFile
from cnnvis_caffe.records.weights_fit import DIFFERS, MISSING


@dataclass(frozen=True)
class Deployed:
    """A network as it is used, and what became of the one that it was made from.

    Attributes
    ----------
    network : NetworkFile
    inputs, outputs : dict of str to tuple of int
        Blobs and their shapes; empty where a shape is not known.
    left_out : tuple of str
        Layers that are gone, with their types.
    put_in : tuple of str
        What stands in their place, in words.
    preparation : tuple of str
        How images were prepared, as options of ``cnnvis-caffe analyze``, such as ``"--scale 0.00390625"``.
    notes : tuple of str
        Where shapes come from, and what else is to be known.
    """

    network: NetworkFile
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    left_out: tuple[str, ...]
    put_in: tuple[str, ...]
    preparation: tuple[str, ...]
    notes: tuple[str, ...]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the prototxt, with a line above it that says how images are prepared.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        NetError
            If it is the file that the network was made from, which would be lost.
        """
        source = self.network.path
        if os.path.exists(path) and os.path.samefile(path, source):
            raise NetError(f"{os.fspath(path)}: is the file that the network is made from; give another name")
        prepared = f"; images are prepared by {' '.join(self.preparation)}" if self.preparation else ""
        comment = f"Made from {os.path.basename(source)} by `cnnvis-caffe deploy`{prepared}."
        write_text(path, self.network.message, comment=comment)


def deploy(
    path: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    stages: Sequence[str] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    batch: int | None = None,
    keep_side: bool = False,
) -> Deployed:
    """Make the network that uses what another one was trained to do.

    Parameters
    ----------
    path : str or path-like
        Network prototxt of any generation, or a caffemodel, which holds the network that it was saved with.
    weights : str or path-like, optional
        Weights of the network in a prototxt; they may tell the shape of the images.
    stages : sequence of str, optional
        For the layers' stage rules.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of inputs by the name of their blobs, instead of what is found.
    batch : int, optional
        Images in a batch, instead of what the data layer says.
    keep_side : bool, default=False
        Keep also what leads to losses with a smaller weight than another one on the same labels.

    Returns
    -------
    Deployed

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, weights do not fit, or the shape of an input cannot be known.
    """
    path = os.fspath(path)
    network, files, notes = _open(path, weights)
    beside.find_in_network(network.message, path)
    layers = used_layers(network, stages)
    remaining = remaining_layers(layers, keep_side=keep_side)
    if not any(layer.bottom for layer in remaining.layers):
        raise NetError(f"{path}: has no layers that learn or compute anything")
    bare = _bare(network, remaining)
    shapes, shape_notes = _shapes(bare, remaining, files, dict(input_shapes or {}), batch)
    made, put_in = _with_inputs(bare, remaining, shapes)
    dag = _checked(made, files, shape_notes)
    if remaining.side:
        notes.append(
            f"{', '.join(remaining.side)}: left out with what only they need, as they count less than another loss on "
            "the same labels; --side-losses keeps them"
        )
    return Deployed(
        network=made,
        inputs=shapes,
        outputs={dag.blob_name(value): dag.shape(value) or () for value in dag.outputs},
        left_out=remaining.left_out,
        put_in=(*put_in, *remaining.put_in),
        preparation=next(filter(None, map(preparation_options, filter(is_source, remaining.layers))), ()),
        notes=(*notes, *shape_notes, *mean_notes(remaining.layers, path), *_lonely_layers(dag, files), *_problems(dag)),
    )


def _open(path: str, weights: str | os.PathLike[str] | None) -> tuple[NetworkFile, list[WeightsFile], list[str]]:
    """The network, the weights that belong to it, and what is to be known about it."""
    kind = file_kind.guess_kind(path)
    files = [] if weights is None else [read_weights(weights)]
    if kind in (file_kind.CAFFEMODEL, file_kind.HDF5_WEIGHTS):
        own = read_weights(path)
        network = network_of(own)
        if network is None:
            raise CaffemodelError(
                path, "holds arrays but no network; give the prototxt that it was trained with, and this as --weights"
            )
        return network, files or [own], _as_in_test(network) if phase_of(own) == "TRAIN" else []
    if kind in (file_kind.SOLVER, file_kind.SOLVERSTATE, file_kind.HDF5_SOLVERSTATE, file_kind.MEAN,
                file_kind.ANALYSIS):  # fmt: skip
        raise FileFormatError(path, f"is a {kind} file; give a network prototxt or a caffemodel")
    return read_network(path), files, []


def _as_in_test(network: NetworkFile) -> list[str]:
    """Change in place what a snapshot says because it was in training."""
    changed = []
    for layer in network.message.layer:
        if layer.batch_norm_param.HasField("use_global_stats") and not layer.batch_norm_param.use_global_stats:
            layer.batch_norm_param.ClearField("use_global_stats")
            changed.append(layer.name)
    return [f"{', '.join(changed)}: taken to use the saved mean and variance, as in TEST"] if changed else []


def _bare(network: NetworkFile, remaining: Remaining) -> NetworkFile:
    """The layers that remain without anything that only training needs."""
    message = type(network.message)(name=network.message.name)
    for layer in remaining.layers:
        added = message.layer.add()
        added.CopyFrom(layer)
        for field in ("loss_weight", "propagate_down", "blobs", "param", "phase"):
            added.ClearField(field)
        for spec in layer.param if any(spec.name for spec in layer.param) else ():
            kept = added.param.add()
            if spec.name:  # whoever has the name shares the array
                kept.name = spec.name
            if spec.HasField("share_mode"):
                kept.share_mode = spec.share_mode
        if not is_source(layer):
            _drop_fillers(added)
        elif not facts_of(layer.type).knows_its_shapes:
            added.top[:] = [top for top in layer.top if top in remaining.inputs]
    return replace(network, message=message)


def _drop_fillers(layer: Any) -> None:
    """Leave out how parameters begin; but interpolation is what a layer does, whether weights hold it or not."""
    for field, settings in layer.ListFields():
        if field.message_type is None or schema.is_repeated(field):
            continue
        for inner, value in settings.ListFields():
            kind = inner.message_type.name if inner.message_type is not None else ""
            if kind == "FillerParameter" and value.type != "bilinear":
                settings.ClearField(inner.name)


def _shapes(
    bare: NetworkFile,
    remaining: Remaining,
    files: Sequence[WeightsFile],
    given: dict[str, tuple[int, ...]],
    batch: int | None,
) -> tuple[dict[str, tuple[int, ...]], tuple[str, ...]]:
    """Shapes of all inputs, and where they come from."""
    bare = set_input_shapes(bare, given)
    assumed = assume_input_shapes(bare, given=given, weights=files)
    missing = sorted(remaining.inputs - set(assumed.shapes))
    if missing:
        assumed.shapes.update({name: dims for name, dims in _own_shapes(bare).items() if name in missing})
    unknown = [name for name in missing if name not in assumed.shapes]
    if len(unknown) > 1:
        options = " ".join(f"--input-shape {name}=N,C,H,W" for name in unknown)
        raise NetError(f"{bare.path}: the shapes of {', '.join(unknown)} are not known; give them with {options}")
    for name in unknown:
        why = next((note for note in assumed.notes if note.startswith(f"{name}:")), "")
        raise NetError(
            f"{bare.path}: {why or f'{name}: its shape is not known; give it with --input-shape {name}=N,C,H,W'}"
        )
    order = [top for layer in bare.message.layer if is_source(layer) for top in layer.top if top in remaining.inputs]
    shapes = {name: assumed.shapes[name] for name in order}
    if batch is not None:
        shapes = {name: shape if name in given else (batch, *shape[1:]) for name, shape in shapes.items()}
    return shapes, tuple(note for note in assumed.notes if note.partition(":")[0] in shapes)


def _own_shapes(bare: NetworkFile) -> dict[str, tuple[int, ...]]:
    """Shapes of what sources give that know it themselves."""
    sources = type(bare.message)(layer=[layer for layer in bare.message.layer if is_source(layer)])
    dag = build_dag(replace(bare, message=sources))
    return {dag.blob_name(value): dims for value in dag.inputs if (dims := dag.shape(value))}


def _with_inputs(
    bare: NetworkFile, remaining: Remaining, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[NetworkFile, list[str]]:
    """The network with an Input for each blob that comes from outside, and what these stand for."""
    message = type(bare.message)(name=bare.message.name)
    taken = {layer.name for layer in bare.message.layer if not is_source(layer)}
    is_fed = any(layer.type != "DummyData" for layer in bare.message.layer if is_source(layer))
    put_in = []
    for layer in bare.message.layer:
        # Beside real data, DummyData are constants of the network.
        if not is_source(layer) or (layer.type == "DummyData" and is_fed):
            message.layer.add().CopyFrom(layer)
            continue
        for top in layer.top:
            if top not in remaining.inputs:
                continue
            added = message.layer.add(name=free_name(top, taken), type="Input", top=[top])
            added.input_param.shape.add(dim=shapes[top])
            if layer.type != "Input":
                put_in.append(f"{added.name} (Input) for {layer.name} ({layer.type})")
    return replace(bare, message=message, layer_lines={}), put_in


def _checked(made: NetworkFile, files: Sequence[WeightsFile], notes: Sequence[str]) -> Dag:
    """The graph of what was made; weights that do not fit would have told wrong shapes."""
    try:
        dag = build_dag(made)
    except LayerError as error:
        if not notes:
            raise
        raise NetError(f"{error}; {'; '.join(notes)}: give the right shape with --input-shape") from error
    for file in files:
        wrong = compare(dag, file).named(DIFFERS)
        if wrong:
            raise ParamMismatchError(
                f"{file.path}: these are not the weights of {made.path}: layer {wrong[0].name!r}: {wrong[0].reason}"
            )
    return dag


def _lonely_layers(dag: Dag, files: Sequence[WeightsFile]) -> list[str]:
    """Layers for which the weights have nothing."""
    missing = [fit.name for file in files for fit in compare(dag, file).named(MISSING)]
    return [f"{', '.join(missing)}: the weights have nothing for them"] if missing else []


def _problems(dag: Dag) -> list[str]:
    """The first layer whose shape is not known, and how many more there are."""
    first = [layer for layer in dag.layers if not layer.is_shaped and None not in layer.bottom_shapes]
    more = f", nor of {len(first) - 1} more" if len(first) > 1 else ""
    return [f"{layer.name} ({layer.type}): its shape is not known{more}" for layer in first[:1]]
