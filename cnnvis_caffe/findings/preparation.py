"""Images that are prepared for the network in another way than it was trained with."""

from __future__ import annotations

from collections.abc import Iterator

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import listed


def preparation(look: Look) -> Iterator[Finding]:
    """Yield the way to prepare images that a trial found plainly better than the one that was taken."""
    trial = look.analysis.preparation
    if trial is None:
        return
    place = Place(look.analysis.data.input_name)
    name = f"of {len(trial.tried)} ways to prepare images, plainly better"
    look.check("preparation", name, float(trial.best is not None), 1.0, place)
    if trial.best is None:
        return
    now, then = trial.current, trial.best
    rows = [("mean probability of the best class", now.confidence, then.confidence, "%")]
    if trial.has_labels:
        rows = [("error", now.error, then.error, "%"), ("loss", now.loss, then.loss, "")]
    options = " ".join(then.options) or "--scale 1"
    yield look.finding(
        "preparation",
        "severe" if trial.has_labels else "mild",
        f"The images are {'probably' if trial.has_labels else 'perhaps'} prepared in the wrong way: "
        f"{listed(trial.suspects) or 'scale and mean'}",
        f"Nothing says how images were prepared when the network was trained, so the usual ways were tried on "
        f"{trial.n_images} images: {trial.reason}. All that is said of neurons is of images as they were fed.",
        f"Analyse again with: {options}",
        [Place(look.analysis.data.input_name, (), ())],
        [Evidence(f"{name} as it is now", value, f"{other:.3g} with {options}", unit)
         for name, value, other, unit in rows],
        1e4 if trial.has_labels else 1.0,
    )  # fmt: skip
