"""A LeNet without training, analysed on digits, with its files: for what puts other images into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.once import once

SCALE = 0.00390625


def tried_analysis(factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The analysis file; in its folder lie `seven.png` and `wide.png`, for everybody to read."""

    def make(folder: Path) -> None:
        import cv2

        from cnnvis_caffe.pipeline import analyze

        deploy = repository / "prototxt" / "lenet" / "deploy.prototxt"
        out = folder / "a.cnnvis.h5"
        analyze(deploy, None, "digits:test", out, limit=40, scale=SCALE, gradients=False, contributions="none")
        seven = np.zeros((28, 28), np.uint8)
        cv2.putText(seven, "7", (5, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
        cv2.imwrite(str(folder / "seven.png"), seven)
        wide = np.random.RandomState(3).randint(0, 256, (50, 90, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / "wide.png"), wide)
        (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")

    return once(factory, "tried_network", make) / "a.cnnvis.h5"
