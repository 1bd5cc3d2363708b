"""What notebooks import: open, run, train, analyse and look at Caffe models.

What is returned shows itself: pictures as SVG and tables as HTML in Jupyter, as text anywhere else.
"""

from __future__ import annotations

import html
import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.edits.choose import chosen_view
from cnnvis_caffe.engines import ENGINES, engine, serve_layers
from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.formats.fork_choice import prefer_fork
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Finding
from cnnvis_caffe.records.view import THEMES, View
from cnnvis_caffe.text.plain import visible

if TYPE_CHECKING:
    from cnnvis_caffe.network.deploy import Deployed
    from cnnvis_caffe.records.aggregation import Aggregation
    from cnnvis_caffe.scene.shapes import Scene

__all__ = [
    "ENGINES",
    "Analysis",
    "Finding",
    "Findings",
    "Patches",
    "Picture",
    "Report",
    "Table",
    "analyze",
    "chart",
    "compare",
    "deploy",
    "engine",
    "findings",
    "inspect",
    "layers",
    "load_net",
    "neuron_page",
    "neurons",
    "open_analysis",
    "patches",
    "picture",
    "prefer_fork",
    "train",
]


def inspect(
    path: str | os.PathLike[str],
    weights: Sequence[str | os.PathLike[str]] = (),
    *,
    phase: str | None = None,
    stages: Sequence[str] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Report:
    """Look into a file of Caffe; PyTorch is not needed.

    Parameters
    ----------
    path : str or path-like
        Network or solver prototxt, weights, solver state or mean image, of any generation.
    weights : sequence of str or path-like, optional
        Weights to compare with the network.
    phase : {"TEST", "TRAIN"}, optional
        Which layers to show; TEST unless the network has nothing to show then.
    stages : sequence of str, optional
        For the layers' stage rules.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of inputs, or of data that is not here.

    Returns
    -------
    Report
        A dict: what ``cnnvis-caffe inspect --json`` prints.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or the network is not as Caffe allows it.
    """
    report = importlib.import_module("cnnvis_caffe.network.report")
    return Report(report.inspect_file(path, weights, phase=phase, stages=stages, input_shapes=input_shapes))


def deploy(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    stages: Sequence[str] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    batch: int | None = None,
    keep_side: bool = False,
) -> Deployed:
    """Write the network that uses what another one was trained to do; PyTorch is not needed.

    Parameters
    ----------
    path : str or path-like
        Network prototxt of any generation, or a caffemodel, which holds the network that it was saved with.
    out : str or path-like
        The deploy prototxt to write; real Caffe runs it too.
    weights : str or path-like, optional
        Weights of the network in a prototxt; they may tell the shape of its images.
    stages : sequence of str, optional
        For the layers' stage rules.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of inputs, such as ``{"data": (1, 3, 224, 224)}``, instead of what is found.
    batch : int, optional
        Images in a batch, instead of what the data layer says.
    keep_side : bool, default=False
        Keep also what leads to losses that only help to train.

    Returns
    -------
    Deployed
        The network, its inputs and outputs, what was left out, and how images are to be prepared.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, weights do not fit, or the shape of an input cannot be known.
    """
    networks = importlib.import_module("cnnvis_caffe.network.deploy")
    made: Deployed = networks.deploy(
        path, weights, stages=stages, input_shapes=input_shapes, batch=batch, keep_side=keep_side
    )
    made.write(out)
    return made


def load_net(
    network: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    phase: str = "TEST",
    stages: Sequence[str] = (),
    engine_name: str = "torch",
    allow_python_layers: bool = False,
) -> Any:
    """Load a network to run it.

    Parameters
    ----------
    network : str or path-like
        Prototxt of any generation.
    weights : str or path-like, optional
        A ``.caffemodel`` or ``.caffemodel.h5``; without, the network's fillers decide.
    phase : {"TEST", "TRAIN"}, default="TEST"
    stages : sequence of str, optional
        For the layers' stage rules.
    engine_name : {"torch", "caffe"}, default="torch"
        As for `engine`.
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.

    Returns
    -------
    Net
        With pycaffe's names: `blobs`, `params`, `forward`, `backward`.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or the network is not as Caffe allows it.
    ConsentError
        If it has Python layers whose code may not be run.
    """
    caffe = engine(engine_name)
    _check_consent(network, phase, stages, engine_name, allow_python_layers)
    keywords: dict[str, Any] = {} if weights is None else {"weights": os.fspath(weights)}
    if stages:
        keywords["stages"] = list(stages)
    return caffe.Net(os.fspath(network), {"TRAIN": caffe.TRAIN, "TEST": caffe.TEST}[phase], **keywords)


def _check_consent(
    network: str | os.PathLike[str], phase: str, stages: Sequence[str], engine_name: str, is_allowed: bool
) -> None:
    """Raise where a network would run code that nobody has allowed; else let this code find the engine."""
    python_code = importlib.import_module("cnnvis_caffe.formats.python_code")
    filter_net = importlib.import_module("cnnvis_caffe.runtime.filter_net").filter_net
    file = importlib.import_module("cnnvis_caffe.formats.prototxt").read_network(network, allow_unknown=False)
    state = file.message.state
    state.phase = importlib.import_module("cnnvis_caffe.network.dag").PHASES[phase]
    state.stage.extend(stages)
    layers = filter_net(file.message, file.path, file.layer_lines)
    if not is_allowed:
        python_code.refuse_code(layers, file.path, file.layer_lines)
    elif python_code.code_of(layers):
        serve_layers(engine_name)


def train(
    solver: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    iterations: int | None = None,
    log: str | os.PathLike[str] | None = None,
    allow_python_layers: bool = False,
    progress: Progress = SILENT,
) -> list[Path]:
    """Train a network as a solver prototxt says, on the current device.

    Parameters
    ----------
    solver : str or path-like
        Solver prototxt; relative paths in it count from the current folder, as in Caffe.
    weights : str or path-like, optional
        Weights to begin with (fine-tuning).
    iterations : int, optional
        How many, instead of the solver's ``max_iter``.
    log : str or path-like, optional
        Adds losses, scores and the sizes of weights, gradients and updates to this JSON-lines file, which `analyze`
        reads.
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.
    progress : Progress, default=SILENT
        May raise `Cancelled`: the last snapshot stays.

    Returns
    -------
    list of Path
        The weights of the snapshots that were written, in order: what `analyze` takes.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or solver or network are not as Caffe allows them.
    """
    prototxt = importlib.import_module("cnnvis_caffe.formats.prototxt")
    solvers = importlib.import_module("cnnvis_caffe.runtime.solvers")
    callback = importlib.import_module("cnnvis_caffe.runtime.solvers.callback")
    training_log = importlib.import_module("cnnvis_caffe.runtime.solvers.training_log")
    file = prototxt.read_solver(os.fspath(solver), allow_unknown=False)
    if weights is not None:
        file.message.weights[:] = [os.fspath(weights)]
    folder = os.path.dirname(file.message.snapshot_prefix)
    if folder:
        os.makedirs(folder, exist_ok=True)
    if allow_python_layers:
        serve_layers()
    trained = solvers.create_solver(file, allow_python_layers=allow_python_layers)
    written: list[Path] = []

    class Watch(callback.Callback):  # type: ignore[misc, name-defined]
        """Counts iterations and notes snapshots."""

        def on_updated(self, solver: Any) -> None:
            progress.step()

        def on_snapshot(self, solver: Any, path: str) -> None:
            written.append(Path(path.replace(".solverstate", ".caffemodel")))

    trained.callbacks.append(Watch())
    writer = training_log.TrainingLog(log) if log is not None else None
    if writer is not None:
        trained.callbacks.append(writer)
        writer.start(trained)
    progress.start(trained.param.max_iter if iterations is None else iterations, "training")
    try:
        trained.solve(n_iters=iterations)
    finally:
        if writer is not None:
            writer.close()
    progress.done()
    return written


def analyze(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    progress: Progress = SILENT,
    **options: Any,
) -> Analysis | None:
    """Run images through a trained network and write down what its neurons do.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str, path-like or sequence of them, or None
        Snapshots of one run, put in order by iteration; None for what the network's fillers give.
    data : str or path-like
        ``mnist:train``, an LMDB, a folder of class folders, an image list, an HDF5 or npz file.
    out : str or path-like
        File to write.
    progress : Progress, default=SILENT
        May raise `Cancelled`: what was done is kept, for ``resume=True``.
    **options
        As for `cnnvis_caffe.pipeline.analyze`: ``log``, ``engine``, ``device``, ``batch``, ``limit``, ``top``,
        ``layers``, ``contributions``, ``gradients``, ``scale``, ``mean``, ``channel_order``, ``resize``, ``classes``,
        ``score``, ``stages``, ``shard``, ``resume``, ``seed``, ``allow_python_layers``.

    Returns
    -------
    Analysis or None
        Opened from the file; None for a shard.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, things do not fit, or `out` cannot be written; nothing is then half written.
    """
    pipeline = importlib.import_module("cnnvis_caffe.pipeline")
    analysis: Analysis | None = pipeline.analyze(model, weights, data, out, progress=progress, **options)
    return None if analysis is None else _Shown.of(analysis)


def open_analysis(path: str | os.PathLike[str]) -> Analysis:
    """Open an analysis file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Analysis
        What is large is read when it is asked for.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    StoreError
        If it is not an analysis file, is damaged, or is of a newer version.
    """
    store = importlib.import_module("cnnvis_caffe.store")
    return _Shown.of(store.read_analysis(path))


#: The same by a shorter name, for `api.open(path)`.
open = open_analysis


def picture(
    analysis: Analysis,
    *,
    select: str = "",
    size: tuple[float, float] | None = (1200, 700),
    title: bool = True,
    legend: bool = True,
    view: View | None = None,
    **options: Any,
) -> Picture:
    """Draw the hybrid visualization: layers, clusters of neurons, and their bundled connections.

    Parameters
    ----------
    analysis : Analysis
    select : str, optional
        A neuron such as ``"conv2:17"``, whose own connections are shown.
    size : (float, float) or None
        Wished width and height; long networks make the picture wider. None: as large as is good to read.
    title, legend : bool, default=True
    view : View, optional
        To start from, such as that of a finding.
    **options
        As for ``cnnvis-caffe render``: ``facet``, ``edges``, ``edge_filter``, ``importance``, ``classes`` (names or
        numbers), ``class_cutoff``, ``n_clusters``, ``clustering``, ``expand`` (names of groups), ``snapshot`` (label
        or iteration), ``clusters_of`` (the snapshot whose clusters and places are kept, likewise), ``theme``.

    Returns
    -------
    Picture

    Raises
    ------
    UnknownNameError
        If there is no such option, value, neuron, class, group or snapshot.
    """
    shapes = importlib.import_module("cnnvis_caffe.scene.shapes")
    chosen = chosen_view(analysis, view or View(), options)
    selection = None
    if select:
        node, index = analysis.neuron(select)
        selection = shapes.Target("neuron", node, (index,))
    pipeline = importlib.import_module("cnnvis_caffe.pipeline")
    drawn = pipeline.draw(analysis, chosen, size=size, selection=selection, has_title=title, has_legend=legend)
    return Picture(drawn.scene, chosen, drawn.aggregation)


def neuron_page(
    analysis: Analysis,
    neuron: str,
    *,
    snapshot: str | int = "",
    theme: str = "light",
    deconvolution: bool = False,
    allow_python_layers: bool = False,
) -> Picture:
    """Draw the page of a neuron: what it responds to, by class, its connections, its history.

    Parameters
    ----------
    analysis : Analysis
    neuron : str
        Such as ``"conv2:17"``.
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    theme : {"light", "dark"}, default="light"
    deconvolution : bool, default=False
        Also project its strongest images back to the pixels; this opens the model of the analysis.
    allow_python_layers : bool, default=False
        Whether the code of that model's Python layers may be run.

    Returns
    -------
    Picture

    Raises
    ------
    CnnvisError
        If there is no such neuron or snapshot, or the model is not where it was.
    """
    page = importlib.import_module("cnnvis_caffe.scene.neuron_page")
    view = chosen_view(analysis, View(), {"snapshot": snapshot, "theme": theme})
    node, index = analysis.neuron(neuron)
    projections = {}
    if deconvolution:
        again = importlib.import_module("cnnvis_caffe.analysis.deconvolution")
        allowed = {"allow_python_layers": allow_python_layers}
        projections = again.deconvolve(analysis, analysis.snapshot(snapshot), node, index, **allowed)
    scene = page.build_neuron_page(analysis, view.snapshot, node, index, theme=_theme(theme), projections=projections)
    return Picture(scene, view)


def chart(
    analysis: Analysis,
    quantity: str = "relative_change",
    *,
    by: str = "layer",
    size: tuple[float, float] = (900, 320),
    theme: str = "light",
) -> Picture:
    """Draw debugging information as lines.

    Parameters
    ----------
    analysis : Analysis
    quantity : str, default="relative_change"
        ``mean_abs_weight``, ``mean_abs_gradient``, ``relative_change``, ``last_update`` or ``dead_share`` of layers;
        ``loss``, ``error`` or ``learning_rate`` of the training.
    by : {"layer", "iteration"}, default="layer"
        What goes to the right, for quantities of layers.
    size : (float, float)
    theme : {"light", "dark"}, default="light"

    Returns
    -------
    Picture

    Raises
    ------
    UnknownNameError
        If there is no such quantity.
    """
    debugging = importlib.import_module("cnnvis_caffe.readings.debugging")
    charts = importlib.import_module("cnnvis_caffe.scene.chart")
    return Picture(charts.build_chart(debugging.chart_of(analysis, quantity, by=by), size=size, theme=_theme(theme)))


def findings(analysis: Analysis, *, snapshot: str | int = "", **limits: float) -> Findings:
    """Find what an expert would point at: dead, redundant, disconnected neurons, training that failed, and more.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    **limits
        From where on something counts, such as ``dead_severe=0.1``; ``cnnvis-caffe findings --limits`` lists them.

    Returns
    -------
    Findings
        A tuple of `Finding`, the severe ones first.

    Raises
    ------
    CnnvisError
        If there is no such snapshot or limit.
    """
    rules = importlib.import_module("cnnvis_caffe.findings")
    aggregation = importlib.import_module("cnnvis_caffe.aggregation.aggregate")
    known = [field.name for field in fields(rules.Thresholds)]
    for name in limits:
        if name not in known:
            raise UnknownNameError("limit", name, known)
    label = analysis.snapshot(snapshot).label
    found = rules.find(
        analysis,
        snapshot=snapshot,
        thresholds=rules.Thresholds(**limits),
        aggregation=aggregation.aggregate(analysis, View(snapshot=label)),
    )
    return Findings(found)


def layers(analysis: Analysis, *, snapshot: str | int = "") -> Table:
    """List the layers with their debugging information.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        Label or iteration; the last one by default.

    Returns
    -------
    Table
        Of each layer with weights and each rectifier; None where a figure is not known.

    Raises
    ------
    CnnvisError
        If there is no such snapshot.
    """
    one = analysis.snapshot(snapshot)
    names = ("mean_abs_weight", "mean_abs_gradient", "relative_change", "dead_share")
    rows = []
    for node in analysis.nodes:
        if node.name in one.debug:
            figures = one.debug[node.name]
            values = (_known(getattr(figures, name)) for name in names)
            rows.append((node.name, node.type, node.settings, node.n_neurons, *values))
    title = f"{analysis.title}, {one.label}: {len(rows)} layers"
    return Table(title, ("layer", "type", "settings", "neurons", *names), tuple(rows))


def neurons(analysis: Analysis, layer: str, *, snapshot: str | int = "") -> Table:
    """List the neurons of a layer.

    Parameters
    ----------
    analysis : Analysis
    layer : str
        One whose neurons were analysed.
    snapshot : str or int, optional
        Label or iteration; the last one by default.

    Returns
    -------
    Table
        For each neuron its mean, smallest and largest activation, the class that it responds to most (None where no
        class activates it), the share of images that activate it, and the image that it responds to most.

    Raises
    ------
    CnnvisError
        If there is no such layer or snapshot.
    """
    by_class = importlib.import_module("cnnvis_caffe.readings.by_class")
    one = analysis.snapshot(snapshot)
    features = one.features_of(layer)
    share = by_class.active_share(analysis, features)
    best = by_class.strongest_classes(analysis, one, layer).tolist()
    rows = tuple(
        (
            index,
            float(features.overall_mean[index]),
            float(features.minimum[index]),
            float(features.overall_maximum[index]),
            analysis.data.class_names[best[index]] if best[index] >= 0 else None,
            float(share[index]),
            int(features.top_image[index, 0]),
        )
        for index in range(features.n_neurons)
    )
    columns = ("neuron", "mean", "minimum", "maximum", "strongest class", "active share", "top image")
    return Table(f"{layer}, {one.label}: {len(rows)} neurons", columns, rows)


def patches(analysis: Analysis, neuron: str, *, snapshot: str | int = "", size_px: int | None = None) -> Patches:
    """Cut the image patches that a neuron responds to most: its learned feature.

    Parameters
    ----------
    analysis : Analysis
    neuron : str
        Such as ``"conv2:17"``.
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    size_px : int, optional
        Longest side; larger patches are made smaller. Their own size by default.

    Returns
    -------
    Patches
        The strongest first, with what each image is and where in it the patch lies.

    Raises
    ------
    CnnvisError
        If there is no such neuron or snapshot.
    """
    cut = importlib.import_module("cnnvis_caffe.analysis.patches")
    one = analysis.snapshot(snapshot)
    node, index = analysis.neuron(neuron)
    features = one.features_of(node)
    images = tuple(cut.top_patches(analysis, one, node, index, size_px=size_px))
    names = analysis.data.class_names
    rows = tuple(
        (
            rank,
            int(image),
            names[analysis.image_class[int(image)]] if int(image) in analysis.image_class else None,
            float(features.top_response[index, rank]),
            *map(int, features.top_box[index, rank]),
        )
        for rank, image in enumerate(features.top_image[index, : len(images)])
    )
    columns = ("rank", "image", "class", "response", "y0", "x0", "y1", "x1")
    return Patches(images, Table(f"{neuron}, {one.label}: {len(images)} patches", columns, rows))


def compare(first: Analysis, second: Analysis | None = None, *, snapshots: tuple[str, str] = ("", "")) -> Table:
    """Compare two snapshots of an analysis, or two analyses, layer by layer.

    Parameters
    ----------
    first : Analysis
    second : Analysis, optional
        The same one by default.
    snapshots : (str, str), optional
        Labels or iterations; by default the last ones, or the first and the last of one analysis.

    Returns
    -------
    Table
        For each layer how much its connections changed (mean |difference| by mean |connection|), how far the
        activations by class are apart (median cosine distance), and the share of top images that stayed.

    Raises
    ------
    CnnvisError
        If there is no such snapshot.
    """
    comparison = importlib.import_module("cnnvis_caffe.readings.comparison")
    same = second is None or second is first
    other = first if second is None else second
    one = first.snapshots[0] if same and not snapshots[0] else first.snapshot(snapshots[0])
    two = other.snapshot(snapshots[1])
    found = comparison.compare((first, one), (other, two))
    rows = tuple(
        (row.layer, *row.n_neurons, _known(row.weight_change), _known(row.distance), _known(row.top_shared))
        for row in found.layers
    )
    columns = ("layer", "neurons A", "neurons B", "weight change", "distance", "top shared")
    return Table(f"A: {found.first.name}, B: {found.second.name}", columns, rows)


# -- what is returned ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that shows itself.

    Attributes
    ----------
    scene : Scene
        What is drawn, as data: shapes with what they stand for.
    view : View or None
        What was chosen to see.
    aggregation : Aggregation or None
        Groups, clusters and biclusters, of the hybrid visualization.
    """

    scene: Scene
    view: View | None = None
    aggregation: Aggregation | None = None

    def save(self, path: str | os.PathLike[str], *, scale: float = 1.0) -> None:
        """Write it as .png, .svg, .pdf or .html.

        Parameters
        ----------
        path : str or path-like
        scale : float, default=1.0
            Pixels of a PNG for one of the picture.

        Raises
        ------
        CnnvisError
            If there is no such format, or cairo is missing that .png and .pdf need.
        """
        importlib.import_module("cnnvis_caffe.render.write").write_scene(self.scene, path, scale=scale)

    def svg(self) -> str:
        """Return the picture as SVG, with its font."""
        text: str = importlib.import_module("cnnvis_caffe.render.svg").scene_svg(self.scene)
        return text

    def _repr_svg_(self) -> str:
        """Show it in Jupyter, no wider than the page."""
        svg = self.svg()
        svg = svg[svg.index("<svg") :]
        return svg.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)

    def __repr__(self) -> str:
        return f"<Picture {self.scene.title!r}, {self.scene.width:.0f}x{self.scene.height:.0f}>"


@dataclass(frozen=True, eq=False)
class Table:
    """A table that shows itself; iterates over its rows as dicts.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(zip(self.columns, row)) for row in self.rows)

    def __getitem__(self, column: str) -> list[Any]:
        """Return a column as a list; UnknownNameError if there is none of that name."""
        if column not in self.columns:
            raise UnknownNameError("column", column, self.columns)
        return [row[self.columns.index(column)] for row in self.rows]

    def _texts(self) -> list[tuple[str, ...]]:
        """Rows as texts."""
        return [tuple(map(_text, row)) for row in self.rows]

    def _align(self) -> str:
        """One sign for each column: numbers to the right."""
        return "".join("<" if any(isinstance(value, str) for value in self[name]) else ">" for name in self.columns)

    def __str__(self) -> str:
        tables = importlib.import_module("cnnvis_caffe.text.tables")
        lines = tables.table([self.columns, *self._texts()], self._align())
        return "\n".join([self.title, "", *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show it in Jupyter."""
        return _html_table(self.title, self.columns, self._texts(), self._align())


@dataclass(frozen=True, eq=False)
class Patches:
    """Image patches that show themselves; a sequence of arrays.

    Attributes
    ----------
    images : tuple of ndarray of shape (h, w, 3), uint8
        RGB, the strongest first, grey where the receptive field lies outside the image.
    table : Table
        Of each: its rank, the index of its image in the data, the image's class, the response, and the box in pixels
        of the network's input (half open, not clipped).
    """

    images: tuple[Any, ...]
    table: Table

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rank: int) -> Any:
        """Return the patch of a rank."""
        return self.images[rank]

    def __repr__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        """Show them in Jupyter, with their classes and responses below."""
        base64 = importlib.import_module("base64")
        encode = importlib.import_module("cnnvis_caffe.formats.images").encode_image
        figures = []
        for patch, row in zip(self.images, self.table):
            data = base64.b64encode(encode(patch[..., ::-1], "png")).decode("ascii")
            text = _escape(f"{row['class'] or ''} {row['response']:.3g}")
            figures.append(
                f'<figure style="display: inline-block; margin: 4px; text-align: center">'
                f'<img style="height: 64px; image-rendering: pixelated" src="data:image/png;base64,{data}"/>'
                f"<figcaption>{text}</figcaption></figure>"
            )
        return f"<p>{_escape(self.table.title)}</p>{''.join(figures)}"


class Findings(tuple[Finding, ...]):
    """Findings that show themselves: a tuple of `Finding`, the severe ones first."""

    def to_json(self) -> list[dict[str, Any]]:
        """Return all of them as JSON holds them.

        Returns
        -------
        list of dict
            What ``cnnvis-caffe findings --json`` prints under ``findings``.
        """
        return [one.to_json() for one in self]

    def __repr__(self) -> str:
        marks = {"severe": "●", "mild": "○"}
        return "\n".join(f"{marks[one.severity]} {one.title}" for one in self) or "nothing to point at"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Show them in Jupyter."""
        rows = [(one.severity, one.title, one.explanation, one.suggestion) for one in self]
        return _html_table(f"{len(rows)} findings", ("", "what", "why it matters", "what to try"), rows, "<<<<")


class Report(dict[str, Any]):
    """What `inspect` found, as a dict that shows itself."""

    def __repr__(self) -> str:
        text: list[str] = importlib.import_module("cnnvis_caffe.text.report").render(self)
        return "\n".join(text)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Show it in Jupyter."""
        text = html.escape(visible(repr(self), has_lines=True))
        return f'<pre style="white-space: pre; overflow-x: auto">{text}</pre>'


class _Shown(Analysis):
    """An analysis that shows itself in a few lines; its record would show all of its nodes."""

    @classmethod
    def of(cls, analysis: Analysis) -> _Shown:
        """Return the same analysis."""
        return cls(**{field.name: getattr(analysis, field.name) for field in fields(Analysis)})

    def _table(self) -> Table:
        rows = tuple((one.label, _known(one.loss), _known(one.error)) for one in self.snapshots)
        n_neurons = sum(len(one.mean) for one in self.snapshots[-1].features.values())
        title = (
            f"{self.title}: {n_neurons:,} neurons of {len(self.snapshots[-1].features)} layers "
            f"on {self.data.n_images:,} images of {self.data.source}"
        )
        return Table(title, ("snapshot", "loss", "error"), rows)

    def __repr__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def __dir__() -> list[str]:
    """Names of the API, and nothing that it is made of."""
    return sorted({*__all__, "open"})


# -- helpers ---------------------------------------------------------------------------------------------------------


def _theme(name: str) -> Any:
    """A theme by its name."""
    if name not in THEMES:
        raise UnknownNameError("theme", name, THEMES)
    return importlib.import_module("cnnvis_caffe.scene.theme").theme_named(name)


def _escape(text: str) -> str:
    """Return text as it stands between two tags."""
    return html.escape(visible(text))


def _known(value: float) -> float | None:
    """A number, or None for NaN and infinities."""
    return float(value) if abs(value) < float("inf") else None


def _text(value: Any) -> str:
    """A cell of a table: three digits of what is no whole number."""
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _html_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A table as HTML."""
    sides = [f' style="text-align: {"right" if side == ">" else "left"}; vertical-align: top"' for side in align]
    head = "".join(f"<th{side}>{_escape(name)}</th>" for name, side in zip(columns, sides))
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{_escape(cell)}</td>" for cell, side in zip(row, sides)) + "</tr>" for row in rows
    )
    return f"<p>{_escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
