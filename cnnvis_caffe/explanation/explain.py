"""Explains one activation of some images by several methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.explanation.subject import Subject
from cnnvis_caffe.features.explain.as_picture import as_picture
from cnnvis_caffe.features.explain.grad_cam import grad_cam, last_maps, stretched
from cnnvis_caffe.features.explain.integrated_gradients import integrate
from cnnvis_caffe.features.explain.projections import project
from cnnvis_caffe.features.explain.way_back import Aim, WayBack
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.explanation import METHODS, Explained, Explanation

#: What stands for "nothing to see" where gradients are integrated: the grey of the image, or what is fed as zero.
BASELINES = {"zero": None, "black": 0.0, "grey": 0.5, "white": 1.0}
#: Integrated gradients that are off by more than this share of what they should add up to say so.
_PLAIN_ERROR = 0.05
#: Projections are drawn up to this share of their values.
SHOWN_SHARE = 0.999


@dataclass(frozen=True)
class ExplainOptions:
    """What is explained, and how.

    Attributes
    ----------
    neuron : str
        Such as ``conv2:17``; empty for the score of a class.
    of_class : str or int
        Name or number; empty for the most probable class of each image.
    position : tuple of int
        Row and column in the neuron's layer; empty for its largest activation.
    methods : tuple of str
        Of `METHODS`.
    layer : str
        Of the feature maps of Grad-CAM; empty for the last convolution.
    baseline : {"zero", "black", "grey", "white"}
        Where integrated gradients begin.
    n_steps : int
        Of their integral.
    """

    neuron: str = ""
    of_class: str | int = ""
    position: tuple[int, ...] = ()
    methods: tuple[str, ...] = tuple(METHODS)
    layer: str = ""
    baseline: str = "zero"
    n_steps: int = 50


def explain(
    subject: Subject, options: ExplainOptions | None = None, progress: Progress = SILENT
) -> tuple[Explained, ...]:
    """Explain an activation of each image.

    Parameters
    ----------
    subject : Subject
    options : ExplainOptions, optional
    progress : Progress, optional

    Returns
    -------
    tuple of Explained
        One for each image.

    Raises
    ------
    CnnvisError
        If there is no such neuron, class, position, method, layer or baseline.
    """
    options = options or ExplainOptions()
    _check(options)
    seen = subject.seen()
    if options.neuron:
        node, number = subject.neuron(options.neuron)
        targets = [(node.name, number, f"{node.name}, neuron {number}")] * len(seen)
    else:
        if options.of_class != "":
            classes = [subject.class_number(options.of_class)] * len(seen)
        else:
            scores = WayBack(subject.net, subject.model.input_name, subject.scorer().score_name).forward(subject.inputs)
            classes = scores.reshape(len(seen), scores.shape[1], -1).max(2).argmax(1).tolist()
        names = subject.model.class_names
        targets = [(subject.model.score_name, one, f"class {_short(names[one], one)}") for one in classes]
    ways = {name: WayBack(subject.net, subject.model.input_name, name, subject.slopes) for name, _, _ in targets}
    found: list[list[Explanation]] = [[] for _ in seen]
    # Images with the same target go together.
    for node_name, number in dict.fromkeys((name, number) for name, number, _ in targets):
        which = [i for i, target in enumerate(targets) if target[:2] == (node_name, number)]
        for method in options.methods:
            some = subject.model.source.inputs(subject.indices[which])
            work = _Work(subject, ways[node_name], number, options, progress)
            for i, explanation in zip(which, _METHODS[method](work, method, some)):
                found[i].append(explanation)
    title = subject.model.title
    return tuple(
        Explained(title, image, target[2], tuple(explanations))
        for image, target, explanations in zip(seen, targets, found)
    )


def _check(options: ExplainOptions) -> None:
    """Refuse what is not known, before any work is done."""
    if options.neuron and options.of_class != "":
        raise CnnvisError("a neuron and a class are given; explain one of them at a time")
    for method in options.methods:
        if method not in METHODS:
            raise CnnvisError(f"there is no method {method!r}; choose from {', '.join(METHODS)}")
    if options.baseline not in BASELINES:
        raise CnnvisError(f"there is no baseline {options.baseline!r}; choose one of {', '.join(BASELINES)}")
    if options.n_steps < 2:
        raise CnnvisError(f"an integral of {options.n_steps} steps is none; take 2 or more")


def _short(name: str, number: int) -> str:
    """A class in words: its number, and its name where it has one."""
    name = name.split(",")[0].strip()
    return str(number) if name in ("", str(number)) else f"{number} ({name})"


@dataclass(frozen=True, eq=False)
class _Work:
    """What every method needs."""

    subject: Subject
    way: WayBack
    neuron: int
    options: ExplainOptions
    progress: Progress

    @property
    def positions(self) -> np.ndarray | None:
        """Where the explained activation lies; None for the largest."""
        return np.array(self.options.position, np.int64) if self.options.position else None

    @property
    def baseline(self) -> np.ndarray | float:
        """The image in which there is nothing to see, as the network takes it."""
        share = BASELINES[self.options.baseline]
        return 0.0 if share is None else self.subject.model.source.of_one_grey(share)

    def in_batches(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Some images at once."""
        size = self.subject.model.batch
        return [inputs[first : first + size] for first in range(0, len(inputs), size)]

    def explanations(
        self, method: str, values: np.ndarray, aim: Aim, *, is_picture: bool, notes: Sequence[str] = ()
    ) -> list[Explanation]:
        """One record for each image."""
        order = self.subject.model.source.channel_order
        return [
            Explanation(
                method,
                self.way.node,
                self.neuron,
                tuple(aim.positions[i].tolist()),
                float(aim.activations[i]),
                values[i],
                as_picture(values[i], order, SHOWN_SHARE) if is_picture else None,
                notes[i] if notes else "",
            )
            for i in range(len(values))
        ]


