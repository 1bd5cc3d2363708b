"""A Caffe net run by OpenCV's importer, in a Python that has OpenCV 4; see pycaffe_loop.py."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from pycaffe_loop import serve


def main() -> None:
    folder = Path(sys.argv[1])
    net = cv2.dnn.readNetFromCaffe(str(folder / "deploy.prototxt"), str(folder / "weights.caffemodel"))
    inputs = np.load(folder / "inputs.npy")

    def step(i: int) -> np.ndarray:
        net.setInput(inputs[i % len(inputs)])
        return net.forward().copy()

    np.savez(folder / "opencv-forward.npz", prob=step(0))
    serve(step)


if __name__ == "__main__":
    main()
