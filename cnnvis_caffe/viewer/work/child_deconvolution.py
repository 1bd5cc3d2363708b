"""Makes deconvolutions of a neuron in another process: they need the model, and PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.analysis.deconvolution import deconvolve
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.store import read_analysis


def deconvolve_in_file(
    path: str,
    snapshot: str,
    node: str,
    neuron: int,
    allow_python_layers: bool,
    places: Sequence[str],
    progress: Progress,
) -> dict[int, np.ndarray]:
    """Project the strongest images of a neuron of an analysis file back to the pixels."""
    analysis = read_analysis(path)
    chosen = analysis.snapshot(snapshot)
    return deconvolve(analysis, chosen, node, neuron, progress, allow_python_layers=allow_python_layers, places=places)
