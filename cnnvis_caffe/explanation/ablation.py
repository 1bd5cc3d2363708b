"""Trains variants of a network from scratch, and puts their errors beside each other (Zeiler and Fergus 2014, Table 3).

A variant has a folder: its prototxts, the snapshots as the solver writes them, and at the end ``result.json``. Started
again, a variant with a result is not trained again, and one without goes on from its newest snapshot.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cnnvis_caffe.errors import Cancelled, CnnvisError, DataFileError, NetError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.files.opening import read_file
from cnnvis_caffe.formats import beside, schema
from cnnvis_caffe.formats.prototxt import read_network, read_solver, write_text
from cnnvis_caffe.network.ablate import ablated
from cnnvis_caffe.network.deploy import deploy
from cnnvis_caffe.network.deploy_layers import is_source
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.variant import Ablation, Retrained, Variant

SOLVER, NETWORK, DEPLOY, RESULT = "solver.prototxt", "train_val.prototxt", "deploy.prototxt", "result.json"
LOG = "training.jsonl"
_NO_RESULT = "is not the result of an ablation; remove it"


@dataclass(frozen=True)
class AblationOptions:
    """How variants are trained.

    Attributes
    ----------
    folder : str
        A folder for each variant goes into it.
    variants : tuple of Variant
    iterations : int
        Instead of the solver's max_iter, if not 0.
    seed : int
        The solver's random_seed, if not below 0.
    keep_weights : str
        Weights file whose parameters a variant begins with where name and shape fit; empty for none.
    """

    folder: str
    variants: tuple[Variant, ...]
    iterations: int = 0
    seed: int = -1
    keep_weights: str = ""


def write_variants(solver: str | os.PathLike[str], options: AblationOptions) -> tuple[Path, ...]:
    """Write the prototxts of all variants; none where one cannot be made.

    Parameters
    ----------
    solver : str or path-like
        Solver prototxt with a ``net``.
    options : AblationOptions

    Returns
    -------
    tuple of Path
        The folder of each variant, with solver, train_val and, where the shape of the images is known, deploy.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or a variant cannot be made.
    """
    file = read_solver(solver)
    param = file.message
    beside.find_in_solver(param, file.path)
    if not param.net:
        raise NetError(f"{file.path}: names no net; give a solver with one file for both phases (net: ...)")
    network = read_network(param.net)
    beside.find_in_network(network.message, network.path)
    _make_absolute(network)
    made = [ablated(network, variant) for variant in options.variants]
    folders = tuple(Path(options.folder).resolve() / _folder_name(variant) for variant in options.variants)
    param.ClearField("weights")
    if options.iterations:
        param.max_iter = options.iterations
    if options.seed >= 0:
        param.random_seed = options.seed
    param.snapshot = min(param.snapshot or 1000, max(1, param.max_iter // 4))
    for folder, variant in zip(folders, made):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / NETWORK, variant.message)
        param.net, param.snapshot_prefix = os.fspath(folder / NETWORK), os.fspath(folder / "net")
        write_text(folder / SOLVER, param)
        # Where the shape of the images is not known, the weights will tell: `cnnvis-caffe deploy --weights`.
        with contextlib.suppress(CnnvisError):
            deploy(folder / NETWORK).write(folder / DEPLOY)
    return folders


def ablate(solver: str | os.PathLike[str], options: AblationOptions, progress: Progress = SILENT) -> Ablation:
    """Train variants of a network, and measure their errors.

    Parameters
    ----------
    solver : str or path-like
        Solver prototxt with a ``net``.
    options : AblationOptions
    progress : Progress, optional
        Told of every iteration. What is cancelled goes on later from a snapshot.

    Returns
    -------
    Ablation

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, a variant cannot be made, or a folder holds another run.
    """
    folders = write_variants(solver, options)
    rows = []
    for folder, variant in zip(folders, options.variants):
        key = _key(folder, options)
        found = _result(folder, key)
        if found is None:
            _claim(folder, key)
            found = _train(folder, variant, options, progress)
            write_bytes(folder / RESULT, json.dumps({"key": key, **asdict(found)}, indent=1).encode())
        rows.append(found)
    return Ablation(read_network(folders[0] / NETWORK).message.name or "network", tuple(rows))


def _make_absolute(network: NetworkFile) -> None:
    """Let layers name what they read so that it is found from the variants' folders."""
    for layer in network.message.layer:
        for part, field in (
            ("data_param", "source"), ("image_data_param", "source"), ("hdf5_data_param", "source"),
            ("window_data_param", "source"), ("transform_param", "mean_file"),
        ):  # fmt: skip
            path = getattr(getattr(layer, part), field) if layer.HasField(part) else ""
            if path and os.path.exists(path):
                setattr(getattr(layer, part), field, os.path.abspath(path))


