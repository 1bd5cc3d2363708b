"""Analyse the trained networks, measure the expert's observations, and draw Figures 4 and 5."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from case_studies.common.queue import ROOT, Job
from case_studies.common.training import RESULT
from case_studies.network_architecture.observations import (
    FIRST_GROUP,
    REDUNDANT_ABOVE,
    connection_share,
    positive_share,
    redundant_neurons,
)
from case_studies.network_architecture.paper import TABLE_2
from cnnvis_caffe.processes import environment, python_words

#: What Figure 4 and Figure 5 show: file, network, options of `cnnvis-caffe render`.
FIGURES = (
    ("figure_4a.svg", "deep_lenet", ("--expand", "conv1-1")),
    ("figure_4b.svg", "lenet", ()),
    ("figure_5.svg", "lenet_x4", ("--facet", "activations")),
)


def measure(jobs: Sequence[Job], results: Path, *, n_images: int) -> dict[str, Any]:
    """Measure both observations on every trained network, and write ``observations.json``.

    Parameters
    ----------
    jobs : sequence of Job
        The trainings that are done.
    results : Path
    n_images : int
        Of the training images, on which similarities are measured.

    Returns
    -------
    dict
        What the file says.
    """
    folders: dict[str, list[Path]] = {net: [] for net in {*FIRST_GROUP, *TABLE_2}}
    for job in jobs:
        folders[job.folder.parent.name].append(job.folder)
    analyses = {net: [analysed(folder, net, n_images) for folder in folders[net]] for net in folders}
    positive: dict[str, Any] = {}
    for net, layers in FIRST_GROUP.items():
        weights = [positive_share(weights_of(folder), layers) for folder in folders[net]]
        connections = [connection_share(analysis, layers) for analysis in analyses[net]]
        positive[net] = {
            name: {"weights": [row[name] for row in weights], "connections": [row[name] for row in connections]}
            for name in weights[0]
        }
    redundant = {}
    for net in TABLE_2:
        rows = [redundant_neurons(analysis, "conv1") for analysis in analyses[net]]
        redundant[net] = {
            "n_neurons": rows[0]["n_neurons"],
            "redundant": [_mean(counts) for counts in zip(*(row["redundant"] for row in rows))],
            "by_seed": [row["redundant"] for row in rows],
        }
    found = {
        "n_images": n_images,
        "positive": {**positive, "verdict": _positive_verdict(positive)},
        "redundant": {"nets": redundant, "verdict": _redundant_verdict(redundant)},
    }
    (results / "observations.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return found


def draw(work: Path, folder: Path, seed: int) -> None:
    """Draw the figures from the networks of one seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, net, options in FIGURES:
        analysis = work / net / f"seed_{seed}" / "analysis.cnnvis.h5"
        words = python_words("cnnvis_caffe", "render", str(analysis), "--out", str(folder / name), *options)
        subprocess.run(words, env=environment(), check=True, cwd=ROOT)


def weights_of(folder: Path) -> Path:
    """The weights at the end of a run."""
    return folder / json.loads((folder / RESULT).read_text())["weights"]


def analysed(folder: Path, net: str, n_images: int) -> Any:
    """The analysis of a run, made if it is not there."""
    from cnnvis_caffe.pipeline import analyze
    from cnnvis_caffe.store import read_analysis

    out = folder / "analysis.cnnvis.h5"
    if out.exists():
        return read_analysis(out)
    model = ROOT / "prototxt" / net / "train_val.prototxt"
    return analyze(model, weights_of(folder), "mnist:train", out, limit=n_images, contributions="none", gradients=False)


def _positive_verdict(found: dict[str, Any]) -> str:
    """Whether the first observation holds here."""
    shares = {net: _mean(found[net]["all"]["connections"]) for net in FIRST_GROUP}
    holds = shares["deep_lenet"] > max(0.5, shares["lenet"])
    word, deep, plain = "Confirmed" if holds else "Contradicted", shares["deep_lenet"], shares["lenet"]
    return (
        f"**{word}**: of the connections of DeepLeNet's first group {100 * deep:.0f}% are positive, "
        f"of those of LeNet's first layer {100 * plain:.0f}%."
    )


def _redundant_verdict(found: dict[str, Any]) -> str:
    """Whether the second observation holds here."""
    shares = {net: [count / row["n_neurons"] for count in row["redundant"]] for net, row in found.items()}
    wide, plain = shares["lenet_x4"], shares["lenet"]
    word = "Confirmed" if all(a >= b for a, b in zip(wide, plain)) and wide != plain else "Not clear"
    limits = ", ".join(
        f"{100 * a:.0f}% against {100 * b:.0f}% above {limit}" for a, b, limit in zip(wide, plain, REDUNDANT_ABOVE)
    )
    return f"**{word}**: share of redundant neurons in the first layer of LeNet ×4 against LeNet's: {limits}."


def _mean(values: Sequence[float]) -> float:
    """The mean."""
    return sum(values) / len(values)
