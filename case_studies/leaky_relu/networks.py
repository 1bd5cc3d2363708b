"""BaseCNN at any width, slope, learning rate and filler, written as prototxt files that Caffe reads, too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from case_studies.common.queue import ROOT

#: The first has no prototxt of its own name: it is BaseCNN with ReLU.
SLOPES = (0.0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.24, 0.25, 0.3)
#: Caffe's msra filler takes ReLU for granted; the other one is msra for the slope that the net has.
FILLERS = ("msra", "msra_for_slope")


@dataclass(frozen=True)
class Schedule:
    """How long a net is trained.

    Attributes
    ----------
    batch : int
        Images in an iteration.
    iterations : int
        The learning rate falls to a tenth after 62.5% and again after 87.5% of them, as in the full schedule.
    display : int
        Iterations from one loss that is noted to the next.
    n_tested : int
        Test images, in hundreds, of each of the ten tests on the way.
    """

    batch: int
    iterations: int
    display: int
    n_tested: int = 20

    @property
    def steps(self) -> tuple[int, int]:
        """Iterations at which the rate falls."""
        return round(0.625 * self.iterations), round(0.875 * self.iterations)


#: The full one is that of ``prototxt/base_cnn``.
FULL = Schedule(128, 32000, 100)
REDUCED = Schedule(64, 2400, 20)


@dataclass(frozen=True)
class Variant:
    """One of the study's nets.

    Attributes
    ----------
    slope : float
        Of the leaky ReLU; 0 is ReLU.
    width : float
        Share of BaseCNN's channels and of fc5's units.
    schedule : Schedule
    rate : float
        Learning rate at the start.
    filler : str
        One of `FILLERS`.
    """

    slope: float
    width: float
    schedule: Schedule
    rate: float = 0.01
    filler: str = "msra"


def name_of(slope: float) -> str:
    """The net's folder below ``prototxt``, and the first part of its results' names."""
    return f"base_cnn_leaky{slope:g}" if slope else "base_cnn"


def write(variant: Variant, folder: Path, data: Path) -> Path:
    """Write ``train_val.prototxt`` and ``solver.prototxt``.

    Parameters
    ----------
    variant : Variant
    folder : Path
        Where to.
    data : Path
        Folder with the databases that `data.prepare` makes.

    Returns
    -------
    Path
        Of the solver.
    """
    from cnnvis_caffe.formats.prototxt import read_network, read_solver, write_text

    source = ROOT / "prototxt" / name_of(variant.slope)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    net = read_network(source / "train_val.prototxt").message
    _change(net, variant, data.resolve())
    write_text(folder / "train_val.prototxt", net)
    solver = read_solver(source / "solver.prototxt").message
    schedule = variant.schedule
    solver.net = str(folder / "train_val.prototxt")
    solver.snapshot_prefix = str(folder / "net")
    solver.base_lr, solver.max_iter, solver.display = variant.rate, schedule.iterations, schedule.display
    del solver.stepvalue[:]
    solver.stepvalue.extend(schedule.steps)
    solver.test_iter[:] = [schedule.n_tested]
    solver.test_interval = solver.snapshot = max(1, schedule.iterations // 10)
    write_text(folder / "solver.prototxt", solver)
    return folder / "solver.prototxt"


def _change(net: Any, variant: Variant, data: Path) -> None:
    """Turn BaseCNN into one of the study's nets."""
    fan_in = 3  # channels that come in, then values
    for layer in net.layer:
        if layer.type == "Data":
            layer.data_param.source = str(data / Path(layer.data_param.source).name)
            layer.transform_param.mean_file = str(data / Path(layer.transform_param.mean_file).name)
            if layer.transform_param.mirror:  # of the training images alone
                layer.data_param.batch_size = variant.schedule.batch
        elif layer.type == "Convolution":
            param = layer.convolution_param
            param.num_output = round(param.num_output * variant.width)
            _fill(param.weight_filler, variant, fan_in * param.kernel_size[0] ** 2)
            fan_in = param.num_output
        elif layer.name == "fc5":
            param = layer.inner_product_param
            param.num_output = round(param.num_output * variant.width)
            _fill(param.weight_filler, variant, fan_in * 2 * 2)  # pool4's size


def _fill(filler: Any, variant: Variant, fan_in: int) -> None:
    """Set how weights begin: a variance of 2 / fan_in suits ReLU, 2 / ((1 + slope²) fan_in) a leaky one."""
    if variant.filler == "msra_for_slope":
        filler.type = "gaussian"
        filler.std = math.sqrt(2 / ((1 + variant.slope**2) * fan_in))
