"""Analyse the pictured nets, measure what the paper's expert saw, and draw Figures 6 and 7 from sessions."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    from cnnvis_caffe.cli.analyze import command
    from cnnvis_caffe.store import read_analysis

    out = folder / ANALYSIS
    if out.exists():
        return read_analysis(out)
    weights = list(folder.glob("net_iter_*.caffemodel"))
    if len(weights) < LEAST_SNAPSHOTS or not (folder / "result.json").exists():
        return None
    words = ["--model", str((folder / "train_val.prototxt").resolve()), "--weights"]
    words += [*(str(path.resolve()) for path in weights), "--log", str((folder / LOG).resolve())]
    # Seen from the folder of the databases, so that pictures name the data, and not a folder of this machine.
    words += ["--data", "cifar10_train_lmdb", "--channel-order", "RGB", "--classes", ",".join(CLASS_NAMES)]
    words += ["--device", device, "--limit", str(n_images), "--contributions", "none", "--no-gradients"]
    words += ["--out", str(out.resolve())]
    with _inside(data):
        command.main(words, standalone_mode=False)
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
    from cnnvis_caffe.cli.render import command
    from cnnvis_caffe.edits.sessions import save_session

    out.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, net, options in FIGURES:
        session = out / f"{name}.session.json"
        save_session(session, _history(name))
        analysis = folders.get(net, Path()) / ANALYSIS
        if not analysis.exists():
            continue
        picture = out / f"{name}.svg"
        words = [str(analysis), "--session", str(session), "--out", str(picture), *options]
        command.main(words, standalone_mode=False)
        drawn.append(name)
    return drawn


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Have a folder as the working one."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _history(name: str) -> Any:
    """What the session of a figure shows."""
    from cnnvis_caffe.edits.history import History
    from cnnvis_caffe.edits.kinds import ChooseEdges, ChooseFacet, ExpandGroup

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
