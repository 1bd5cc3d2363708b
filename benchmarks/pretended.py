"""Run a module as a program on a GPU that is only pretended: `python -m benchmarks.pretended MODULE [ARGUMENT ...]`.

For seeing that it runs, and for counting what it asks of a GPU; tests/helpers/pretended_gpu says what that finds.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a real one would be taken for it
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main() -> None:
    from helpers.pretended_gpu import pretended_gpu

    del sys.argv[0]
    with pretended_gpu():
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
