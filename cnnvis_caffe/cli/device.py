"""Chooses the device that a command runs on."""

from __future__ import annotations

import logging
import warnings

import click

from cnnvis_caffe.errors import NoGpuWarning

logger = logging.getLogger(__name__)

#: Names of `cnnvis_caffe.runtime.backend.Precision`, which is not imported before a command runs.
PRECISIONS = ("float32", "tf32", "bfloat16")

precision_option = click.option(
    "--precision", type=click.Choice(PRECISIONS), default="float32", show_default=True,
    help="Numbers that convolutions and inner products compute with. Caffe's are float32; tf32 is for GPUs only.",
)  # fmt: skip


def gpu_index(gpu: str | None, cpu: bool) -> int | None:
    """Read the flags ``--gpu`` and ``--cpu``.

    Parameters
    ----------
    gpu : str or None
        A number, or "all".
    cpu : bool

    Returns
    -------
    int or None
        The GPU that was asked for; GPU 0 for "all", with a warning.

    Raises
    ------
    click.UsageError
        If both were given, or more than one GPU, or something else.
    """
    if not gpu:
        return None
    if cpu:
        raise click.UsageError("--gpu and --cpu exclude each other")
    if gpu == "all":
        logger.warning("--gpu all: several GPUs at once are not supported; using GPU 0 alone")
        return 0
    if "," in gpu:
        raise click.BadParameter("only one GPU can be used at a time; name one", param_hint="--gpu")
    if not gpu.isdigit():
        raise click.BadParameter(f"{gpu!r} is neither a number nor 'all'", param_hint="--gpu")
    return int(gpu)


def use_device(index: int | None, default_index: int | None = None, precision: str = PRECISIONS[0]) -> None:
    """Run nets on a GPU, or on the CPU, from now on.

    Parameters
    ----------
    index : int or None
        The GPU that the user asked for.
    default_index : int or None
        The GPU to use otherwise, if there is any.
    precision : str
        One of `PRECISIONS`.

    Raises
    ------
    DeviceError
        If there is no such GPU; without any GPU `default_index` is a wish only.
    """
    from cnnvis_caffe.runtime import backend

    if index is not None:
        backend.require_gpu(index)
    elif default_index is not None:
        with warnings.catch_warnings(record=True) as complaints:
            warnings.simplefilter("always", NoGpuWarning)
            backend.set_mode_gpu()
        if backend.on_gpu():
            backend.require_gpu(default_index)
        for complaint in complaints:
            reason = getattr(complaint.message, "reason", complaint.message)
            logger.warning("solver_mode is GPU, but no GPU can be used: %s; using the CPU", reason)
    else:
        backend.set_mode_cpu()
    logger.info("Use %s", f"GPU with device ID {backend.device().index}" if backend.on_gpu() else "CPU.")
    backend.set_precision(backend.Precision(precision))
    if precision != PRECISIONS[0]:
        logger.info("Convolutions and inner products compute in %s", precision)
