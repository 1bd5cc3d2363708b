"""Load weights into a net once, in a process of its own.

Run by our own Python, and as a program where `import caffe` is the real one; hence nothing newer than Python 3.9.

    python opening_child.py ours|caffe PROTOTXT CAFFEMODEL

builds the net and tells its process id, loads the weights when it gets a line and tells the seconds, and with the next
line tells the sum of every parameter. Each answer is a line of JSON. In between, whoever started it sees its memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def pycaffe(name: str) -> Any:
    """The real one, or ours."""
    if name == "caffe":
        import caffe
    else:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
        from cnnvis_caffe import pycaffe as caffe
    return caffe


def answer(value: Any) -> None:
    """Tell something, and wait until the reader has seen enough."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


def main() -> None:
    name, prototxt, weights = sys.argv[1:]
    caffe = pycaffe(name)
    net = caffe.Net(prototxt, caffe.TEST)
    answer(os.getpid())
    start = time.perf_counter()
    net.copy_from(weights)
    answer(time.perf_counter() - start)
    answer([float(blob.data.sum(dtype="float64")) for blobs in net.params.values() for blob in blobs])


if __name__ == "__main__":
    main()