def _folder_name(variant: Variant) -> str:
    """The description as the name of a folder."""
    name = re.sub(r"[^A-Za-z0-9.=]+", "-", variant.words).strip("-")
    return name if len(name) <= 100 else f"{name[:90]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _key(folder: Path, options: AblationOptions) -> str:
    """What must be the same for a training to go on."""
    digest = hashlib.sha256()
    for name in (SOLVER, NETWORK):
        # The folder may have been moved.
        digest.update(read_file(folder / name).replace(os.fspath(folder).encode(), b""))
    if options.keep_weights:
        digest.update(read_file(options.keep_weights))
    return digest.hexdigest()


def _result(folder: Path, key: str) -> Retrained | None:
    """What is there already."""
    if not (folder / RESULT).exists():
        return None
    found_key, result = read_result(folder / RESULT)
    if found_key != key:
        raise _other_run(folder)
    return result


def read_result(path: Path) -> tuple[str, Retrained]:
    """Read the result of one training, and the key of what was trained.

    Raises
    ------
    DataFileError
        If it is something else.
    """
    try:
        found = json.loads(read_file(path))
        key = found.pop("key")
        found["accuracies"], found["kept"] = tuple(found["accuracies"]), tuple(found["kept"])
        result = Retrained(**{**found, "folder": os.fspath(path.parent)})
        numbers = [result.n_parameters, result.iterations, result.seconds, result.diverged or 0]
        numbers += [*result.train.values(), *result.test.values()]
        texts = [key, result.words, *result.train, *result.test, *result.accuracies, *result.kept]
        is_sound = all(isinstance(number, (int, float)) for number in numbers) and all(
            isinstance(text, str) for text in texts
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataFileError(os.fspath(path), _NO_RESULT) from error
    if not is_sound:
        raise DataFileError(os.fspath(path), _NO_RESULT)
    return key, result


def _claim(folder: Path, key: str) -> None:
    """Note what is trained here, or raise if that is something else."""
    note = folder / "training.key"
    if note.exists() and read_file(note).decode("ascii", "replace") != key:
        raise _other_run(folder)
    write_bytes(note, key.encode())


def _other_run(folder: Path) -> CnnvisError:
    """Say that a folder is taken."""
    return CnnvisError(
        f"{folder}: holds a training with another network, solver, seed or weights to begin with; give another folder, "
        "or remove it"
    )


def _train(folder: Path, variant: Variant, options: AblationOptions, progress: Progress) -> Retrained:
    """Train one variant to its end."""
    from cnnvis_caffe.runtime.net_weights import copy_fitting
    from cnnvis_caffe.runtime.solvers import create_solver
    from cnnvis_caffe.runtime.solvers.training_log import TrainingLog

    solver = create_solver(read_solver(folder / SOLVER))
    kept = copy_fitting(solver.net, options.keep_weights) if options.keep_weights else ()
    newest = _newest_state(folder)
    if newest is not None:
        solver.restore(os.fspath(newest))
    log = TrainingLog(folder / LOG)
    solver.callbacks.append(log)
    log.start(solver)
    started = time.monotonic()
    try:
        _step(solver, variant.words, progress)
    finally:
        log.close()
        _add_seconds(folder, time.monotonic() - started)
    outputs: dict[str, dict[str, float]] = {} if solver.divergence else _outputs(solver)
    return Retrained(
        variant.words,
        os.fspath(folder),
        sum(blob.count for blob in solver.net.params.learnable),
        solver.iter,
        _add_seconds(folder, 0),
        outputs.get("train", {}),
        outputs.get("test", {}),
        _accuracies(solver),
        solver.divergence.iteration if solver.divergence else None,
        kept,
    )


def _step(solver: Any, words: str, progress: Progress) -> None:
    """Make the iterations that are left; write a snapshot at the end, and where it is cancelled."""
    from cnnvis_caffe.runtime.solvers import Action

    told = solver.iter
    cancelled: list[Cancelled] = []

    def watch() -> Action:
        nonlocal told
        try:
            if solver.iter > told:
                told = solver.iter
                progress.step()
        except Cancelled as error:
            cancelled.append(error)
        return Action.STOP if cancelled or solver.divergence is not None else Action.NONE

    solver.requested_action = watch
    progress.start(solver.param.max_iter - solver.iter, words)
    solver.step(solver.param.max_iter - solver.iter)
    if solver.divergence is None and solver.last_snapshot_iter != solver.iter:
        solver.snapshot()
    if cancelled:
        raise cancelled[0]
    progress.done()


def _newest_state(folder: Path) -> Path | None:
    """The solver state of the highest iteration."""
    pattern = re.compile(r"net_iter_(\d+)\.solverstate(\.h5)?")
    found = {int(match[1]): path for path in folder.iterdir() if (match := pattern.fullmatch(path.name))}
    return found[max(found)] if found else None


def _add_seconds(folder: Path, seconds: float) -> float:
    """Add to the time that a training took so far; return all of it."""
    path = folder / "training.seconds"
    try:
        before = float(read_file(path))
    except (OSError, ValueError):
        before = 0.0
    write_bytes(path, f"{before + seconds:.2f}".encode())
    return before + seconds


def _outputs(solver: Any) -> dict[str, dict[str, float]]:
    """The outputs of the first test net, on its own images and on those of the training."""
    from cnnvis_caffe.runtime import net_weights
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.solvers.testing import mean_outputs

    found: dict[str, dict[str, float]] = {}
    if not solver.test_nets:
        return found
    network = read_network(solver.param.net)
    on_training = _fed_with_training_images(network)
    nets = {"test": solver.test_nets[0]}
    if on_training is not None:
        nets["train"] = Net(on_training, schema.TEST)
    for part, net in nets.items():
        net_weights.share_with(net, solver.net)
        means = mean_outputs(net, solver.param.test_iter[0])
        if means is not None:
            found[part] = {output.name: float(output.values.mean()) for output in means[0]}
    return found


def _fed_with_training_images(network: NetworkFile) -> NetworkFile | None:
    """The network whose TEST phase reads what its TRAIN phase reads; None where that is another kind of layer."""
    message = type(network.message)()
    message.CopyFrom(network.message)
    sources = {
        tuple(layer.top): layer for layer in message.layer
        if is_source(layer) and any(rule.phase == schema.TRAIN for rule in layer.include)
    }  # fmt: skip
    n_fed = 0
    for layer in message.layer:
        if is_source(layer) and any(rule.phase == schema.TEST for rule in layer.include):
            theirs = sources.get(tuple(layer.top))
            part = facts_of(layer.type).source_settings
            if theirs is None or theirs.type != layer.type or not part:
                return None
            own = getattr(layer, part).batch_size
            getattr(layer, part).CopyFrom(getattr(theirs, part))
            getattr(layer, part).batch_size = own
            n_fed += 1
    return replace(network, message=message) if n_fed else None


def _accuracies(solver: Any) -> tuple[str, ...]:
    """Outputs of the first test net that are accuracies."""
    if not solver.test_nets:
        return ()
    net = solver.test_nets[0]
    outputs = {net.blob_names[number] for number in net.output_ids}
    return tuple(
        top for layer in net.param.layer if layer.type == "Accuracy" for top in layer.top[:1] if top in outputs
    )
