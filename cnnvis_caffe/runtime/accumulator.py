"""Sums up what neurons do on a GPU: a batch is one replay there, and nothing comes back before somebody asks.

The sums are those of `features.Extraction`, which keeps them by numpy on a CPU and for any other engine. Both know the
same state, so that either goes on where the other stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnvis_caffe.records.summation import Summation
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.recording import NotRecordedError, Recorder, Recording, record_cuda_graph
from cnnvis_caffe.runtime.top_list import TopList

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.reductions import TensorReductions

#: Batches before anything is recorded: after them every blob is in the memory format that it keeps.
N_WARM_UPS = 3
#: Sums in float64 over the images of each class, by their names in a state.
_CLASS_SUMS = ("mean", "peak", "active", "own", "all")


class Accumulator:
    """Runs batches through a net and sums up on the net's device.

    Parameters
    ----------
    reductions : TensorReductions
        Of the net.
    summation : Summation
    products, gradients : mapping of str to tensor
        Sums of products of neurons' means, and of gradients; they are added to.
    state : mapping of str to ndarray
        What was summed up before: `part/name` as in a state of an `Extraction`; without products and gradients.
    record : callable, default=record_cuda_graph
    """

    def __init__(
        self,
        reductions: TensorReductions,
        summation: Summation,
        products: Mapping[str, Any],
        gradients: Mapping[str, Any],
        state: Mapping[str, np.ndarray],
        record: Recorder = record_cuda_graph,
    ) -> None:
        self._reductions, self._net = reductions, reductions.net
        self._summation, self._record = summation, record
        self._products, self._gradients = products, gradients
        self._images, self._labels, self._score = (
            reductions.blob(name) for name in (summation.input_name, summation.label_name, summation.score_name)
        )
        ends = np.cumsum([0, *(reductions.blob(name).shape[1] for name in summation.names)]).tolist()
        self._parts = {name: slice(*ends[i : i + 2]) for i, name in enumerate(summation.names)}
        self._key: Any = None
        self._n_batches = 0
        self._recorded: Recording | None = None
        self._recorded_class: Recording | None = None
        self._can_be_recorded = all(layer.can_be_recorded for layer in self._net.layers)
        self._restore(state)

    # -- a batch -----------------------------------------------------------------------------------------------------

    def update(self, images: np.ndarray, labels: np.ndarray, indices: np.ndarray) -> None:
        """Run a batch.

        Parameters
        ----------
        images : ndarray of shape (n, C, H, W), float32
        labels, indices : ndarray of shape (n,), int64
            Classes that are there; indices below 2**32.
        """
        self._prepare(len(labels))
        for target, array in zip(self._inputs, (images, labels.astype(np.float32), indices)):
            there = torch.from_numpy(np.ascontiguousarray(array)).view(target.shape).pin_memory()
            target.copy_(there, non_blocking=True)
        self._images.value, self._labels.value = self._inputs[:2]
        self._recorded = self._run(self._sum_up, self._recorded)
        if self._summation.contributions == "all":
            for _ in range(self._summation.n_classes):
                self._recorded_class = self._run(self._add_contributions_of_class, self._recorded_class)
        self._class_count += np.bincount(labels, minlength=len(self._class_count))
        self._n_images += len(labels)
        self._n_judged += len(labels)
        self._n_batches += 1

    def _prepare(self, n: int) -> None:
        """Give the net the size of the batch; begin again where something has changed that recordings depend on."""
        images, labels = self._images, self._labels
        if images.shape[0] != n or labels.shape[0] != n:
            images.reshape(n, *images.shape[1:])
            labels.reshape(n, *labels.shape[1:])
            self._net.reshape()
        key = n, Blob.n_changes, backend.precision(), backend.device()
        if key == self._key:
            return
        self._check()
        self._key, self._n_batches = key, 0
        self._recorded = self._recorded_class = None
        device = backend.device()
        self._inputs = (
            torch.empty(images.shape, device=device),
            torch.empty(labels.shape, device=device),
            torch.empty(n, dtype=torch.int64, device=device),
        )

    def _run(self, run: Any, recorded: Recording | None) -> Recording | None:
        """Compute, as a recording where that is possible; return the recording."""
        net = self._net
        is_watched = net.before_forward or net.after_forward or net.before_backward or net.after_backward
        is_ready = self._n_batches >= N_WARM_UPS and not is_watched and not net.check_finite
        if recorded is None and self._can_be_recorded and is_ready:
            blobs = [self._images, self._labels, *(blob for layer in net.layers for blob in layer.blobs)]
            kept = {id(blob.memories[0]): (blob.memories[0], blob.shape) for blob in blobs if blob.count}
            written = {id(memory): memory for blob in net.blobs for memory in blob.memories}
            try:
                recorded = Recording(run, list(kept.values()), written.values(), self._record)
            except NotRecordedError:
                self._can_be_recorded = False
        if recorded is None:
            with backend.computing():
                run()
        else:
            recorded.replay()
        return recorded

    def _sum_up(self) -> None:
        """Run the net and add up what a batch gives; what takes memory comes first, so that all counts or nothing."""
        summation, reductions = self._summation, self._reductions
        classes, indices = self._inputs[1].reshape(-1).long(), self._inputs[2]
        loss = self._net.run_forward(range(len(self._net.layers)))
        mean, peak, square, minimum = reductions.moment_tensors(summation.names)
        contributions = self._contributions(classes) if summation.contributions == "own" else None
        if summation.gradients:
            reductions.backward()
        self._top.update(peak, indices, [(part, reductions.blob(name).value) for name, part in self._parts.items()])
        if torch.is_tensor(loss):
            self._loss.add_(loss.double().reshape(()), alpha=len(classes))
        self._totals[0].add_(mean.sum(0, dtype=torch.float64))
        self._totals[1].add_(square.sum(0, dtype=torch.float64))
        torch.minimum(self._minimum, minimum, out=self._minimum)
        torch.maximum(self._overall_maximum, peak.amax(0), out=self._overall_maximum)
        self._add_answers(classes)
        for name, values in (("mean", mean), ("peak", peak), ("active", peak > 0), ("own", contributions)):
            if values is not None:
                # A row for each image to the sums of its class, which a GPU does in a fixed order.
                self._sums[name].index_put_((classes,), values.double(), accumulate=True)
        self._maximum.scatter_reduce_(0, classes[:, None].expand(peak.shape), peak, "amax")
        reductions.add_squares(self._products, mean, self._parts)
        if summation.gradients:
            reductions.add_gradients(self._gradients, float(len(indices)))
        self._class.zero_()

    def _add_answers(self, classes: Any) -> None:
        """Count wrong answers, an image in parts where it has several positions, and which class is named instead."""
        scores = self._score.value
        answers = scores.reshape(*scores.shape[:2], -1).argmax(1)
        self._wrong.add_((answers != classes[:, None]).double().mean(1).sum())
        if self._confusion.numel():
            parts = torch.full(answers.shape, 1 / answers.shape[1], dtype=torch.float64, device=answers.device)
            rows = classes[:, None].expand(answers.shape)
            self._confusion.index_put_((rows, answers), parts, accumulate=True)

    def _contributions(self, classes: Any) -> Any:
        """Activation times gradient of one class's score for each image, of all neurons that it depends on."""
        scores, summation = self._score.value, self._summation
        diff = scores.new_zeros(*scores.shape[:2], scores[0, 0].numel())
        diff.scatter_(1, classes.view(-1, 1, 1).expand(-1, 1, diff.shape[2]), 1.0)
        self._reductions.run_back(summation.score_name, diff, summation.layers, summation.silent)
        return self._reductions.product_tensor(summation.names_on_path)

    def _add_contributions_of_class(self) -> None:
        """To the score of the next class: over all images, and over its own."""
        classes = self._inputs[1].reshape(-1).long()
        values = self._contributions(self._class.expand(classes.shape)).double()
        own = torch.where((classes == self._class)[:, None], values, 0.0)
        for name, rows in (("all", values), ("own", own)):
            self._sums[name].index_add_(0, self._class, rows.sum(0, keepdim=True))
        self._class.add_(1)

    # -- what was summed up ------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Raise what layers have found wrong since this was last called; waits."""
        for recorded in (self._recorded, self._recorded_class):
            if recorded is not None:
                recorded.numbers()

    def state(self) -> dict[str, np.ndarray]:
        """Wait; return all that was summed up, as `part/name`, without products and gradients.

        Raises
        ------
        LayerError
            If a layer was given what it cannot take.
        """
        self._check()
        seen = np.flatnonzero(self._class_count)
        state = {
            "outcome/class_count": self._class_count.copy(),
            "outcome/images": np.array(self._n_images, np.int64),
            "outcome/loss": _numpy(self._loss),
            "judge/wrong": _numpy(self._wrong),
            "judge/images": np.array(self._n_judged, np.float64),
            "judge/confusion": _numpy(self._confusion),
            "totals/n_images": np.array(self._n_images, np.int64),
            "totals/total": _numpy(self._totals[0]),
            "totals/squares": _numpy(self._totals[1]),
            "totals/minimum": _numpy(self._minimum),
            "totals/maximum": _numpy(self._overall_maximum),
            "maximum/class": seen,
            "maximum/maximum": _numpy(self._maximum[torch.from_numpy(seen).to(self._maximum.device)]),
        }
        for name, sums in self._sums.items():
            rows = np.arange(len(sums)) if name == "all" else seen
            state[f"{name}/class"] = rows
            state[f"{name}/sum"] = _numpy(sums[torch.from_numpy(rows).to(sums.device)])
        state.update({f"top/{name}": _numpy(tensor) for name, tensor in self._top.state().items()})
        return state

    def _restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Begin with what was summed up before."""
        device = backend.device()

        def there(array: np.ndarray) -> Any:
            return torch.from_numpy(np.array(array)).to(device)

        self._class_count = np.array(state["outcome/class_count"])
        self._n_images, self._n_judged = int(state["outcome/images"]), float(state["judge/images"])
        self._loss, self._wrong = there(state["outcome/loss"]), there(state["judge/wrong"])
        self._confusion = there(state["judge/confusion"])
        self._totals = there(np.stack([state["totals/total"], state["totals/squares"]]))
        self._minimum, self._overall_maximum = there(state["totals/minimum"]), there(state["totals/maximum"])
        self._class = torch.zeros(1, dtype=torch.int64, device=device)
        shape = len(self._class_count), self._minimum.numel()
        self._maximum = torch.full(shape, -np.inf, device=device)
        self._maximum[there(state["maximum/class"])] = there(state["maximum/maximum"])
        self._sums = {}
        for name in _CLASS_SUMS:
            rows = state[f"{name}/sum"]
            self._sums[name] = torch.zeros(shape[0], rows.shape[1], dtype=torch.float64, device=device)
            self._sums[name][there(state[f"{name}/class"])] = there(rows)
        self._top = TopList(*(there(state[f"top/{name}"]) for name in ("response", "image", "position")))


def _numpy(tensor: Any) -> np.ndarray:
    """As an array."""
    array: np.ndarray = tensor.cpu().numpy()
    return array
