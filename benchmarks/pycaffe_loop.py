"""One net, run over and over as a pycaffe script would: new input, forward, every output read.

Used twice: imported here for our own pycaffe, and run as a program where `import caffe` is the real one. Hence nothing
but numpy and pycaffe is used, and nothing newer than Python 3.9.

As a program: python pycaffe_loop.py FOLDER forward|backward
reads numbers of iterations from standard input, one on each line, and answers each with a line of their seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class PycaffeLoop:
    """A net whose `step(i)` is one iteration.

    Parameters
    ----------
    caffe : module
        pycaffe, ours or the real one.
    folder : Path
        With deploy.prototxt, train.prototxt, weights.caffemodel, inputs.npy and labels.npy.
    pass_name : str
        "forward" or "backward"; the latter is forward and backward of the net with a loss.
    """

    def __init__(self, caffe: Any, folder: Path, pass_name: str) -> None:
        self.is_train = pass_name == "backward"
        network = folder / ("train.prototxt" if self.is_train else "deploy.prototxt")
        self.net = caffe.Net(str(network), caffe.TRAIN if self.is_train else caffe.TEST)
        self.net.copy_from(str(folder / "weights.caffemodel"))
        self.inputs = np.load(folder / "inputs.npy")
        self.labels = np.load(folder / "labels.npy")

    def step(self, i: int) -> dict[str, np.ndarray]:
        """Run one iteration and return copies of all outputs."""
        net = self.net
        net.blobs["data"].data[...] = self.inputs[i % len(self.inputs)]
        if self.is_train:
            net.blobs["label"].data[...] = self.labels[i % len(self.labels)]
            net.clear_param_diffs()
        outputs = {name: values.copy() for name, values in net.forward().items()}
        if self.is_train:
            net.backward()
        return outputs

    def results(self) -> dict[str, np.ndarray]:
        """Outputs of the first input, and the gradients of all parameters."""
        results = dict(self.step(0))
        if self.is_train:
            for name, blobs in self.net.params.items():
                for i, blob in enumerate(blobs):
                    results[f"{name}[{i}]"] = blob.diff.copy()
        return results


def timed(step: Callable[[int], object], n: int) -> list[float]:
    """Seconds of each of n iterations, after one that does not count."""
    step(0)
    seconds = []
    for i in range(1, n + 1):
        start = time.perf_counter()
        step(i)
        seconds.append(time.perf_counter() - start)
    return seconds


def serve(step: Callable[[int], object]) -> None:
    """Answer each number of iterations on standard input with a line of seconds."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(timed(step, int(line))) + "\n")
        sys.stdout.flush()


def main() -> None:
    import caffe

    caffe.set_mode_cpu()
    folder, pass_name = Path(sys.argv[1]), sys.argv[2]
    loop = PycaffeLoop(caffe, folder, pass_name)
    np.savez(folder / f"caffe-{pass_name}.npz", **{k.replace("/", "|"): v for k, v in loop.results().items()})
    serve(loop.step)


if __name__ == "__main__":
    main()
