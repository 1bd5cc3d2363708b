"""How many neurons of a trained net never fire, and how many do what another one does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

N_IMAGES = 2000


def count(folder: Path, weights: str, data: Path, device: str, n_images: int = N_IMAGES) -> dict[str, Any]:
    """Count dead and redundant neurons behind every rectifier.

    Parameters
    ----------
    folder : Path
        With ``train_val.prototxt`` and the weights.
    weights : str
        Name of the file.
    data : Path
        Folder with the databases; training images are taken.
    device : {"cpu", "cuda"}
    n_images : int

    Returns
    -------
    dict
        "n_images" and "layers": by name of the rectifier "n", "dead" and "redundant".
    """
    from cnnvis_caffe.pipeline import analyze

    with tempfile.TemporaryDirectory() as scratch:
        analysis = analyze(
            folder / "train_val.prototxt",
            folder / weights,
            data / "cifar10_train_lmdb",
            Path(scratch) / "neurons.cnnvis.h5",
            device=device,
            limit=n_images,
            top=1,
            contributions="none",
            gradients=False,
        )
        assert analysis is not None
        return {"n_images": analysis.data.n_images, "layers": of_analysis(analysis)}


def of_analysis(analysis: Any, snapshot: int = -1) -> dict[str, dict[str, int]]:
    """Count in an analysis that is there.

    Parameters
    ----------
    analysis : Analysis
    snapshot : int, default=-1

    Returns
    -------
    dict
        By name of the rectifier "n", "dead" (its input is never above zero) and "redundant" (groups of neurons that
        do the same, less one each).
    """
    from cnnvis_caffe.findings.look import Look
    from cnnvis_caffe.findings.redundant import same
    from cnnvis_caffe.readings.dead import dead_neurons

    look = Look(analysis, analysis.snapshots[snapshot])
    counts = {}
    for node in analysis.nodes:
        mask = dead_neurons(analysis, look.snapshot, node.name)
        if mask is not None:
            spare = sum(len(group) - 1 for group in same(look, node.name))
            counts[node.name] = {"n": int(node.n_neurons), "dead": int(mask.sum()), "redundant": int(spare)}
    return counts
