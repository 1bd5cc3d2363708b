"""Other kinds of HDF5 files, made plain by the HDF5 library in a process of its own, which may die of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from cnnvis_caffe.files.plain_hdf5.content import Damage
from cnnvis_caffe.processes import environment, python_code

_SCRIPT = Path(__file__).with_name("copy_by_library.py")
_MEMORY = 512 << 20  # for the library and numpy themselves
_SECONDS = 4.0  # of processor time
_PATIENCE = 20  # times that on the clock: where everything is busy a sound file is still read
_BYTES_PER_SECOND = 20e6


def make_plain(path: str, plain: str, most: int) -> None:
    """Write a plain copy of an HDF5 file.

    Parameters
    ----------
    path, plain : str
        The file, and its copy.
    most : int
        How many bytes its arrays may take.

    Raises
    ------
    Damage
        If the library cannot read it, dies of it, or takes too long.
    """
    size = Path(path).stat().st_size
    seconds = _SECONDS + size / _BYTES_PER_SECOND
    words = [path, plain, str(most), str(_MEMORY + most), str(int(seconds) + 1)]
    command = python_code(f"import runpy; runpy.run_path({str(_SCRIPT)!r}, run_name='__main__')", words)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE * seconds, env=environment()
        )
    except subprocess.TimeoutExpired as error:
        raise Damage(f"is damaged: the HDF5 library had not read it after {_PATIENCE * seconds:.0f} s") from error
    told = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.returncode == 1 and told:
        raise Damage(told[-1])
    if done.returncode:
        raise Damage("is damaged: the HDF5 library cannot read it")
