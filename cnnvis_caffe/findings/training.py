"""Training that failed: figures that are no numbers, guessing, an output that is always the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.class_order import other_order
from cnnvis_caffe.findings.guessing import guess_error, learned_share, level, telling_measure
from cnnvis_caffe.findings.look import Look, indices
from cnnvis_caffe.records.analysis import Snapshot
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import listed, number
from cnnvis_caffe.text.words import percent


def training(look: Look) -> Iterator[Finding]:
    """Yield what says that training failed, or that the data are not the ones it was done with."""
    broken = not_finite(look)
    look.check("training", "layers with values that are not finite", len(broken), 1)
    if not broken:
        _check_guessing(look)
    if broken:
        yield _broken(look, broken)
        return
    guess = level(look)
    if guess and other_order(look) is not None:
        return  # the network knows the classes; their order is a finding of its own
    if guess:
        yield _guessing(look, guess)
    elif is_constant(look):
        assert look.score is not None
        yield look.finding(
            "training",
            "severe",
            f"{look.score.name} gives the same scores for every image",
            "The scores hardly differ from one image to the next: what the layers before them find does not arrive.",
            "Look for dead or disconnected layers before it, and at the learning rate and the first weights.",
            [Place(look.score.name)],
            [Evidence("loss", look.snapshot.loss)],
            2.0,
            look.view(look.score.name, facet="activations"),
        )
    if look.snapshot is look.analysis.snapshots[-1] and not guess:
        yield from _late(look)


def _check_guessing(look: Look) -> None:
    """Note how far the answers are from guessing, and how much the scores differ."""
    limits, measure, data = look.thresholds, telling_measure(look), look.analysis.data
    place = Place(look.score.name if look.score is not None else "")
    if measure is not None:
        share = learned_share(measure.overall, measure.guess, measure.is_better_high)
        nearness = (1 - share) / (1 - limits.learned_share)
        name = f"{measure.name}: way from guessing to perfect"
        look.check("training", name, share, limits.learned_share, place, unit="%", is_low=True, nearness=nearness)
    elif np.isfinite(look.snapshot.error) and data.columns_are_scores and data.n_classes > 1:
        limit = guess_error(look) - limits.chance_error
        if limit > 0:
            look.check("training", "error, beside that of guessing", look.snapshot.error, limit, place, unit="%")
    spread = score_spread(look)
    if spread is not None:
        look.check("training", "spread of the scores over the images", spread, limits.constant, place, is_low=True)


def not_finite(look: Look) -> list[str]:
    """Layers whose weights or activations hold infinities or what is not a number."""
    found = []
    present = look.analysis.data.class_count > 0
    for node in look.analysis.nodes:
        connections = look.snapshot.connections.get(node.name)
        features = look.snapshot.features.get(node.name)
        arrays = [] if connections is None else [connections.weight, connections.abs_weight]
        if features is not None:
            arrays += [features.mean[:, present], features.overall_mean]
        if not all(np.isfinite(array).all() for array in arrays):
            found.append(node.name)
    return found


def is_constant(look: Look) -> bool:
    """Whether the scores hardly differ between images."""
    spread = score_spread(look)
    return spread is not None and spread <= look.thresholds.constant


def score_spread(look: Look) -> float | None:
    """Spread of the scores over the images by their size, which counts as 1 at least; None where there are none."""
    features = look.snapshot.features.get(look.score.name) if look.score is not None else None
    if features is None:
        return None
    spread = float(np.sqrt(features.variance.astype(np.float64).mean()))
    size = float(np.abs(features.overall_mean).mean()) + float(np.std(features.overall_mean))
    return spread / max(size, 1.0)


def _broken(look: Look, names: list[str]) -> Finding:
    """Make the finding of figures that are no numbers."""
    return look.finding(
        "training",
        "severe",
        f"{listed(names)} {'holds' if len(names) == 1 else 'hold'} values that are not finite",
        "Infinite weights or activations, or such as are no numbers, make everything behind them meaningless: training "
        "has diverged.",
        "Go back to an earlier snapshot and train with a lower learning rate or with clip_gradients; see whether the "
        "data hold such values.",
        [Place(name) for name in names],
        [Evidence("layers that are not finite", len(names), "none")],
        1e6,
    )


def _guessing(look: Look, guess: str) -> Finding:
    """Make the finding of a network that knows nothing of these data."""
    place = Place(look.score.name if look.score is not None else "")
    figure, evidence, by_guessing = _figures(look)
    if guess == "worse":
        return look.finding(
            "training",
            "severe",
            f"{_named(look.snapshot)} is worse than guessing on these data: {figure}",
            f"It answers with confidence ({by_guessing}) and is wrong more often than one who always says the same. "
            "Networks that learned something do that on data that are not theirs; whatever else is found here says "
            "little about the network.",
            "See whether the labels are in the order of training, and whether size, channels, mean and scale of the "
            "images are as they were then.",
            [place],
            evidence,
            1e4,
        )
    constant = is_constant(look)
    return look.finding(
        "training",
        "severe",
        f"{_named(look.snapshot)} has not learned anything{'' if constant else ' that helps on these data'}: {figure} "
        "is guessing",
        f"Answering without looking gives as much: {by_guessing}."
        + (" The scores are the same for every image." if constant else "")
        + " What else is found in this snapshot follows from that.",
        "See whether the loss ever fell: if not, try a lower (or a much higher) learning rate and larger weights to "
        "start from, and see whether images and labels belong together."
        + (
            ""
            if constant
            else " If it did, these are not the data of training: compare the order of the labels, and size, "
            "channels, mean and scale of the images."
        ),
        [place],
        evidence,
        1e4,
        look.view(*([place.node] if place.node else []), facet="activations"),
    )


def _figures(look: Look) -> tuple[str, list[Evidence], str]:
    """What is measured: the figure for a title, all of them, and what guessing gives."""
    snapshot, measure = look.snapshot, telling_measure(look)
    if measure is not None:
        side = "above" if measure.is_better_high else "below"
        usual = f"well {side} {number(measure.guess)}, which is guessing"
        evidence = [Evidence(measure.name, measure.overall, usual, measure.unit)]
        return f"{measure.name} {number(measure.overall)}", evidence, f"guessing gives {number(measure.guess)}"
    chance, expected = guess_error(look), float(np.log(look.analysis.data.n_classes))
    evidence = []
    if np.isfinite(snapshot.error):
        evidence.append(Evidence("error", snapshot.error, f"well below {percent(chance)}, which is guessing", "%"))
    if np.isfinite(snapshot.loss):
        evidence.append(Evidence("loss", snapshot.loss, f"well below {number(expected)}, which is guessing"))
    figure = f"error {percent(snapshot.error)}" if np.isfinite(snapshot.error) else f"loss {number(snapshot.loss)}"
    said = f"loss {number(snapshot.loss)}; " if np.isfinite(snapshot.loss) else ""
    return figure, evidence, f"{said}guessing gives an error of {percent(chance)} and a loss of {number(expected)}"


def _named(snapshot: Snapshot) -> str:
    """A snapshot by its iteration; else the network, whatever the label says of its weights."""
    return snapshot.label if snapshot.iteration is not None and snapshot.label else "The network"


def _late(look: Look) -> Iterator[Finding]:
    """Snapshots before the last one in which nothing had been learned yet."""
    failed = [s for s in look.analysis.snapshots[:-1] if level(look, s) == "guessing"]
    if failed:
        labels = [snapshot.label for snapshot in failed]
        yield look.finding(
            "training",
            "mild",
            f"Nothing had been learned at {listed(labels)}",
            f"Answers were those of guessing then ({_figures(look)[2]}); later snapshots recovered. Iterations were "
            "spent without progress, and the network may not have come as far as it can.",
            "Try a higher learning rate at the start, larger weights to start from, or normalization.",
            [Place(look.score.name if look.score is not None else "")],
            [_late_evidence(look, snapshot) for snapshot in failed],
            1.0 + len(failed) / len(look.analysis.snapshots),
            look.view(),
        )


def _late_evidence(look: Look, snapshot: Snapshot) -> Evidence:
    """What an earlier snapshot was measured by."""
    measure = telling_measure(look, snapshot)
    if measure is not None:
        return Evidence(f"{measure.name} at {snapshot.label}", measure.overall, f"better than {number(measure.guess)}")
    return Evidence(f"error at {snapshot.label}", snapshot.error, f"below {percent(guess_error(look))}", "%")


def empty_classes(look: Look) -> Iterator[Finding]:
    """Yield classes without any image."""
    data = look.analysis.data
    count, names = data.class_count, data.class_names
    empty = indices(count == 0) if data.columns_are_scores else ()
    if data.columns_are_scores:
        look.check("empty_classes", f"{data.columns} without images", len(empty), 1)
    if empty and count.sum():
        some = listed([names[c] for c in empty])
        yield look.finding(
            "empty_classes",
            "mild",
            f"No image of {len(empty)} of {len(names)} {data.columns}: {some}",
            f"What neurons do on these {data.columns} is not known; their columns are empty, and what answers only to "
            "them looks dead.",
            f"Analyse data that have every {data.column}, or more of them.",
            [Place(look.score.name if look.score is not None else "", (), empty)],
            [Evidence(f"{data.columns} without images", len(empty), "none")],
            1 + len(empty) / len(names),
        )
