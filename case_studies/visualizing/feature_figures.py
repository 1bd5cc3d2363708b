"""Figures 2 and 4: the strongest patches of feature maps, and how they came about in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from case_studies.visualizing.networks import StudyNet
from case_studies.visualizing.verdict import verdict
from cnnvis_caffe import api
from cnnvis_caffe.datasets.opening import open_source

#: Patches of a feature map, as in the paper.
N_PATCHES = 9


def analysed(net: StudyNet, work: Path, n_images: int) -> Any:
    """Return the analysis of all snapshots of a network, made if it is not there.

    Parameters
    ----------
    net : StudyNet
    work : Path
    n_images : int
        Test images, each class in proportion.
    """
    out = work / f"{net.name}_{n_images}.cnnvis.h5"
    if out.exists():
        return api.open(out)
    work.mkdir(parents=True, exist_ok=True)
    return api.analyze(
        net.model, list(net.snapshots), net.data, out, limit=n_images, contributions="none", gradients=False,
        **net.prepared,
    )  # fmt: skip


def layers_of(analysis: Any) -> list[str]:
    """Return the layers with weights, each with the rectifier that follows, without the scores."""
    from cnnvis_caffe.explanation.layers import parameter_layers

    nodes = analysis.nodes
    return list(parameter_layers(nodes, {node.name for node in nodes}))[:-1]


def figure_2(net: StudyNet, work: Path, figures: Path, n_images: int) -> dict[str, Any]:
    """Draw the strongest patches beside their projections, and measure how much they are of one class.

    Parameters
    ----------
    net : StudyNet
    work, figures : Path
    n_images : int

    Returns
    -------
    dict
        "layers": by layer the mean share of the commonest class among the nine strongest images of a feature map;
        "chance": the same for nine random images.
    """
    analysis = analysed(net, work, n_images)
    labels = open_source(net.data).labels
    snapshot = analysis.snapshots[-1]
    purity = {}
    for layer in layers_of(analysis):
        images = snapshot.features_of(layer).top_image[:, :N_PATCHES]
        images = images[(images >= 0).all(1)]
        if len(images):
            purity[layer] = float(np.mean([_share(labels[one]) for one in images]))
    random = np.random.RandomState(0)
    chance = np.mean([_share(labels[random.choice(len(labels), N_PATCHES, replace=False)]) for _ in range(1000)])
    has_maps = {node.name for node in analysis.nodes if len(node.positions) == 2}
    last_map = [layer for layer in purity if layer in has_maps][-1]
    api.features(analysis, last_map).save(figures / f"figure_2_{net.name}.png")
    first, last = next(iter(purity.values())), list(purity.values())[-1]
    return {
        "layers": purity,
        "chance": float(chance),
        "drawn": last_map,
        "verdict": verdict(first > chance, last > first),
    }


def _share(labels: np.ndarray) -> float:
    """Share of the commonest class."""
    return float(np.bincount(labels).max() / len(labels))


def figure_4(net: StudyNet, work: Path, figures: Path, n_images: int) -> dict[str, Any] | None:
    """Draw the strongest projection of feature maps over the snapshots, and measure when they settle.

    Parameters
    ----------
    net : StudyNet
    work, figures : Path
    n_images : int

    Returns
    -------
    dict or None
        "layers": for each layer the share of its feature maps whose strongest image is that of the last snapshot
        already, by snapshot; maps that are constant at the end are left out. None for a single snapshot.
    """
    if len(net.snapshots) < 2:
        return None
    analysis = analysed(net, work, n_images)
    settled = {}
    layers = layers_of(analysis)
    for layer in layers:
        strongest = [snapshot.features_of(layer).top_image[:, 0] for snapshot in analysis.snapshots]
        alive = strongest[-1] >= 0
        settled[layer] = [float((one == strongest[-1])[alive].mean()) for one in strongest]
    drawn = layers[min(1, len(layers) - 1)]
    api.features(analysis, drawn, is_evolution=True).save(figures / f"figure_4_{net.name}.png")
    means = [float(np.mean(row[:-1])) for row in settled.values()]
    return {
        "snapshots": [snapshot.label for snapshot in analysis.snapshots],
        "layers": settled,
        "drawn": drawn,
        "verdict": verdict(means[0] == max(means), means[-1] == min(means)),
    }
