"""The passes over the data: one for each snapshot, with what is kept when they are interrupted."""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnvis_caffe.analysis.answering import names_one
from cnnvis_caffe.analysis.batches import judge_of, read_batches
from cnnvis_caffe.analysis.check_same import check_same
from cnnvis_caffe.analysis.grouping import grouped
from cnnvis_caffe.analysis.kept_sums import KeptSums
from cnnvis_caffe.analysis.model import Model, Nets
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.analysis.snapshots import SnapshotFile
from cnnvis_caffe.errors import CnnvisError, DeviceMemoryError, StoreError
from cnnvis_caffe.features.extraction import ExtractedSnapshot, Extraction
from cnnvis_caffe.features.places import PatchPlaces
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Curve
from cnnvis_caffe.records.preparation import PreparationTrial
from cnnvis_caffe.records.task import PAIRS
from cnnvis_caffe.store.state import AnalysisState, read_state

logger = logging.getLogger(__name__)

#: How often what was summed up is written down.
SECONDS_BETWEEN_STATES = 60.0


@dataclass(eq=False)
class Run:
    """An analysis at work.

    Attributes
    ----------
    request : Request
    model : Model
    snapshots : tuple of SnapshotFile
    indices : ndarray of int64
        Of the images of this shard.
    settings : dict of str to str
        What parts of one analysis have in common.
    state_path : str
        Where the state goes.
    curves : tuple of Curve
        From the training log.
    data_times : str
        Checksum of size and time of the data's files.
    n_done : list of int
        Images that each snapshot has seen.
    seconds : float
        Spent, in earlier runs as well.
    seconds_here : float
        Spent in this run.
    batch : int
        Images at once; fewer than those of the model where the GPU's memory does not suffice for these.
    preparation : PreparationTrial or None
        The usual ways to prepare images, where they were tried.
    """

    request: Request
    model: Model
    snapshots: Sequence[SnapshotFile]
    indices: np.ndarray
    settings: dict[str, str]
    state_path: str
    curves: tuple[Curve, ...] = ()
    data_times: str = ""
    n_done: list[int] = field(default_factory=list)
    seconds: float = 0.0
    seconds_here: float = 0.0
    batch: int = 0
    preparation: PreparationTrial | None = None

    def __post_init__(self) -> None:
        self.n_done = self.n_done or [0] * len(self.snapshots)
        self._written = time.monotonic()
        self.batch = self.batch or self.model.batch
        self._sums = KeptSums(self.state_path, len(self.snapshots))
        self._last: tuple[int, Extraction] | None = None  # the snapshot that was run last
        self._n_kept = 0  # images of the snapshot under way whose sums are kept
        self._too_large = ""  # why batches are smaller, until that has been said
        self._smaller_level = logging.WARNING  # once

    def resume(self) -> None:
        """Go on from the state that an interrupted run left behind.

        Raises
        ------
        StoreError
            If it cannot be read, or is that of another analysis.
        """
        if not os.path.exists(self.state_path):
            logger.warning("%s: there is nothing to resume; beginning at the first image", self.state_path)
            return
        state = read_state(self.state_path)
        check_same(state, self.settings, self.request.shard)
        if state.data_times != self.data_times:
            raise StoreError(
                state.path, "", "the files of the data have been written since; remove it and begin again, or put the "
                "data back as they were"
            )  # fmt: skip
        if len(state.n_done) != len(self.snapshots) or state.n_images != len(self.indices):
            raise StoreError(state.path, "n_done", "is not of as many snapshots and images; analyse again")
        self._sums.resume(state, self.settings)
        # A run that was killed between two files has one that the other does not know of.
        self.n_done = [
            len(self.indices) if self._sums.has_file(number) else n_done if number in self._sums else 0
            for number, n_done in enumerate(state.n_done)
        ]
        self.seconds = state.seconds

    def state(self, whole: bool = False) -> AnalysisState:
        """Return what was summed up so far.

        Parameters
        ----------
        whole : bool, default=False
            With the sums of all snapshots; else only those that have no file of their own.

        Returns
        -------
        AnalysisState
        """
        return AnalysisState(
            settings=self.settings,
            request=self.request.to_json(),
            shard=self.request.shard,
            n_done=tuple(self.n_done),
            n_images=len(self.indices),
            sums=self._sums if whole else self._sums.in_memory,
            seconds=self.seconds + self.seconds_here,
            data_times=self.data_times,
        )

    def group_images(self, nets: Nets, progress: Progress = SILENT) -> None:
        """Put images into groups where the data say nothing of them; every shard finds the same ones.

        Parameters
        ----------
        nets : Nets
        progress : Progress, default=SILENT
            Told of images.
        """
        if self.model.columns.is_fallback:
            everything = self.model.source.choose(self.request.limit)
            self.model = grouped(self.model, nets.with_weights(self.snapshots[-1]), everything, progress)

    def passes(self, nets: Nets, progress: Progress = SILENT) -> None:
        """Run all images through all snapshots; `found` has what came out.

        Parameters
        ----------
        nets : Nets
        progress : Progress, default=SILENT
            Told of images; what it raises ends the run, whose state is kept.
        """
        last = len(self.snapshots) - 1
        for number, snapshot in enumerate(self.snapshots):
            if number not in self._sums or self.n_done[number] < len(self.indices):
                self._last = number, self._pass(number, snapshot, nets, progress)
            # Of one that an earlier run did, the sums are in the state where that run was killed before this step.
            if number < last and not self._sums.has_file(number):
                self._sums.put_aside(number, self.state())

    def is_done(self, number: int) -> bool:
        """Say whether the sums of a snapshot are whole."""
        return number in self._sums and self.n_done[number] == len(self.indices)

    def name_of(self, number: int) -> str:
        """Return what progress calls a snapshot."""
        label, n = self.snapshots[number].label, len(self.snapshots)
        return label if n == 1 else f"{label} ({number + 1}/{n})"

    def sums(self, number: int, nets: Nets, progress: Progress = SILENT) -> Mapping[str, np.ndarray]:
        """Return what a pass sums up; with no `state_path`, nothing is written.

        Parameters
        ----------
        number : int
            Of the snapshot, from 0.
        nets : Nets
        progress : Progress, default=SILENT
            Told of images.
        """
        return self._pass(number, self.snapshots[number], nets, progress).state()

    def accept(self, number: int, sums: Mapping[str, np.ndarray]) -> None:
        """Take over what was summed up elsewhere of all images of a snapshot.

        Parameters
        ----------
        number : int
            Of the snapshot, from 0.
        sums : mapping of str to ndarray
        """
        self._sums.in_memory = {number: sums}
        self.n_done[number] = len(self.indices)
        if number < len(self.snapshots) - 1:
            self._sums.put_aside(number, self.state())

    def found(self, number: int, nets: Nets) -> ExtractedSnapshot:
        """Return what a pass found out.

        Parameters
        ----------
        number : int
            Of the snapshot, from 0.
        nets : Nets

        Returns
        -------
        ExtractedSnapshot
        """
        net = nets.with_weights(self.snapshots[number])
        if self._last is not None and self._last[0] == number:
            return self._last[1].finish()
        extraction = new_extraction(net, self.model, self.request)
        extraction.restore(self._sums[number])
        return extraction.finish()

    def write(self) -> None:
        """Write the state down, to go on from."""
        self._sums.write_state(self.state())
        self._written = time.monotonic()

    def forget(self) -> None:
        """Remove the state of a run that is done."""
        self._sums.remove()

    def _pass(self, number: int, snapshot: SnapshotFile, nets: Nets, progress: Progress) -> Extraction:
        """Run what is left of the images through one snapshot, in batches for which there is memory."""
        self._n_kept = self.n_done[number]
        extraction: Extraction | None
        while True:
            try:
                extraction = new_extraction(nets.with_weights(snapshot), self.model, self.request)
                if number in self._sums:
                    extraction.restore(self._sums[number])
                if self.n_done[number] < len(self.indices):
                    self._run_through(number, extraction, progress)
                return extraction
            except DeviceMemoryError as error:
                self._take_smaller_batches(error)
            # What was summed up since it was last kept is lost with the batch that was broken off.
            self.n_done[number] = self._n_kept
            extraction = None  # lets go of the net
            gc.collect()  # what summed up refers to itself, and would keep its memory for a while
            nets.renew()

    def _take_smaller_batches(self, error: DeviceMemoryError) -> None:
        """Halve the batch, or say what one image needs."""
        if self.batch == 1:
            raise DeviceMemoryError(
                self.request.model or self.model.title, f"one image at a time: {error.what}",
                error.asked, error.free, error.total,
                "end other programs that use the GPU, take one with more memory, or analyse with --device cpu",
            )  # fmt: skip
        self._too_large = self._too_large or error.needs()
        self.batch //= 2

    def _say_smaller_batches(self) -> None:
        """Say once that batches are smaller, when one has been computed."""
        if self._too_large:
            level, self._smaller_level = self._smaller_level, logging.INFO
            logger.log(
                level,
                "%d images at once are too many for the GPU (%s); going on with %d",
                self.model.batch, self._too_large, self.batch,
            )  # fmt: skip
            self._too_large = ""

    def _run_through(self, number: int, extraction: Extraction, progress: Progress) -> None:
        """Run what is left of the images through one snapshot."""
        left = self.indices[self.n_done[number] :]
        batches = read_batches(self.model, left, self.batch)
        is_whole = True
        started = time.monotonic()
        before = self.seconds_here
        try:
            progress.start(len(self.indices), self.name_of(number))
            if self.n_done[number]:
                progress.step(self.n_done[number])
            for batch in batches:
                is_whole = False
                extraction.update(
                    batch.inputs, batch.members, batch.indices, targets=batch.targets, feeds=batch.feeds
                )
                is_whole = True
                self._say_smaller_batches()
                self.n_done[number] += len(batch.indices)
                self.seconds_here = before + time.monotonic() - started
                if time.monotonic() - self._written > SECONDS_BETWEEN_STATES:
                    self._write(number, extraction)
                progress.step(len(batch.indices))
            progress.done()
        except BaseException as error:
            # Errors of our own mean that going on would end the same way; only what was asked for is kept.
            if is_whole and any(self.n_done) and not isinstance(error, CnnvisError):
                self._write(number, extraction)
            raise
        finally:
            batches.close()  # type: ignore[attr-defined]
            self.seconds_here = before + time.monotonic() - started
        self._keep(number, extraction)

    def _keep(self, number: int, extraction: Extraction) -> None:
        """Remember what a snapshot has summed up."""
        self._sums.in_memory = {number: extraction.state()}
        self._n_kept = self.n_done[number]

    def _write(self, number: int, extraction: Extraction) -> None:
        """Write the state down."""
        self._keep(number, extraction)
        if self.state_path:
            self.write()


