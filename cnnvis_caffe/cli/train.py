"""`cnnvis-caffe train`: trains a network as a solver says, with the flags of `caffe train`."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from cnnvis_caffe.cli.caffe_flags import ARGUMENTS, CaffeCommand, split_names
from cnnvis_caffe.cli.device import gpu_indices, precision_option, use_device
from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.python_layers import python_layers_option, serve_python_layers
from cnnvis_caffe.processes import python_words

if TYPE_CHECKING:
    from cnnvis_caffe.records.network_file import SolverFile
    from cnnvis_caffe.runtime.solvers import Solver

logger = logging.getLogger(__name__)

_EFFECTS = click.Choice(["snapshot", "stop", "none"])


@click.command(cls=CaffeCommand)
@click.option("--solver", required=True, type=click.Path(dir_okay=False), help="The solver prototxt.")
@click.option("--weights", metavar="FILES", help="Weights to start from, separated by commas.")
@click.option("--snapshot", type=click.Path(dir_okay=False), help="The solver state to go on from.")
@click.option("--gpu", metavar="IDS",
              help="Train on these GPUs together, such as 0,1 or all, whatever solver_mode says.")  # fmt: skip
@click.option("--cpu", is_flag=True, help="Train on the CPU, whatever the solver's solver_mode says.")
@click.option("--devices", type=click.IntRange(1), metavar="N",
              help="Train in so many processes of the CPU together, each with the prototxt's batch size.")  # fmt: skip
@precision_option
@click.option("--graphs/--no-graphs", default=True, show_default=True,
              help="On a GPU, record an iteration once as CUDA graphs and replay it.")  # fmt: skip
@click.option("--iterations", type=click.IntRange(0), help="Make so many iterations, instead of up to max_iter.")
@click.option("--level", type=int, default=0, help="Level that the layers' rules ask for.")
@click.option("--stage", metavar="NAMES", help="Stages that the layers' rules ask for, separated by commas.")
@click.option("--sigint_effect", type=_EFFECTS, default="stop", show_default=True, help="What Ctrl-C does.")
@click.option("--sighup_effect", type=_EFFECTS, default="snapshot", show_default=True, help="What SIGHUP does.")
@click.option("--log", "log_path", type=click.Path(dir_okay=False), metavar="FILE.jsonl",
              help="Add losses, scores and the sizes of weights, gradients and updates to this file.")  # fmt: skip
@fork_option
@python_layers_option
@click.pass_context
def command(
    ctx: click.Context,
    solver: str,
    weights: str | None,
    snapshot: str | None,
    gpu: str | None,
    cpu: bool,
    devices: int | None,
    precision: str,
    graphs: bool,
    iterations: int | None,
    level: int,
    stage: str | None,
    sigint_effect: str,
    sighup_effect: str,
    log_path: str | None,
    allow_python_layers: bool,
) -> None:
    """Train a network as a solver prototxt says.

    Flags are Caffe's and may have one dash. Ctrl-C and SIGTERM end the iteration and write a snapshot; a second Ctrl-C
    ends at once.

    Several devices train as Caffe's do: each has the batch size of the prototxt and its share of the data, gradients
    are averaged, and the first one tests and writes snapshots. On several machines, torchrun starts this command.
    """
    from cnnvis_caffe.cli.glog import caffe_log
    from cnnvis_caffe.cli.launch import is_launched, launch
    from cnnvis_caffe.cli.signals import SignalWatch
    from cnnvis_caffe.runtime import ranks
    from cnnvis_caffe.runtime.solvers import Action, create_solver
    from cnnvis_caffe.runtime.solvers.several_devices import join_processes, leave_processes
    from cnnvis_caffe.runtime.solvers.solver_nets import check_solver_data
    from cnnvis_caffe.runtime.tuning import tune_for_training

    serve_python_layers(allow_python_layers)
    if snapshot and weights:
        raise click.UsageError("--snapshot and --weights exclude each other: a snapshot has weights of its own")
    gpus = gpu_indices(gpu, cpu)
    if gpus and devices:
        raise click.UsageError("--gpu and --devices exclude each other: --gpu names the devices")
    file = _read_solver(solver, level, split_names(stage), snapshot, split_names(weights))
    param = file.message
    check_solver_data(param, solver, allow_python_layers=allow_python_layers)
    n_devices = devices or max(len(gpus), 1)
    if n_devices > 1 and not is_launched():
        _check_gpus(gpus)
        _make_snapshot_folder(param)
        names = [f"GPU {index}" for index in gpus] or ["CPU"] * n_devices
        words = python_words("cnnvis_caffe", *_own_flags(ctx), "train", *ctx.meta[ARGUMENTS])
        ctx.exit(launch(words, names))
    tune_for_training()
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(caffe_log())
        watch = stack.enter_context(SignalWatch(Action(sigint_effect), Action(sighup_effect)))
        wants_gpu = not cpu and param.HasField("solver_mode") and param.solver_mode == type(param).GPU
        use_device(_own_gpu(gpus), _own_device_id(param) if wants_gpu else None, precision)
        is_one_of_several = join_processes()
        stack.callback(leave_processes)
        is_root = ranks.is_root()
        if is_root:
            _make_snapshot_folder(param)
        else:
            logging.getLogger("cnnvis_caffe").setLevel(logging.ERROR)  # the root says everything
        trained = create_solver(file, allow_python_layers=allow_python_layers)
        trained.uses_recordings = graphs
        trained.requested_action = watch.requested
        if snapshot:
            logger.info("Resuming from %s", snapshot)
            trained.restore(snapshot)
        if is_one_of_several:
            logger.info("Training on %d devices together", ranks.solver_count())
            trained.train_together()
        if log_path is not None and is_root:
            stack.enter_context(_training_log(trained, log_path))
        if sys.stderr.isatty() and is_root and not _is_quiet(ctx):
            stack.enter_context(_progress_bar(trained, iterations, screen))
        _solve(trained, iterations)
    if trained.stopped_early and watch.stopped_by is not None:
        ctx.exit(128 + watch.stopped_by)


def _check_gpus(indices: list[int]) -> None:
    """Refuse a GPU that is not there, before anything is started on others."""
    from cnnvis_caffe.runtime import backend

    for index in indices:
        backend.require_gpu(index)


def _own_flags(ctx: click.Context) -> list[str]:
    """The flags before the command's name that its processes get, too."""
    given = ctx.find_root().params
    switches = [flag for flag in ("quiet", "debug") if given.get(flag)]
    return [*(f"--{flag}" for flag in switches), *["--verbose"] * (given.get("verbose") or 0)]


