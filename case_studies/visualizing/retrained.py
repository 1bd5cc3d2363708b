"""Table 3 and Figure 6: variants of a small AlexNet, trained from scratch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from case_studies.common.queue import ROOT, Job, run_all
from case_studies.common.training import RESULT, Options, train, write_result
from case_studies.visualizing.paper import TABLE_3
from case_studies.visualizing.verdict import verdict
from cnnvis_caffe import api
from cnnvis_caffe.explanation.ablation import AblationOptions, write_variants
from cnnvis_caffe.explanation.options import subject_request
from cnnvis_caffe.explanation.subject import open_subject
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.records.variant import parse_variant

SOLVER = "case_studies/visualizing/small_alexnet/solver.prototxt"
#: Figure 6: before and after. With all its poolings nothing would be left of 32 pixels after a stride of 4.
COARSE, FINE = (
    f"without pool1, pool5; kernel conv1={kernel}; stride conv1={stride}" for kernel, stride in ((11, 4), (7, 2))
)
#: Filters whose largest response is below this share of the largest filter's are as good as dead.
DEAD = 0.01
#: Cycles by those that a pixel grid can show at most: what lies between is the middle.
LOW, HIGH = 0.25, 0.75


def trained(
    variants: Sequence[str], work: Path, data: Path, seeds: Sequence[int], *, iterations: int, n_scored: int,
    n_at_once: int,
) -> dict[str, list[dict[str, Any]]]:  # fmt: skip
    """Train variants of a network, or go on where that was stopped.

    Parameters
    ----------
    variants : sequence of str
        Descriptions, as `cnnvis_caffe.records.variant` reads them.
    work, data : Path
        Where trainings go; where the databases are.
    seeds : sequence of int
    iterations : int
        0 for what the solver says.
    n_scored : int
        Training and test images that errors are measured on.
    n_at_once : int
        Processes; 0 for none but this one.

    Returns
    -------
    dict of str to list of dict
        The results of `case_studies.common.training`, one for each seed, with the folder of the run.
    """
    options = AblationOptions(os.fspath(work), tuple(map(parse_variant, variants)), iterations)
    folders = dict(zip(variants, write_variants(ROOT / SOLVER, options)))
    jobs = {
        (name, seed): Job(
            os.fspath(folder / "solver.prototxt"), folder / f"seed_{seed}", seed,
            Options(iterations, n_scored=n_scored, keep=False),
        )
        for seed in seeds
        for name, folder in folders.items()
    }  # fmt: skip
    if n_at_once:
        run_all(list(jobs.values()), data, n_at_once=n_at_once, threads=1)
    else:
        _train_here(list(jobs.values()), data)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in variants}
    for (name, _), job in jobs.items():
        found[name].append({**json.loads((job.folder / RESULT).read_text()), "folder": job.folder})
    return found


def _train_here(jobs: Sequence[Job], data: Path) -> None:
    """Train in this process, which is quicker for a few iterations."""
    for job in jobs:
        job.folder.mkdir(parents=True, exist_ok=True)
        result = train(job.solver, job.folder, data, job.seed, job.options)
        if result is None:
            raise KeyboardInterrupt
        write_result(job.folder / RESULT, result)


def table_3(work: Path, data: Path, seeds: Sequence[int], **options: Any) -> dict[str, Any]:
    """Remove and resize layers as the paper does.

    Parameters
    ----------
    work, data : Path
    seeds : sequence of int
    **options
        Of `trained`.

    Returns
    -------
    dict
        "rows": by description the errors on training and test images in percent, a number for each seed.
    """
    found = trained(list(TABLE_3), work, data, seeds, **options)
    rows = {
        name: {
            part: [None if run[f"{part}_error"] is None else round(100 * run[f"{part}_error"], 2) for run in runs]
            for part in ("train", "test")
        }
        for name, runs in found.items()
    }
    first = next(iter(found.values()))[0]
    means = {name: float(np.mean([100.0 if e is None else e for e in row["test"]])) for name, row in rows.items()}
    rise = {name: mean - means["original"] for name, mean in means.items()}
    both = rise["without conv3, conv4, fc6, fc7"]
    single = max(rise["without conv3, conv4"], rise["without fc6, fc7"])
    return {
        "rows": rows,
        "iterations": first["iterations"],
        "seconds": round(sum(run["seconds"] for runs in found.values() for run in runs)),
        "verdict": verdict(single > 0, both > 2 * single),
    }


def figure_6(work: Path, data: Path, figures: Path, seed: int, *, n_images: int, **options: Any) -> dict[str, Any]:
    """Compare the first layer of two networks: dead filters, frequencies, and how much a shift by one pixel matters.

    Parameters
    ----------
    work, data, figures : Path
    seed : int
    n_images : int
        Test images.
    **options
        Of `trained`.

    Returns
    -------
    dict
        By "before" and "after": "dead", "middle" (share of the filters' energy at middle frequencies), "aliasing"
        (see `aliasing`) and "error".
    """
    found = trained((COARSE, FINE), work, data, [seed], **options)
    rows: dict[str, dict[str, Any]] = {}
    images = os.fspath(data / "cifar10_test_lmdb")
    for name, variant in (("before", COARSE), ("after", FINE)):
        (run,) = found[variant]
        folder = run["folder"]
        if run["weights"] is None:
            rows[name] = {"error": None}
            continue
        weights = folder / run["weights"]
        out = folder / f"first_{n_images}.cnnvis.h5"
        prepared = {"mean": data / "cifar10_mean.binaryproto", "scale": 0.0078125}
        model = folder.parent / "deploy.prototxt"
        if not out.exists():
            api.analyze(model, [weights], images, out, limit=n_images, contributions="none", gradients=False,
                        **prepared)  # fmt: skip
        analysis = api.open(out)
        largest = analysis.snapshots[-1].features_of("relu1").overall_maximum
        api.features(analysis, "conv1").save(figures / f"figure_6_{name}.png")
        rows[name] = {
            "dead": int((largest <= DEAD * largest.max()).sum()),
            "n_filters": len(largest),
            "middle": round(middle_share(_first_layer(weights)), 4),
            "aliasing": round(aliasing(model, weights, images, min(n_images, 100), prepared), 4),
            "error": round(100 * run["test_error"], 2),
        }
    return {"rows": rows, "verdict": _verdict(rows)}


def _verdict(rows: dict[str, dict[str, Any]]) -> str:
    """Whether the changed first layer is better by each measure."""
    before, after = rows["before"], rows["after"]
    if None in (before["error"], after["error"]):
        return "not attempted"
    is_less = (after[name] < before[name] for name in ("dead", "aliasing", "error"))
    return verdict(*is_less, after["middle"] > before["middle"])


def aliasing(model: Path, weights: Path, images: str, n: int, prepared: dict[str, Any]) -> float:
    """Measure how much the answer of the second layer depends on where images lie in the grid of the first one.

    Parameters
    ----------
    model, weights : Path
    images : str
    n : int
        Of the images.
    prepared : dict
        How images are prepared.

    Returns
    -------
    float
        Standard deviation of a feature map's sum over its positions when an image moves by 0 to 3 pixels, by the mean
        of these sums; over images and maps of relu2. What leaves the image on one side comes back on the other.
    """
    subject = open_subject(subject_request(model, weights, images, prepared), range(n))
    way = WayBack(subject.net, subject.model.input_name, "relu2")
    inputs = subject.inputs
    sums = np.array([way.forward(np.roll(inputs, shift, 3)).sum((2, 3), dtype=np.float64) for shift in range(4)])
    return float(sums.std(0).mean() / sums.mean())


def _first_layer(weights: Path) -> np.ndarray:
    """The filters of conv1."""
    from cnnvis_caffe.formats.weights import read_weights

    (found,) = (layer for layer in read_weights(os.fspath(weights)).layers if layer.name == "conv1")
    return np.asarray(found.blobs[0].data, np.float64)


def middle_share(filters: np.ndarray) -> float:
    """Return the share of the filters' energy that lies at middle frequencies.

    Parameters
    ----------
    filters : ndarray of shape (n, C, h, w)

    Returns
    -------
    float
        Mean over the filters; frequencies between a quarter and three quarters of the highest.
    """
    energy = (np.abs(np.fft.fft2(filters)) ** 2).sum(1)
    y, x = (np.abs(np.fft.fftfreq(length)) / 0.5 for length in filters.shape[2:])
    highest = np.maximum(y[:, None], x[None])
    is_middle = (highest >= LOW) & (highest <= HIGH)
    return float((energy[:, is_middle].sum(1) / energy.sum((1, 2))).mean())