def new_extraction(net: Any, model: Model, request: Request) -> Extraction:
    """Return an extraction that has seen nothing.

    Parameters
    ----------
    net : Net
    model : Model
    request : Request
    """
    task, columns = model.columns.task, model.columns
    has_contributions = bool(model.score_name) and (columns.are_scores or names_one(task))
    has_contributions |= task is PAIRS and columns.are_scores and len(model.judged) == 2
    return Extraction(
        net,
        model.nodes,
        PatchPlaces(model.fields, model.input_name, model.source.sheet, model.partners),
        input_name=model.input_name,
        label_name=model.label_name,
        score_name=model.score_name,
        n_classes=len(columns.names),
        judge=judge_of(model),
        judged_names=model.judged,
        columns_are_scores=columns.are_scores,
        top=request.top,
        contributions=request.contributions if has_contributions else "none",
        gradients=request.gradients and model.has_loss,
        layers=request.layers or None,
    )


def merged(run: Run, nets: Nets, states: Sequence[AnalysisState], number: int) -> ExtractedSnapshot:
    """Put what the shards of an analysis found out about a snapshot together.

    Parameters
    ----------
    run : Run
    nets : Nets
    states : sequence of AnalysisState
        All shards, by number.
    number : int
        Of the snapshot, from 0.

    Returns
    -------
    ExtractedSnapshot
    """
    net = nets.with_weights(run.snapshots[number])
    total = new_extraction(net, run.model, run.request)
    for state in states:
        part = new_extraction(net, run.model, run.request)
        part.restore(state.sums[number])
        total.merge(part)
    return total.finish()