def _projected(work: _Work, method: str, inputs: np.ndarray) -> list[Explanation]:
    """Gradient, deconvnet and guided backpropagation."""
    result = []
    for part in work.in_batches(inputs):
        values, aim = project(work.way, part, work.neuron, work.positions, method)
        result += work.explanations(method, values, aim, is_picture=method != "gradient")
    return result


def _grad_cam(work: _Work, method: str, inputs: np.ndarray) -> list[Explanation]:
    """Grad-CAM, stretched over the image."""
    model = work.subject.model
    before = work.way.blobs - {work.way.node}
    layer = work.subject.node(work.options.layer).name if work.options.layer else last_maps(model.nodes, before)
    if not layer:
        raise CnnvisError(
            f"Grad-CAM needs feature maps, and before {work.way.node!r} lies no convolution with more than one "
            "position; leave it out, or name a layer (--layer)"
        )
    result = []
    for part in work.in_batches(inputs):
        maps, aim = grad_cam(work.way, part, work.neuron, work.positions, layer)
        size = "×".join(map(str, maps.shape[1:]))
        notes = [f"of {layer}, {size}" + ("" if one.any() else ": nothing speaks for it") for one in maps]
        large = stretched(maps, *inputs.shape[2:])[:, None]
        result += work.explanations(method, large, aim, is_picture=False, notes=notes)
    return result


def _integrated(work: _Work, method: str, inputs: np.ndarray) -> list[Explanation]:
    """Integrated gradients."""
    shares, aim, errors = integrate(
        work.way, inputs, work.neuron, work.positions, baseline=work.baseline, n_steps=work.options.n_steps,
        batch=work.subject.model.batch, progress=work.progress,
    )  # fmt: skip
    notes = []
    for one, error in zip(shares, errors):
        wanted = float(one.sum()) - float(error)
        is_plain = abs(error) > _PLAIN_ERROR * max(abs(wanted), 1e-6)
        notes.append(f"off by {abs(error):.2g} of {wanted:.3g}: take more steps" if is_plain else "")
    return work.explanations(method, shares, aim, is_picture=False, notes=notes)


_METHODS: dict[str, Callable[[_Work, str, np.ndarray], list[Explanation]]] = {
    "gradient": _projected,
    "deconvnet": _projected,
    "guided": _projected,
    "grad-cam": _grad_cam,
    "integrated": _integrated,
}
