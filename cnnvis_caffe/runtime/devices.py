"""Lists the GPUs that PyTorch and the driver see, and says why one cannot be used.

`look` asks them; `why_not` and `describe` only judge what was seen.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import warnings
from dataclasses import dataclass, replace
from typing import Any

from cnnvis_caffe.processes import find_program

#: The oldest driver for each major version of CUDA that PyTorch may be built for (NVIDIA, "CUDA Compatibility").
LEAST_DRIVER = {11: 450, 12: 525, 13: 580}

#: What of a GPU the driver's own command is asked for; drivers before 510 do not know the last.
_SMI_FIELDS = ("index", "driver_version", "memory.total", "name", "compute_cap")
_SMI_SECONDS = 20.0

_OLDER = "for older GPUs and drivers there is constraints-cuda12.txt (docker/README.md)"


@dataclass(frozen=True)
class Gpu:
    """A GPU as PyTorch or the driver names it; `memory` in bytes, `capability` None where it is not known."""

    name: str
    memory: int
    capability: tuple[int, int] | None = None


@dataclass(frozen=True)
class Sight:
    """What is seen of GPUs.

    Attributes
    ----------
    torch : str
        PyTorch's version.
    cuda : str or None
        The version of CUDA that it was built for.
    kernels : tuple of str
        What it holds machine code for ("sm_75") and what can be translated for newer GPUs ("compute_120").
    usable : bool
        Whether PyTorch finds a GPU that it can talk to.
    driver : str or None
        Version of NVIDIA's driver, where it was asked.
    gpus : tuple of Gpu
        By their index; from the driver where PyTorch finds none.
    visible : str or None
        CUDA_VISIBLE_DEVICES.
    said : str
        What PyTorch or the driver complained about.
    """

    torch: str
    cuda: str | None
    kernels: tuple[str, ...] = ()
    usable: bool = False
    driver: str | None = None
    gpus: tuple[Gpu, ...] = ()
    visible: str | None = None
    said: str = ""


def look(torch: Any, ask_driver: bool = False) -> Sight:
    """Ask PyTorch, and the driver where PyTorch finds no GPU.

    Parameters
    ----------
    torch : module
    ask_driver : bool
        Ask the driver in any case, which takes up to some seconds.
    """
    get_kernels = getattr(torch._C, "_cuda_getArchFlags", lambda: None)
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        usable = bool(torch.cuda.is_available())
        found = range(torch.cuda.device_count()) if usable else ()
        gpus = tuple(_seen_by_torch(torch.cuda.get_device_properties(index)) for index in found)
    sight = Sight(
        torch=str(torch.__version__),
        cuda=torch.version.cuda,
        kernels=tuple((get_kernels() or "").split()),
        usable=usable,
        gpus=gpus,
        visible=os.environ.get("CUDA_VISIBLE_DEVICES"),
        said=" ".join(str(complaint.message) for complaint in complaints),
    )
    if usable and not ask_driver:
        return sight
    driver, gpus, said = driver_answer()
    return replace(sight, driver=driver, gpus=sight.gpus if usable else gpus, said=sight.said or said)


def _seen_by_torch(properties: Any) -> Gpu:
    return Gpu(str(properties.name), int(properties.total_memory), (properties.major, properties.minor))


def driver_answer() -> tuple[str | None, tuple[Gpu, ...], str]:
    """Ask NVIDIA's driver by its own command.

    Returns
    -------
    driver : str or None
        Its version.
    gpus : tuple of Gpu
    said : str
        What it complained about.
    """
    said = ""
    program = find_program("nvidia-smi")
    if program is None:
        return None, (), "nvidia-smi is not there"
    for fields in (_SMI_FIELDS, _SMI_FIELDS[:-1]):
        words = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_SMI_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return None, (), str(error)
        if done.returncode == 0:
            return *read_smi(done.stdout), ""
        said = said or " ".join(done.stdout.split())
    return None, (), said


def read_smi(text: str) -> tuple[str | None, tuple[Gpu, ...]]:
    """Read a table of nvidia-smi.

    Parameters
    ----------
    text : str
        A line for each GPU: index, version of the driver, memory in MiB, name and, in newer ones, compute capability.

    Returns
    -------
    driver : str or None
    gpus : tuple of Gpu
    """
    driver, gpus = None, []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) < len(_SMI_FIELDS) - 1:
            continue
        driver = cells[1]
        memory = int(cells[2]) * 2**20 if cells[2].isdigit() else 0
        capability = None
        with contextlib.suppress(ValueError, IndexError):
            major, minor = cells[4].split(".")
            capability = int(major), int(minor)
        gpus.append(Gpu(cells[3], memory, capability))
    return driver, tuple(gpus)


def why_not(sight: Sight, index: int = 0) -> str | None:
    """Say why a GPU cannot be used.

    Returns
    -------
    str or None
        One line that says what is wrong and what to do; None if it can be used.
    """
    if not sight.usable:
        return _why_none(sight)
    if not 0 <= index < len(sight.gpus):
        hidden = f" (CUDA_VISIBLE_DEVICES is {sight.visible!r})" if sight.visible else ""
        return f"0 to {len(sight.gpus) - 1} are there{hidden}"
    gpu = sight.gpus[index]
    if gpu.capability and not has_kernels(sight.kernels, gpu.capability):
        return (
            f"{gpu.name} has compute capability {_dotted(gpu.capability)}, but PyTorch {sight.torch} is built for "
            f"{_supported(sight)}; {_OLDER if gpu.capability < _oldest(sight.kernels) else 'install a newer PyTorch'}"
        )
    return None


def _why_none(sight: Sight) -> str:
    """Why no GPU at all can be used."""
    seen = f"the driver {sight.driver} shows {_names(sight)}" if sight.gpus else "no NVIDIA driver answers, either"
    if sight.cuda is None:
        return (
            f"PyTorch {sight.torch} is a build without CUDA ({seen}); install one with CUDA, as docker/README.md says"
        )
    if sight.driver is None:
        return f"no NVIDIA driver answers ({sight.said or 'no reason given'})"
    least = LEAST_DRIVER.get(int(sight.cuda.split(".")[0]), 0)
    if _major(sight.driver) < least:
        older = f", or, {_OLDER}" if _major(sight.driver) >= LEAST_DRIVER[12] else ""
        return (
            f"the driver {sight.driver} is too old: PyTorch {sight.torch} is built for CUDA {sight.cuda}, which needs "
            f"driver {least} or newer; install a newer driver{older}"
        )
    if sight.visible is not None and sight.gpus:
        return f"CUDA_VISIBLE_DEVICES={sight.visible!r} hides {_names(sight)}"
    return f"PyTorch finds no GPU ({sight.said or seen})"


def describe(sight: Sight) -> list[str]:
    """Return lines that say which GPU, driver and CUDA are seen, and why a GPU cannot be used."""
    lines = [f"PyTorch {sight.torch}, built {f'for CUDA {sight.cuda}' if sight.cuda else 'without CUDA'}"]
    if sight.kernels:
        lines.append(f"its kernels: {_supported(sight)}")
    lines.append(f"NVIDIA driver: {sight.driver or f'none answers ({sight.said})'}")
    for index, gpu in enumerate(sight.gpus):
        capability = _dotted(gpu.capability) if gpu.capability else "unknown"
        reason = why_not(sight, index)
        verdict = f"cannot be used: {reason}" if reason else "can be used"
        what = f"GPU {index}: {gpu.name}, compute capability {capability}, {gpu.memory / 2**30:.1f} GiB"
        lines.append(f"{what}: {verdict}" if sight.usable else f"{what}, seen by the driver alone")
    return lines if sight.usable else [*lines, f"no GPU can be used: {why_not(sight)}"]


def has_kernels(kernels: tuple[str, ...], capability: tuple[int, int]) -> bool:
    """Say whether a build runs on GPUs of a compute capability; where nothing is known, it does.

    Parameters
    ----------
    kernels : tuple of str
        Machine code ("sm_86") runs on GPUs of the same major version from this minor one on, with a letter behind it
        ("sm_90a") on exactly these; "compute_80" is translated for any GPU from 8.0 on.
    capability : tuple of int
        Major and minor version.
    """
    return not kernels or any(_runs(*_parts(kernel), capability) for kernel in kernels)


def _runs(kind: str, built_for: tuple[int, int], is_exact: bool, capability: tuple[int, int]) -> bool:
    if is_exact:
        return capability == built_for
    return capability >= built_for and (kind == "compute" or capability[0] == built_for[0])


def _parts(kernel: str) -> tuple[str, tuple[int, int], bool]:
    """Kind, compute capability, and whether it is for exactly that one."""
    kind, _, version = kernel.partition("_")
    digits = re.sub(r"\D", "", version)
    return kind, (int(digits[:-1]), int(digits[-1])), not version.isdigit()


def _oldest(kernels: tuple[str, ...]) -> tuple[int, int]:
    return min(_parts(kernel)[1] for kernel in kernels)


def _supported(sight: Sight) -> str:
    """The compute capabilities of a build, in words."""
    machine_code = sorted({_parts(kernel)[1] for kernel in sight.kernels if kernel.startswith("sm")})
    newer = any(kernel.startswith("compute") for kernel in sight.kernels)
    return f"compute capability {', '.join(map(_dotted, machine_code))}{' and newer' if newer else ''}"


def _dotted(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"


def _names(sight: Sight) -> str:
    return ", ".join(gpu.name for gpu in sight.gpus)


def _major(version: str) -> int:
    return int(re.match(r"\d*", version).group() or 0)  # type: ignore[union-attr]
