"""Sums up what neurons do on a GPU: a batch is one replay there, and nothing comes back before somebody asks.

The sums are those of `features.Extraction`, which keeps them by numpy on a CPU and for any other engine. Both know the
same state, so that either goes on where the other stopped. An image that belongs to several columns takes a replay more
for each further one. Answers other than one class of many are judged by the caller, while the next batch is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnvis_caffe.records.summation import Summation
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.recording import NotRecordedError, Recorder, Recording, record_cuda_graph
from cnnvis_caffe.runtime.starts import start_gradients
from cnnvis_caffe.runtime.top_list import TopList

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.reductions import TensorReductions

#: Batches before anything is recorded: after them every blob is in the memory format that it keeps.
N_WARM_UPS = 3
#: Sums in float64 over the images of each class, by their names in a state.
_CLASS_SUMS = ("mean", "peak", "active", "own", "all")
#: What there is to know of the cell of an image in the confusion matrix, likewise.
_CELLS = ("row", "column", "image", "lead")


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
    judge : callable
        Takes the answers of a batch, one array for each blob, what is right, and the images' indices.
    record : callable, default=record_cuda_graph
    """

    def __init__(
        self,
        reductions: TensorReductions,
        summation: Summation,
        products: Mapping[str, Any],
        gradients: Mapping[str, Any],
        state: Mapping[str, np.ndarray],
        judge: Callable[[Sequence[np.ndarray], np.ndarray, np.ndarray], None],
        record: Recorder = record_cuda_graph,
    ) -> None:
        self._reductions, self._net = reductions, reductions.net
        self._summation, self._record, self._judge = summation, record, judge
        self._products, self._gradients = products, gradients
        self._images = reductions.blob(summation.input_name)
        self._scores = [reductions.blob(name) for name in summation.scored_names]
        ends = np.cumsum([0, *(reductions.blob(name).shape[1] for name in summation.names)]).tolist()
        self._parts = {name: slice(*ends[i : i + 2]) for i, name in enumerate(summation.names)}
        self._key: Any = None
        self._n_batches = 0
        self._recordings: dict[Callable[[], Any], Recording] = {}
        self._unjudged: tuple[list[Any], Any, np.ndarray, np.ndarray] | None = None  # answers on their way here
        self._can_be_recorded = all(layer.can_be_recorded for layer in self._net.layers)
        self._restore(state)

    # -- a batch -----------------------------------------------------------------------------------------------------

    def update(
        self,
        images: np.ndarray,
        rounds: Sequence[np.ndarray],
        indices: np.ndarray,
        targets: np.ndarray | None,
        feeds: Mapping[str, np.ndarray],
    ) -> None:
        """Run a batch.

        Parameters
        ----------
        images : ndarray of shape (n, ...), float32
        rounds : sequence of ndarray of shape (n,), int64
            A column of each image, -1 for none: one array, or several where images belong to several columns.
        indices : ndarray of shape (n,), int64
            Below 2**32.
        targets : ndarray of shape (n, ...), or None
            What is right; where classes are counted here, the only round.
        feeds : mapping of str to ndarray
            What else goes into the net, by blob.
        """
        self._prepare(len(indices), feeds, targets, len(rounds) > 1)
        for (_, target), array in zip(self._inputs, (images, *feeds.values())):
            shape = tuple(target.shape)
            # One value an image holds for all its positions.
            rows = (len(indices), *[1] * (len(shape) - 1)) if array.size == len(indices) else shape
            _send(np.broadcast_to(array.reshape(rows), shape), target)
        _send(indices, self._indices)
        if self._targets is not None and targets is not None:
            _send(targets.reshape(len(indices), -1), self._targets)
        for blob, tensor in self._inputs:
            blob.value = tensor
        for number, columns in enumerate(rounds or [np.full(len(indices), -1)]):
            _send(np.where(columns < 0, self._none, columns), self._columns)
            self._run(self._add_round if number else self._sum_up)
            self._class_count += np.bincount(columns[columns >= 0], minlength=len(self._class_count))
        if self._summation.contributions == "all":
            for _ in range(self._summation.n_classes):
                self._run(self._add_contributions_of_class)
        self._n_images += len(indices)
        self._n_batches += 1
        if self._summation.counts_classes and targets is not None:
            self._n_judged += int((targets >= 0).sum())
            if self._has_cells():
                # The recording writes the answers of the next batch to the same place.
                self._answers.append((np.array(targets), np.array(indices), self._answered.clone()))
        elif targets is not None:
            self._judge_later(targets, np.array(indices))

    def _prepare(self, n: int, feeds: Mapping[str, np.ndarray], targets: np.ndarray | None, has_rounds: bool) -> None:
        """Give the net the size of the batch; begin again where something has changed that recordings depend on."""
        blobs = [self._images, *(self._reductions.blob(name) for name in feeds)]
        if any(blob.shape[0] != n for blob in blobs):
            for blob in blobs:
                blob.reshape(n, *blob.shape[1:])
            self._net.reshape()
        looks_at_targets = targets is not None and self._summation.start == "pixels"
        key = n, tuple(feeds), targets is None, has_rounds, Blob.n_changes, backend.precision(), backend.device()
        if key == self._key:
            return
        self._check()
        self._key, self._n_batches = key, 0
        self._recordings = {}
        device = backend.device()
        self._inputs = [(blob, torch.empty(blob.shape, device=device)) for blob in blobs]
        self._indices, self._columns = (torch.empty(n, dtype=torch.int64, device=device) for _ in range(2))
        n_positions = self._scores[0].count // (n * self._scores[0].shape[1]) if looks_at_targets else 0
        shape = n, n_positions
        self._targets = torch.empty(shape, dtype=torch.int64, device=device) if looks_at_targets else None
        self._is_counted = self._summation.counts_classes and targets is not None
        self._answered = torch.empty(2, n, device=device)
        shape = n, self._minimum.numel()
        self._kept = torch.empty(2, *shape, device=device) if has_rounds else None
        wants_members = self._summation.contributions == "all"
        shape = n, self._none + 1
        self._members = torch.empty(shape, dtype=torch.bool, device=device) if wants_members else None

    def _run(self, run: Callable[[], Any]) -> None:
        """Compute, as a recording where that is possible."""
        net, recorded = self._net, self._recordings.get(run)
        is_watched = net.before_forward or net.after_forward or net.before_backward or net.after_backward
        is_ready = self._n_batches >= N_WARM_UPS and not is_watched and not net.check_finite
        if recorded is None and self._can_be_recorded and is_ready:
            blobs = [*(blob for blob, _ in self._inputs), *(blob for layer in net.layers for blob in layer.blobs)]
            kept = {id(blob.memories[0]): (blob.memories[0], blob.shape) for blob in blobs if blob.count}
            written = {id(memory): memory for blob in net.blobs for memory in blob.memories}
            try:
                recorded = Recording(run, list(kept.values()), written.values(), self._record)
                self._recordings[run] = recorded
            except NotRecordedError:
                self._can_be_recorded = False
        if recorded is None:
            with backend.computing():
                run()
        else:
            recorded.replay()

    def _sum_up(self) -> None:
        """Run the net and add up what a batch gives; what takes memory comes first, so that all counts or nothing."""
        summation, reductions = self._summation, self._reductions
        loss = self._net.run_forward(range(len(self._net.layers)))
        mean, peak, square, minimum = reductions.moment_tensors(summation.names)
        contributions = self._contributions(self._columns) if summation.contributions == "own" else None
        if summation.gradients:
            reductions.backward()
        values = [(part, reductions.blob(name).value) for name, part in self._parts.items()]
        self._top.update(peak, self._indices, values)
        if torch.is_tensor(loss):
            self._loss.add_(loss.double().reshape(()), alpha=len(peak))
        self._totals[0].add_(mean.sum(0, dtype=torch.float64))
        self._totals[1].add_(square.sum(0, dtype=torch.float64))
        torch.minimum(self._minimum, minimum, out=self._minimum)
        torch.maximum(self._overall_maximum, peak.amax(0), out=self._overall_maximum)
        if self._is_counted:
            self._add_answers()
        if self._members is not None:
            self._members.zero_()
        self._add_to_columns(mean, peak, contributions)
        reductions.add_squares(self._products, mean, self._parts)
        if summation.gradients:
            reductions.add_gradients(self._gradients, float(len(peak)))
        if self._kept is not None:
            self._kept[0].copy_(mean)
            self._kept[1].copy_(peak)
        self._class.zero_()

    def _add_round(self) -> None:
        """Add the images of the batch to the next column of each."""
        assert self._kept is not None
        is_own = self._summation.contributions == "own"
        mean, peak = self._kept
        self._add_to_columns(mean, peak, self._contributions(self._columns) if is_own else None)

    def _add_to_columns(self, mean: Any, peak: Any, contributions: Any) -> None:
        """Add each image to the sums and maxima of its column; those of none go to a row that nobody looks at."""
        columns = self._columns
        for name, values in (("mean", mean), ("peak", peak), ("active", peak > 0), ("own", contributions)):
            if values is not None:
                # A row for each image to the sums of its column, which a GPU does in a fixed order.
                self._sums[name].index_put_((columns,), values.double(), accumulate=True)
        self._maximum.scatter_reduce_(0, columns[:, None].expand(peak.shape), peak, "amax")
        if self._members is not None:
            self._members.scatter_(1, columns[:, None], True)

    def _add_answers(self) -> None:
        """Count wrong answers, an image in parts where it has several positions, and which class is named instead."""
        scores, classes = self._scores[0].value, self._columns[:, None]
        answers = scores.reshape(*scores.shape[:2], -1).argmax(1)
        is_known = classes < self._none
        self._wrong.add_(((answers != classes) & is_known).double().mean(1).sum())
        if self._has_cells():
            self._answered.copy_(_answered(scores.reshape(len(scores), -1), classes, answers))
        if self._confusion.numel():
            parts = (is_known.double() / answers.shape[1]).expand(answers.shape)
            rows = classes.clamp(max=self._none - 1).expand(answers.shape)
            self._confusion.index_put_((rows, answers), parts, accumulate=True)

    def _has_cells(self) -> bool:
        """Whether each image falls into one cell of the confusion matrix: it has one answer, of several."""
        shape = self._scores[0].shape
        return bool(self._confusion.numel()) and shape[1] > 1 and self._scores[0].count == shape[0] * shape[1]

    def _contributions(self, columns: Any) -> Any:
        """Activation times gradient of one column's score for each image, of all neurons that it depends on."""
        summation = self._summation
        scores = [blob.value for blob in self._scores]
        gradients = start_gradients(summation.start, scores, columns, self._targets)
        diffs = dict(zip(summation.scored_names, gradients))
        self._reductions.run_back(diffs, summation.layers, summation.silent)
        return self._reductions.product_tensor(summation.names_on_path)

    def _add_contributions_of_class(self) -> None:
        """To the score of the next column: over all images, and over its own."""
        assert self._members is not None
        values = self._contributions(self._class.expand(self._columns.shape)).double()
        own = torch.where(self._members.index_select(1, self._class), values, 0.0)
        for name, rows in (("all", values), ("own", own)):
            self._sums[name].index_add_(0, self._class, rows.sum(0, keepdim=True))
        self._class.add_(1)

    # -- answers that are judged elsewhere -----------------------------------------------------------------------------

    def _judge_later(self, targets: np.ndarray, indices: np.ndarray) -> None:
        """Let the answers of the batch set off, and have those of the batch before judged."""
        on_their_way = []
        for blob in self._scores:
            here = torch.empty(blob.shape, dtype=blob.value.dtype).pin_memory()
            here.copy_(blob.value, non_blocking=True)
            on_their_way.append(here)
        has_arrived = torch.cuda.Event()
        has_arrived.record()
        self._judge_arrived()
        self._unjudged = on_their_way, has_arrived, targets, indices

    def _judge_arrived(self) -> None:
        """Have the answers judged that are on their way here."""
        if self._unjudged is not None:
            answers, has_arrived, targets, indices = self._unjudged
            self._unjudged = None
            has_arrived.synchronize()
            self._judge([tensor.numpy() for tensor in answers], targets, indices)

    # -- what was summed up ------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Raise what layers have found wrong since this was last called; waits."""
        for recorded in self._recordings.values():
            recorded.numbers()

    def state(self) -> dict[str, np.ndarray]:
        """Wait; return all that was summed up here, as `part/name`, without products and gradients.

        Raises
        ------
        LayerError
            If a layer was given what it cannot take.
        """
        self._check()
        self._judge_arrived()
        seen = np.flatnonzero(self._class_count)
        state = {
            "outcome/class_count": self._class_count.copy(),
            "outcome/images": np.array(self._n_images, np.int64),
            "outcome/loss": _numpy(self._loss),
            "totals/n_images": np.array(self._n_images, np.int64),
            "totals/total": _numpy(self._totals[0]),
            "totals/squares": _numpy(self._totals[1]),
            "totals/minimum": _numpy(self._minimum),
            "totals/maximum": _numpy(self._overall_maximum),
            "maximum/class": seen,
            "maximum/maximum": _numpy(self._maximum[torch.from_numpy(seen).to(self._maximum.device)]),
        }
        for name, sums in self._sums.items():
            rows = np.arange(self._none) if name == "all" else seen
            state[f"{name}/class"] = rows
            state[f"{name}/sum"] = _numpy(sums[torch.from_numpy(rows).to(sums.device)])
        if self._summation.counts_classes:
            state["judge/wrong"], state["judge/images"] = _numpy(self._wrong), np.array(self._n_judged, np.float64)
            state["judge/confusion"] = _numpy(self._confusion)
            state.update({f"cells/{name}": array for name, array in self._cells().items()})
        state.update({f"top/{name}": _numpy(tensor) for name, tensor in self._top.state().items()})
        return state

    def _cells(self) -> dict[str, np.ndarray]:
        """The cell of each image, behind those from before: `Extraction` leaves out what does not stay."""
        if self._answers:
            targets, indices, answered = zip(*self._answers)
            answer, lead = _numpy(torch.cat(answered, 1))
            rows = np.concatenate(targets).reshape(-1)
            new = rows, answer.astype(np.int64), np.concatenate(indices), lead
            for name, more in zip(_CELLS, new):
                before = self._cells_before[name]
                self._cells_before[name] = np.concatenate([before, more[rows >= 0].astype(before.dtype)])
            self._answers.clear()
        return self._cells_before

    def _restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Begin with what was summed up before."""
        device = backend.device()

        def there(array: np.ndarray) -> Any:
            return torch.from_numpy(np.array(array)).to(device)

        self._class_count = np.array(state["outcome/class_count"])
        self._none = len(self._class_count)  # the row of images that belong to no column
        self._n_images, self._loss = int(state["outcome/images"]), there(state["outcome/loss"])
        if self._summation.counts_classes:
            self._n_judged = float(state["judge/images"])
            self._wrong, self._confusion = there(state["judge/wrong"]), there(state["judge/confusion"])
            self._cells_before = {name: np.array(state[f"cells/{name}"]) for name in _CELLS}
            self._answers: list[tuple[np.ndarray, np.ndarray, Any]] = []
        self._totals = there(np.stack([state["totals/total"], state["totals/squares"]]))
        self._minimum, self._overall_maximum = there(state["totals/minimum"]), there(state["totals/maximum"])
        self._class = torch.zeros(1, dtype=torch.int64, device=device)
        shape = self._none + 1, self._minimum.numel()
        self._maximum = torch.full(shape, -np.inf, device=device)
        self._maximum[there(state["maximum/class"])] = there(state["maximum/maximum"])
        self._sums = {}
        for name in _CLASS_SUMS:
            rows = state[f"{name}/sum"]
            self._sums[name] = torch.zeros(shape[0], rows.shape[1], dtype=torch.float64, device=device)
            self._sums[name][there(state[f"{name}/class"])] = there(rows)
        self._top = TopList(*(there(state[f"top/{name}"]) for name in ("response", "image", "position")))


def _send(array: np.ndarray, target: Any) -> None:
    """Let an array set off for the device."""
    there = torch.from_numpy(np.require(array, requirements=["C", "W"])).to(target.dtype).pin_memory()
    target.copy_(there, non_blocking=True)


def _answered(scores: Any, classes: Any, answers: Any) -> Any:
    """For each image its answer, and how far its score leads (`records.analysis.CellImages`), (2, n) float32."""
    first, second = scores.topk(2, 1).values.T
    is_right = (answers == classes)[:, 0]
    # Images without a class are left out later.
    right = scores.gather(1, classes.clamp(max=scores.shape[1] - 1))[:, 0]
    # Numbers of classes are exact in float32.
    return torch.stack([answers[:, 0].float(), torch.where(is_right, second - first, first - right)])


def _numpy(tensor: Any) -> np.ndarray:
    """As an array."""
    array: np.ndarray = tensor.cpu().numpy()
    return array
