"""A home of the tests' own: no test reads or writes the user's settings and caches, or shows on their screen."""

from __future__ import annotations

import os
import shlex
import shutil
import site
import tempfile
from pathlib import Path

#: Names the home of this run: processes that tests start, and pytest's workers, find it set and keep to it.
VARIABLE = "CNNVIS_TEST_HOME"
#: What decides on Linux, macOS and Windows where settings, caches and other files of a user lie.
FOLDERS = {
    "HOME": "",
    "USERPROFILE": "",
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": "run",
    "APPDATA": "AppData/Roaming",
    "LOCALAPPDATA": "AppData/Local",
}
#: Screens. Whoever tests what happens with one sets it for that child alone.
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")
REAL_CAFFE = "CNNVIS_REAL_CAFFE"


def move_in() -> Path | None:
    """Give this process and all that it starts a home in a temporary folder.

    Returns
    -------
    Path or None
        The folder, which the caller has to remove at the end; None where a process above has made it.
    """
    if os.environ.get(VARIABLE):
        return None
    home = Path(tempfile.mkdtemp(prefix="cnnvis-home-"))
    if os.environ.get(REAL_CAFFE):
        # The real Caffe may lie in the user's cache: the command that reaches it keeps the user's home.
        os.environ[REAL_CAFFE] = f"{_as_the_user()} {os.environ[REAL_CAFFE]}"
    os.environ.setdefault("PYTHONUSERBASE", site.getuserbase())  # packages installed there are still found
    for name, below in FOLDERS.items():
        (home / below).mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(home / below)
    (home / FOLDERS["XDG_RUNTIME_DIR"]).chmod(0o700)  # Qt says so where it is not
    for name in SCREENS:
        os.environ.pop(name, None)
    os.environ[VARIABLE] = str(home)
    return home


def move_out(home: Path | None) -> None:
    """Remove what `move_in` made."""
    if home is not None:
        shutil.rmtree(home, ignore_errors=True)


def _as_the_user() -> str:
    """The words that run a command with the variables that are set now."""
    unset = [f"-u {name}" for name in FOLDERS if name not in os.environ]
    kept = [shlex.quote(f"{name}={os.environ[name]}") for name in FOLDERS if name in os.environ]
    return " ".join(["env", *unset, *kept])
