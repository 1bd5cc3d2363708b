"""Run both case studies, one after the other; each goes on where it stopped.

python -m case_studies --work FOLDER     snapshots, results and reports go below FOLDER
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from cnnvis_caffe.processes import environment, python_words
from cnnvis_caffe.runtime.backend import torch

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run them, on a GPU where there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="a few iterations, to see that all works")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for study in ("network_architecture", "leaky_relu"):
        work = arguments.work.resolve() / study
        words = [f"case_studies.{study}.run", "--device", device, "--work", str(work), "--out", str(work)]
        words += ["--quick"] if arguments.quick else []
        subprocess.run(python_words(*words, folders=[ROOT]), env=environment(), check=True)


if __name__ == "__main__":
    main()
