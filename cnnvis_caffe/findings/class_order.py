"""Labels that are the network's classes in another order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.records.task import CLASSES, PIXELS
from cnnvis_caffe.text.tables import listed
from cnnvis_caffe.text.words import percent


def other_order(look: Look) -> tuple[np.ndarray, float] | None:
    """Return the answer that fits each class best, and the error in that order; None where it is not plain.

    Parameters
    ----------
    look : Look

    Returns
    -------
    (ndarray of shape (n_classes,), int64; float) or None
    """
    data, confusion, limits = look.analysis.data, look.snapshot.confusion, look.thresholds
    if confusion is None or data.task not in (CLASSES.name, PIXELS.name) or confusion.sum() < 1:
        return None
    total = confusion.sum()
    error = 1 - np.trace(confusion) / total
    place = Place(look.score.name if look.score is not None else "")
    is_told = not any(check.kind == "class_order" for check in look.checks)  # several rules ask
    if error < limits.order_error:
        if is_told:
            look.check("class_order", "error", error, limits.order_error, place, unit="%")
        return None
    from scipy.optimize import linear_sum_assignment  # takes longer to load than all other findings to find

    _, answer = linear_sum_assignment(-confusion)
    left = 1 - confusion[np.arange(len(answer)), answer].sum() / total
    if is_told:
        name = "error in the best other order, by the error"
        look.check("class_order", name, left / error, limits.order_kept, place, unit="%", is_low=True)
    n_moved = ((answer != np.arange(len(answer))) & (confusion.sum(1) >= limits.class_least)).sum()
    if n_moved < 2 or left > limits.order_kept * error:
        return None
    return answer, float(left)


def class_order(look: Look) -> Iterator[Finding]:
    """Yield the order in which the labels fit the network's answers, where that is plainly another one."""
    found, data = other_order(look), look.analysis.data
    if found is None or look.snapshot.confusion is None:
        return
    answer, left = found
    confusion = look.snapshot.confusion
    error = float(1 - np.trace(confusion) / confusion.sum())
    moved = [int(c) for c in np.flatnonzero(confusion.sum(1)) if answer[c] != c]
    pairs = [f"{data.class_names[c]} is answered with {data.class_names[answer[c]]}" for c in moved]
    numbers = ", ".join(f"{c}: {answer[c]}" for c in moved[:20]) + (", ..." if len(moved) > 20 else "")
    yield look.finding(
        "class_order",
        "severe",
        f"The labels are the network's classes in another order: error {percent(error)}, in that order {percent(left)}",
        f"What the network answers fits the labels when they are renumbered: {listed(pairs, 5)}. The network tells the "
        "classes apart; the data number them otherwise than its training did. Error, loss and all that is said by "
        "class are of the wrong classes.",
        f"Number the labels as in training ({numbers}), or name the classes in the order of the scores with --classes, "
        "so that folders are found by their names.",
        [Place(look.score.name if look.score is not None else "", tuple(moved), tuple(moved))],
        [Evidence("error", error, "that of the training", "%"),
         Evidence("error with the labels in the other order", left, "far from the error", "%")],
        2e4,
    )  # fmt: skip
