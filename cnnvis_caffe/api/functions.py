"""The functions of `cnnvis_caffe.api`; each imports what it needs when it is called, so that the API loads at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.analysis.options import documents
from cnnvis_caffe.analysis.request import OPTIONS
from cnnvis_caffe.api.shown import Findings, Patches, Picture, PredictedTable, Report, ShownAnalysis, Table
from cnnvis_caffe.edits.choose import chosen_view
from cnnvis_caffe.engines import engine, serve_layers
from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Examination
from cnnvis_caffe.records.view import THEMES, View

if TYPE_CHECKING:
    from typing import Unpack

    from cnnvis_caffe.analysis.request import AnalysisOptions
    from cnnvis_caffe.edits.choose import ViewOptions
    from cnnvis_caffe.network.deploy import Deployed
    from cnnvis_caffe.pycaffe import Net
    from cnnvis_caffe.runtime.solvers.solver import Solver
    from cnnvis_caffe.scene.theme import Theme


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
    from cnnvis_caffe.network.report import inspect_file

    return Report(inspect_file(path, weights, phase=phase, stages=stages, input_shapes=input_shapes))


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
    from cnnvis_caffe.network.deploy import deploy as deploy_network

    made = deploy_network(path, weights, stages=stages, input_shapes=input_shapes, batch=batch, keep_side=keep_side)
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
) -> Net:
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
    keywords: dict[str, str | list[str]] = {} if weights is None else {"weights": os.fspath(weights)}
    if stages:
        keywords["stages"] = list(stages)
    return caffe.Net(os.fspath(network), {"TRAIN": caffe.TRAIN, "TEST": caffe.TEST}[phase], **keywords)


def _check_consent(
    network: str | os.PathLike[str], phase: str, stages: Sequence[str], engine_name: str, is_allowed: bool
) -> None:
    """Raise where a network would run code that nobody has allowed; else let this code find the engine."""
    from cnnvis_caffe.formats.prototxt import read_network
    from cnnvis_caffe.formats.python_code import code_of, refuse_code
    from cnnvis_caffe.network.dag import PHASES
    from cnnvis_caffe.runtime.filter_net import filter_net

    file = read_network(network, allow_unknown=False)
    state = file.message.state
    state.phase = PHASES[phase]
    state.stage.extend(stages)
    layers = filter_net(file.message, file.path, file.layer_lines)
    if not is_allowed:
        refuse_code(layers, file.path, file.layer_lines)
    elif code_of(layers):
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
    from cnnvis_caffe.formats.prototxt import read_solver
    from cnnvis_caffe.runtime.solvers import create_solver
    from cnnvis_caffe.runtime.solvers.callback import Callback
    from cnnvis_caffe.runtime.solvers.training_log import TrainingLog

    file = read_solver(os.fspath(solver), allow_unknown=False)
    if weights is not None:
        file.message.weights[:] = [os.fspath(weights)]
    folder = os.path.dirname(file.message.snapshot_prefix)
    if folder:
        os.makedirs(folder, exist_ok=True)
    if allow_python_layers:
        serve_layers()
    trained = create_solver(file, allow_python_layers=allow_python_layers)
    written: list[Path] = []

    class Watch(Callback):
        """Counts iterations and notes snapshots."""

        def on_updated(self, solver: Solver) -> None:
            progress.step()

        def on_snapshot(self, solver: Solver, path: str) -> None:
            written.append(Path(path.replace(".solverstate", ".caffemodel")))

    trained.callbacks.append(Watch())
    writer = TrainingLog(log) if log is not None else None
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


def predict(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    progress: Progress = SILENT,
    **options: Any,
) -> PredictedTable:
    """Say what a network makes of images.

    Parameters
    ----------
    model : str or path-like
        Network prototxt of any kind, or a caffemodel alone.
    weights : str, path-like or None
        None for a caffemodel alone.
    images : str, path-like or sequence of them
        Image files, folders, lists, or what `analyze` takes as data.
    progress : Progress, default=SILENT
    **options
        ``top``, ``classes``, ``scale``, ``mean``, ``channel_order``, ``image_dims``, ``oversample``, ``task``,
        ``output``, ``masks``, ``input_shapes``, ``limit``, ``skip_damaged``, ``engine``, ``device``, ``batch``,
        ``stages``, ``try_preparation``, ``allow_python_layers``: the options of ``cnnvis-caffe predict``.

    Returns
    -------
    PredictedTable
        One row an image, or a box.

    Raises
    ------
    ConsentError
        If the network has Python layers whose code may not be run.
    CnnvisError
        If a file is missing or damaged, or things do not fit.
    """
    from cnnvis_caffe.prediction.request import PredictionRequest
    from cnnvis_caffe.prediction.run import predict as run
    from cnnvis_caffe.text.predictions import prediction_table

    names = [images] if isinstance(images, (str, os.PathLike)) else images
    request = PredictionRequest(
        model=os.fspath(model),
        weights=os.fspath(weights) if weights is not None else "",
        images=tuple(os.fspath(name) for name in names),
        **{**options, "classes": tuple(options.get("classes", ())), "stages": tuple(options.get("stages", ()))},
    )
    masks: list[Any] = []

    def keep(_index: int, _name: str, answer: Any) -> None:
        if answer.dtype.kind == "u":
            masks.append(answer)

    found = run(request, each=keep, progress=progress)
    columns, rows = prediction_table(found)
    title = f"{found.title or os.path.basename(request.model)}: {found.preprocessing}"
    return PredictedTable(title, tuple(columns), tuple(map(tuple, rows)), found, tuple(masks))


@documents(OPTIONS)
def analyze(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    progress: Progress = SILENT,
    **options: Unpack[AnalysisOptions],
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
    resume : bool, default=False
        Go on where an interrupted run with the same options stopped.
    progress : Progress, default=SILENT
        May raise `Cancelled`: what was done is kept, for `resume`.
    **options
        The options of ``cnnvis-caffe analyze``, each by its name.

    Returns
    -------
    Analysis or None
        Opened from the file; None for a shard.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, things do not fit, or `out` cannot be written; nothing is then half written.
    """
    from cnnvis_caffe import pipeline

    analysis = pipeline.analyze(model, weights, data, out, resume=resume, progress=progress, **options)
    return None if analysis is None else ShownAnalysis.of(analysis)


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
    from cnnvis_caffe import pipeline

    return ShownAnalysis.of(pipeline.open_analysis(path))


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
    **options: Unpack[ViewOptions],
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
        As for ``cnnvis-caffe render``: ``facet``, ``edges``, ``strength``, ``edge_filter``, ``importance``, ``classes``
        (names or numbers), ``strong_by``, ``class_cutoff``, ``n_clusters``, ``clustering``, ``expand`` (names of
        groups), ``snapshot`` (label or iteration), ``clusters_of`` (the snapshot whose clusters and places are kept,
        likewise), ``theme``.

    Returns
    -------
    Picture

    Raises
    ------
    UnknownNameError
        If there is no such option, value, neuron, class, group or snapshot.
    """
    from cnnvis_caffe import pipeline
    from cnnvis_caffe.scene.shapes import Target

    chosen = chosen_view(analysis, view or View(), options)
    selection = None
    if select:
        node, index = analysis.neuron(select)
        selection = Target("neuron", node, (index,))
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
    from cnnvis_caffe.scene.neuron_page import build_neuron_page
    from cnnvis_caffe.scene.theme import theme_named

    view = chosen_view(analysis, View(), {"snapshot": snapshot, "theme": theme})
    node, index = analysis.neuron(neuron)
    projections = {}
    if deconvolution:
        from cnnvis_caffe.analysis.deconvolution import deconvolve

        one = analysis.snapshot(snapshot)
        projections = deconvolve(analysis, one, node, index, allow_python_layers=allow_python_layers)
    colours = theme_named(theme)
    scene = build_neuron_page(analysis, view.snapshot, node, index, theme=colours, projections=projections)
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
    from cnnvis_caffe.readings.debugging import chart_of
    from cnnvis_caffe.scene.chart import build_chart

    return Picture(build_chart(chart_of(analysis, quantity, by=by), size=size, theme=theme_of(theme)))


def findings(analysis: Analysis, *, snapshot: str | int = "", **limits: float) -> Findings:
    """Find what an expert would point at: dead, redundant, disconnected neurons, training that failed, and more.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    **limits
        The limits above which something counts, such as ``dead_severe=0.1``; ``cnnvis-caffe findings --limits`` lists
        them.

    Returns
    -------
    Findings
        A tuple of `Finding`, the severe ones first.

    Raises
    ------
    CnnvisError
        If there is no such snapshot or limit.
    """
    return Findings(_examined(analysis, snapshot, limits).findings)


def checks(analysis: Analysis, *, snapshot: str | int = "", **limits: float) -> Table:
    """List what the rules behind `findings` have looked at, and how near each value is to its limit.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    **limits
        As for `findings`.

    Returns
    -------
    Table
        Of each value the rule, the layer, what was measured, the value, the limit, on which side of it something
        stands out, and how near it is: 1 is at the limit. Rules that had nothing to measure have a row without values.

    Raises
    ------
    CnnvisError
        As `findings`.
    """
    examination = _examined(analysis, snapshot, limits)
    rows: list[tuple[str | float | None, ...]] = [
        (
            *(check.kind, check.place.node, check.name, check.value, check.limit),
            *("below" if check.is_low else "above", check.nearness),
        )
        for check in examination.checks
    ]
    rows += [(kind, "", "nothing to measure", None, None, "", None) for kind in examination.not_judged]
    title = f"{analysis.title}, {analysis.snapshot(snapshot).label}: {len(examination.checks)} values checked"
    return Table(title, ("rule", "layer", "what", "value", "limit", "stands out", "nearness"), tuple(rows))


def _examined(analysis: Analysis, snapshot: str | int, limits: Mapping[str, float]) -> Examination:
    """Ask the rules, with other limits where they are given."""
    from cnnvis_caffe.aggregation.aggregate import aggregate
    from cnnvis_caffe.findings import Thresholds, examine

    known = [field.name for field in fields(Thresholds)]
    for name in limits:
        if name not in known:
            raise UnknownNameError("limit", name, known)
    values: dict[str, Any] = {**limits}  # some are whole numbers
    aggregation = aggregate(analysis, View(snapshot=analysis.snapshot(snapshot).label))
    return examine(analysis, snapshot=snapshot, thresholds=Thresholds(**values), aggregation=aggregation)


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
        Of each layer with weights and each rectifier; None where a value is not known.

    Raises
    ------
    CnnvisError
        If there is no such snapshot.
    """
    from cnnvis_caffe.readings.tables import layers_table

    one = analysis.snapshot(snapshot)
    table = layers_table(analysis, one)
    return Table(f"{analysis.title}, {one.label}: {len(table.rows)} layers", table.columns, tuple(table.rows))