def _own_gpu(indices: list[int]) -> int | None:
    """The GPU of this process among those that the user named."""
    from cnnvis_caffe.cli.launch import is_launched, local_rank

    if not indices or not is_launched():
        return indices[0] if indices else None
    if local_rank() >= len(indices):
        raise click.UsageError(f"--gpu names {len(indices)} GPUs, but more processes were started on this machine")
    return indices[local_rank()]


def _own_device_id(param: Any) -> int:
    """The GPU of this process where only the solver asks for one."""
    from cnnvis_caffe.cli.launch import is_launched, local_rank

    return local_rank() if is_launched() else param.device_id


def _read_solver(path: str, level: int, stages: list[str], snapshot: str | None, weights: list[str]) -> SolverFile:
    """Read a solver, with what the command line says in place of what the file says."""
    from cnnvis_caffe.formats.beside import find_in_solver
    from cnnvis_caffe.formats.prototxt import read_solver

    file = read_solver(path, allow_unknown=False)
    file.message.train_state.level = level
    file.message.train_state.stage.extend(stages)
    if snapshot or weights:
        file.message.weights[:] = weights
    find_in_solver(file.message, path)
    return file


def _make_snapshot_folder(param: Any) -> None:
    """Make the folder that snapshots go to, which Caffe would want to find there."""
    logger.info("Snapshots will be written to %s_iter_N.*", param.snapshot_prefix)
    folder = os.path.dirname(param.snapshot_prefix)
    if folder and not os.path.exists(folder):
        logger.info("Making the folder %s for snapshots", folder)
        os.makedirs(folder, exist_ok=True)


def _solve(trained: Solver, iterations: int | None) -> None:
    """Train, and write a snapshot where that was ended by a signal."""
    logger.info("Starting Optimization")
    trained.solve(n_iters=iterations)
    if trained.stopped_early and trained.last_snapshot_iter != trained.iter:
        trained.snapshot()  # even where the solver says snapshot_after_train: false
    logger.info("Optimization Done.")


def _is_quiet(ctx: click.Context) -> bool:
    """Whether the user wants to see no progress."""
    return bool(ctx.find_root().params.get("quiet"))


@contextlib.contextmanager
def _training_log(solver: Solver, path: str) -> Iterator[None]:
    """Write the log for programs inside the block."""
    from cnnvis_caffe.runtime.solvers.training_log import TrainingLog

    log = TrainingLog(path)
    solver.callbacks.append(log)
    log.start(solver)
    try:
        yield
    finally:
        log.close()


@contextlib.contextmanager
def _progress_bar(solver: Solver, iterations: int | None, screen: Any) -> Iterator[None]:
    """Show how far training has come inside the block, with log lines above."""
    from cnnvis_caffe.cli.train_bar import TrainBar

    bar = TrainBar(solver.iter, solver.param.max_iter if iterations is None else solver.iter + iterations)
    solver.callbacks.append(bar)
    before, screen.write = screen.write, bar.write
    try:
        yield
    finally:
        screen.write = before
        bar.close()
