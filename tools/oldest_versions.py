"""Say whether the oldest versions that setup.py allows are those that are installed here.

    python tools/oldest_versions.py

Exit code 1, with a line for each, where another is installed, or none.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import sys
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "setup.py"
#: Packages that Debian installs without saying that they are these.
MODULES = {"opencv-python-headless": "cv2"}


def oldest() -> dict[str, str]:
    """Package: the oldest version that is allowed; those without one are left out."""
    lists = [node.value for node in ast.parse(SETUP.read_text("utf-8")).body if isinstance(node, ast.Assign)]
    names = [item.value for node in lists if isinstance(node, ast.List) for item in node.elts]
    return dict(name.split(">=") for name in names if ">=" in name)


def installed(name: str) -> str:
    """Version of a package here, or "none"."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if name not in MODULES:
            return "none"
    try:
        return str(importlib.import_module(MODULES[name]).__version__)
    except ImportError:
        return "none"


def main() -> int:
    """Compare."""
    pairs = {name: (least, installed(name)) for name, least in oldest().items()}
    others = [name for name, (least, found) in pairs.items() if not f"{found}.".startswith(f"{least}.")]
    for name in others:
        print("{}: setup.py allows {}, installed is {}".format(name, *pairs[name]))
    return bool(others)


if __name__ == "__main__":
    sys.exit(main())
