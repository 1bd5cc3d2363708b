"""Analyse the pictured nets, measure what the paper's expert saw, and draw Figures 6 and 7 from sessions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from case_studies.common.queue import ROOT
from case_studies.common.training import LOG
from case_studies.leaky_relu import observations
from case_studies.leaky_relu.neurons import N_IMAGES
from cnnvis_caffe.datasets.cifar10 import CLASS_NAMES

ANALYSIS = "analysis.cnnvis.h5"
LEAST_SNAPSHOTS = 2

#: Figure, which net, and more options of `cnnvis-caffe render`; what the session shows is in `_history`.
FIGURES = (
    ("figure_6a", "relu", ("--chart", "relative_change", "--size", "1600x1080")),
    ("figure_6b", "relu", ()),
    ("figure_7a", "relu", ()),
    ("figure_7a_leaky", "leaky", ()),
)


def measure(folders: dict[str, Path], data: Path, device: str, n_images: int = N_IMAGES) -> dict[str, Any]:
    """Analyse nets and measure.

    Parameters
    ----------
    folders : dict of str to Path
        Of trainings, by the name that the observations get.
    data : Path
        Folder with the databases.
    device : {"cpu", "cuda"}
    n_images : int

    Returns
    -------
    dict
        Observations by name; those nets are left out whose snapshots are not here.
    """
    analyses = {name: analysed(folder, data, device, n_images) for name, folder in folders.items()}
    return {name: observations.of_analysis(analysis) for name, analysis in analyses.items() if analysis is not None}


def analysed(folder: Path, data: Path, device: str, n_images: int) -> Any:
    """The analysis of all snapshots of a run, made if it is not there; None without snapshots."""
    from cnnvis_caffe.store import read_analysis

    out = folder / ANALYSIS
    if out.exists():
        return read_analysis(out)
    weights = list(folder.glob("net_iter_*.caffemodel"))
    if len(weights) < LEAST_SNAPSHOTS or not (folder / "result.json").exists():
        return None
    words = ["analyze", "--model", str((folder / "train_val.prototxt").resolve()), "--weights"]
    words += [*(str(path.resolve()) for path in weights), "--log", str((folder / LOG).resolve())]
    # Seen from the folder of the databases, so that pictures name the data, and not a folder of this machine.
    words += ["--data", "cifar10_train_lmdb", "--channel-order", "RGB", "--classes", ",".join(CLASS_NAMES)]
    words += ["--device", device, "--limit", str(n_images), "--contributions", "none", "--no-gradients"]
    _call([*words, "--out", str(out.resolve())], data)
    return read_analysis(out)


def draw(folders: dict[str, Path], out: Path) -> list[str]:
    """Write sessions, and draw the figures from them.

    Parameters
    ----------
    folders : dict of str to Path
        As for `measure`.
    out : Path
        Where sessions and pictures go.

    Returns
    -------
    list of str
        Names of the figures that were drawn; the others lack their analysis.
    """
    from cnnvis_caffe.aggregation.edits import save_session

    out.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, net, options in FIGURES:
        session = out / f"{name}.session.json"
        save_session(session, _history(name))
        analysis = folders.get(net, Path()) / ANALYSIS
        if not analysis.exists():
            continue
        picture = out / f"{name}.svg"
        _call(["render", str(analysis), "--session", str(session), "--out", str(picture), *options], ROOT)
        drawn.append(name)
    return drawn


def _call(words: list[str], folder: Path) -> None:
    """Run a command of ours in a folder."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-m", "cnnvis_caffe", *words], check=True, cwd=folder, env=environment)


def _history(name: str) -> Any:
    """What the session of a figure shows."""
    from cnnvis_caffe.aggregation.edits import ChooseEdges, ChooseFacet, ExpandGroup, History

    history = History()
    if name == "figure_6a":
        history.apply(ChooseEdges("relative_change"))
    else:
        history.apply(ExpandGroup(observations.THIRD_GROUP[0]))
    if name.startswith("figure_7"):
        history.apply(ChooseFacet("activations"))
    return history


def write(found: dict[str, Any], path: Path) -> None:
    """Write observations; those that are there already and were not measured anew stay."""
    before = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**before, **found}, indent=1) + "\n")