def neurons(
    analysis: Analysis, layer: str, *, snapshot: str | int = "", classes: Sequence[int | str] | None = None
) -> Table:
    """List the neurons of a layer.

    Parameters
    ----------
    analysis : Analysis
    layer : str
        One whose neurons were analysed.
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    classes : sequence of int or str, optional
        Classes by number or name, to ask which neurons matter for them; an empty one means all.

    Returns
    -------
    Table
        For each neuron its mean, smallest and largest activation, the class that it responds to most (None where no
        class activates it), the share of images that activate it, and the image that it responds to most. With
        `classes`, what it does for these: mean activation, selectivity, contribution to their scores, share of their
        images that activate it, whether it is dead, and which neuron does the same.

    Raises
    ------
    CnnvisError
        If there is no such layer, snapshot or class.
    """
    from cnnvis_caffe.readings.tables import neurons_for_classes, neurons_table

    one = analysis.snapshot(snapshot)
    if classes is None:
        table = neurons_table(analysis, one, layer)
    else:
        numbers = [analysis.data.class_index(name) for name in classes]
        table = neurons_for_classes(analysis, one, layer, numbers)
    return Table(f"{layer}, {one.label}: {len(table.rows)} neurons", table.columns, tuple(table.rows))


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
    from cnnvis_caffe.analysis.patches import top_patches
    from cnnvis_caffe.readings.tables import patches_table

    one = analysis.snapshot(snapshot)
    node, index = analysis.neuron(neuron)
    features = one.features_of(node)
    images = tuple(top_patches(analysis, one, node, index, size_px=size_px))
    table = patches_table(analysis, features, index, len(images))
    return Patches(images, Table(f"{neuron}, {one.label}: {len(images)} patches", table.columns, tuple(table.rows)))


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
    from cnnvis_caffe.readings.comparison import compare as compare_snapshots
    from cnnvis_caffe.readings.tables import comparison_table

    same = second is None or second is first
    other = first if second is None else second
    one = first.snapshots[0] if same and not snapshots[0] else first.snapshot(snapshots[0])
    two = other.snapshot(snapshots[1])
    found = compare_snapshots((first, one), (other, two))
    table = comparison_table(found)
    return Table(f"A: {found.first.name}, B: {found.second.name}", table.columns, tuple(table.rows))


def theme_of(name: str) -> Theme:
    """Return a theme by its name.

    Parameters
    ----------
    name : str

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    from cnnvis_caffe.scene.theme import theme_named

    if name not in THEMES:
        raise UnknownNameError("theme", name, THEMES)
    return theme_named(name)
