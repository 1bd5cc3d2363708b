"""Which GPU there is, its driver and the versions, as JSON: `python -m benchmarks.gpu_device FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from benchmarks.machine import machine
from cnnvis_caffe.runtime import backend, devices


def main() -> None:
    sight = backend.gpus(ask_driver=True)
    about = {
        "device": devices.describe(sight),
        "why_not": devices.why_not(sight),
        "machine": machine(),
        "cudnn": torch.backends.cudnn.version() if sight.usable else None,
    }
    Path(sys.argv[1]).write_text(json.dumps(about), "utf-8")


if __name__ == "__main__":
    main()
