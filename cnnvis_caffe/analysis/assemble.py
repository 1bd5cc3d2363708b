"""From what the passes found out to the analysis file."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from cnnvis_caffe import __version__
from cnnvis_caffe.analysis.model import Model, Nets
from cnnvis_caffe.analysis.run import Run
from cnnvis_caffe.analysis.snapshots import SnapshotFile
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features.changes import with_changes
from cnnvis_caffe.features.extraction import ExtractedSnapshot
from cnnvis_caffe.features.patches import thumbnail
from cnnvis_caffe.formats.solverstate import read_solverstate
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import DataSummary, LayerDebug, Snapshot
from cnnvis_caffe.store.writer import writing

logger = logging.getLogger(__name__)

_IMAGES_AT_ONCE = 256
#: Images that are kept as they were read: those of one snapshot are often those of the next.
_MOST_IMAGE_BYTES = 256 << 20
#: Options that stand in provenance by themselves, or with the snapshots.
_SAID_ELSEWHERE = ("model", "weights", "batch")


def write(
    run: Run,
    nets: Nets,
    found: Callable[[int], ExtractedSnapshot],
    out: str | os.PathLike[str],
    progress: Progress = SILENT,
) -> None:
    """Write the analysis file, one snapshot after the other.

    Parameters
    ----------
    run : Run
    nets : Nets
    found : callable
        Gives what was found out about a snapshot, by its number; is asked once for each, in their order.
    out : str or path-like
        File to write.
    progress : Progress, default=SILENT
        Told of nodes.

    Raises
    ------
    StoreError
        If it cannot be written; nothing is then half written.
    """
    model = run.model
    images = SourceImages(model.source)
    top_images = np.zeros(0, np.int64)
    before: dict[str, np.ndarray] | None = None
    with writing(out, model.nodes, len(run.snapshots), progress) as writer:
        for number, file in enumerate(run.snapshots):
            one, weights = found(number), _first_params(file)
            debug = with_changes(one.debug, weights, before, _history(file, model))
            writer.add(_snapshot(file, one, debug, _thumbnails(images, one.strongest, progress)))
            top_images = np.union1d(top_images, one.top_images)
            before, last = weights, one
        images.ask_for(top_images)
        writer.finish(
            title=model.title,
            data=_summary(model, last),
            images=images,
            image_class={index: model.columns.first_of(index) for index in images},
            curves=run.curves,
            provenance=_provenance(run, nets),
            preparation=run.preparation,
        )


def _snapshot(
    file: SnapshotFile,
    found: ExtractedSnapshot,
    debug: Mapping[str, LayerDebug],
    thumbnails: Mapping[str, tuple[np.ndarray, ...]],
) -> Snapshot:
    """The record of a snapshot."""
    return Snapshot(
        label=file.label,
        iteration=file.iteration,
        path=file.path,
        sha256=file.sha256,
        loss=found.loss,
        error=found.error,
        features=found.features,
        similarity=found.similarity,
        correlation=found.correlation,
        connections=found.connections,
        scale=found.scale,
        debug=debug,
        thumbnails=thumbnails,
        measures=found.measures,
        confusion=found.confusion,
        cell_images=found.cell_images,
        kernels=found.kernels,
        weight_counts=found.weight_counts,
    )


def _summary(model: Model, found: ExtractedSnapshot) -> DataSummary:
    """What was analysed."""
    source, columns = model.source, model.columns
    return DataSummary(
        source=source.name,
        n_images=found.n_images,
        class_names=columns.names,
        class_count=found.class_count,
        channel_order=source.channel_order,
        input_name=model.input_name,
        input_shape=(source.input_shape[0], *(source.sheet.size if source.sheet else source.input_shape[1:])),
        item=source.item,
        preprocessing=source.preprocessing,
        task=columns.task.name,
        column=columns.column,
        columns=columns.columns,
        score_name=model.score_name,
        columns_are_scores=columns.are_scores,
        scale=source.settings.scale,
        mean=_mean(source.settings),
    )


def _mean(settings: Preprocessing) -> np.ndarray | None:
    """What is subtracted from the pixels, (channels or 1, height, width) float32."""
    if settings.mean_image is not None:
        return np.asarray(settings.mean_image, np.float32)
    return np.array(settings.mean_values, np.float32).reshape(-1, 1, 1) if settings.mean_values else None


class SourceImages(Mapping):
    """Images of a source as they are drawn, read some at once when they are asked for; the last ones are kept.

    Parameters
    ----------
    source : ImageSource
    """

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._wanted = np.zeros(0, np.int64)
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._n_bytes = 0

    def ask_for(self, indices: np.ndarray) -> None:
        """Say which images it is to have; they are best taken in their order.

        Parameters
        ----------
        indices : ndarray of int64
            Ascending.
        """
        self._wanted = indices

    def __getitem__(self, index: int) -> np.ndarray:
        if index not in self._kept:
            if index not in self:
                raise KeyError(index)
            place = int(np.searchsorted(self._wanted, index))
            self._read(self._wanted[place : place + _IMAGES_AT_ONCE])
        self._kept.move_to_end(index)
        return self._kept[index]

    def _read(self, indices: np.ndarray) -> None:
        """Read images that are not there yet, in the place of those that were used longest ago."""
        missing = [index for index in indices.tolist() if index not in self._kept]
        images = self._source.shown_images(np.array(missing, np.int64))
        self._n_bytes += images.nbytes
        while self._kept and self._n_bytes > _MOST_IMAGE_BYTES:
            self._n_bytes -= self._kept.popitem(last=False)[1].nbytes
        self._kept.update((index, image.copy()) for index, image in zip(missing, images))

    def __iter__(self) -> Iterator[int]:
        return iter(self._wanted.tolist())

    def __len__(self) -> int:
        return len(self._wanted)

    def __contains__(self, index: object) -> bool:
        return bool((self._wanted == index).any())


def _thumbnails(
    images: SourceImages, strongest: Mapping[str, tuple[np.ndarray, np.ndarray]], progress: Progress
) -> dict[str, tuple[np.ndarray, ...]]:
    """Cut the strongest patch of each neuron, image after image, so that each is read once."""
    nothing = np.zeros((0, 0, 3), np.uint8)
    pieces: dict[str, list[np.ndarray]] = {}
    wanted: dict[int, list[tuple[str, int, np.ndarray]]] = {}
    for name, (image, box) in strongest.items():
        pieces[name] = [nothing] * len(image)
        for neuron in np.flatnonzero(image >= 0).tolist():
            wanted.setdefault(int(image[neuron]), []).append((name, neuron, box[neuron]))
    images.ask_for(np.array(sorted(wanted), np.int64))
    for index in images:
        known: dict[bytes, np.ndarray] = {}  # many neurons see the same box
        for name, neuron, box in wanted[index]:
            key = box.tobytes()
            if key not in known:
                known[key] = thumbnail(images[index], box)
            pieces[name][neuron] = known[key]
        progress.step(0)  # which may end it here
    return {name: tuple(row) for name, row in pieces.items()}


def _first_params(file: SnapshotFile) -> dict[str, np.ndarray]:
    """The first parameter of each layer."""
    if not file.path:
        return {}
    layers = read_weights(file.path).layers
    return {layer.name: layer.blobs[0].data for layer in layers if layer.blobs and layer.blobs[0] is not None}


def _history(file: SnapshotFile, model: Model) -> dict[str, np.ndarray] | None:
    """The solver's first history array of each layer's first parameter, where they can be told apart."""
    if not file.solverstate:
        return None
    try:
        history = read_solverstate(file.solverstate).history
    except CnnvisError as error:
        logger.warning("%s: the solver state beside it is left out: %s", file.path, error)
        return None
    owned = [
        (layer.name, number, param.shape)
        for layer in model.dag.layers
        for number, param in enumerate(layer.params)
        if param.owner is None
    ]
    sizes = [int(np.prod(shape)) for _, _, shape in owned]
    if len(history) < len(owned) or any(blob.data.size != size for blob, size in zip(history, sizes)):
        logger.warning("%s: is not of this network; it is left out", file.solverstate)
        return None
    return {name: blob.data for (name, number, _), blob in zip(owned, history) if number == 0}


def _provenance(run: Run, nets: Nets) -> dict[str, str]:
    """Where everything comes from, and how long it took."""
    seconds = run.seconds + run.seconds_here
    n_images = len(run.indices) * len(run.snapshots)
    options = run.request.to_json()
    return {
        "program": f"cnnvis_caffe {__version__}",
        "engine": f"{run.request.engine} {nets.version}".strip(),
        "device": run.request.device,
        "batch": str(run.batch),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": sys.platform,
        "folder": os.getcwd(),  # which relative paths below are seen from
        "model": run.request.model,
        "model sha256": run.settings["model"],
        "seconds": f"{seconds:.1f}",
        "images a second": f"{n_images / seconds:.0f}" if seconds else "",
        "note": run.model.source.note,
        "task": run.model.columns.task.name,
        "why": _why(run.model),
        **{f"option {name}": _shown(value) for name, value in options.items() if name not in _SAID_ELSEWHERE},
    }


def _why(model: Model) -> str:
    """What says which task it is, and which of several losses counts."""
    answers = model.answers
    others = ", ".join(answers.others)
    counted = f"; {answers.loss.layer} counts, not {others}" if others and answers.loss else ""
    score = f"; the answers are those of {', '.join(model.judged)}" if model.judged else ""
    return answers.why + counted + score


def _shown(value: object) -> str:
    """An option as a person writes it."""
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
