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
    """Read the flags ``--gpu`` and ``--cpu`` of a command that runs on one device.

    Parameters
    ----------
    gpu : str or None
        A number, or "all".
    cpu : bool

    Returns
    -------
    int or None
        The GPU that was asked for; GPU 0 for "all", with a warning, as in Caffe.

    Raises
    ------
    click.UsageError
        If both were given, or more than one GPU, or something else.
    """
    if gpu == "all" and not cpu:
        logger.warning("--gpu all: this command runs on one GPU; using GPU 0")
        return 0
    indices = gpu_indices(gpu, cpu)
    if len(indices) > 1:
        raise click.BadParameter("this command runs on one GPU; name one", param_hint="--gpu")
    return indices[0] if indices else None


def gpu_indices(gpu: str | None, cpu: bool) -> list[int]:
    """Read the flags ``--gpu`` and ``--cpu`` of a command that can run on several devices.

    Parameters
    ----------
    gpu : str or None
        Numbers with commas between them, or "all".
    cpu : bool

    Returns
    -------
    list of int
        The GPUs that were asked for; empty where none were.

    Raises
    ------
    click.UsageError
        If both were given, a GPU twice, or something else.
    DeviceError
        If "all" was asked for where there are none.
    """
    if not gpu:
        return []
    if cpu:
        raise click.UsageError("--gpu and --cpu exclude each other")
    if gpu == "all":
        from cnnvis_caffe.runtime import backend

        backend.require_gpu(0)
        return list(range(len(backend.gpus().gpus)))
    numbers = gpu.split(",")
    if not all(number.isdigit() for number in numbers):
        allowed = "is neither a number, numbers with commas between them, nor 'all'"
        raise click.BadParameter(f"{gpu!r} {allowed}", param_hint="--gpu")
    if len(set(numbers)) < len(numbers):
        raise click.BadParameter(f"{gpu!r} names a GPU twice", param_hint="--gpu")
    return [int(number) for number in numbers]


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
