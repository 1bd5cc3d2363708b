"""`cnnvis-caffe render`: the hybrid visualization of an analysis file as a picture, without a screen."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import click

from cnnvis_caffe.cli.python_layers import python_layers_option
from cnnvis_caffe.records.view import (
    ARRANGEMENTS,
    CLUSTERINGS,
    EDGE_QUANTITIES,
    FACETS,
    IMPORTANCES,
    STRENGTHS,
    STRONG_BY,
    THEMES,
)

logger = logging.getLogger(__name__)

_FILE = click.Path(dir_okay=False)
_CHART_INSET = 8.0  # brings a chart's margin to the picture's
#: What --chart draws, with the names that `readings.debugging` has for it.
_BY_LAYER = {
    "gradient": "mean_abs_gradient",
    "relative_change": "relative_change",
    "weight": "mean_abs_weight",
    "last_update": "last_update",
    "dead_share": "dead_share",
}
_OF_TRAINING = ("loss", "error", "learning_rate")


class _PictureSize(click.ParamType):
    """Width and height, such as 1600x900."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d+)[xX×](\d+)", value)
        if not found or min(map(int, found.groups())) < 100 or max(map(int, found.groups())) > 100_000:
            self.fail(f"{value!r} is not a size; give one such as 1600x900 (100 to 100000 pixels)", param, ctx)
        return float(found.group(1)), float(found.group(2))


@click.command()
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--out", required=True, type=_FILE, help="The picture: .png, .svg, .pdf or .html.")
@click.option("--size", type=_PictureSize(), default="1600x900", show_default=True,
              help="Wished width and height; long networks make the picture wider.")  # fmt: skip
@click.option("--scale", type=click.FloatRange(0.1, 8), default=1.0, help="Pixels of a PNG for one of the size.")
@click.option("--facet", type=click.Choice(list(FACETS)), help="What clusters show.")
@click.option("--edges", type=click.Choice(list(EDGE_QUANTITIES)), help="What colours edges.")
@click.option("--strength", type=click.Choice(list(STRENGTHS)),
              help="Width of edges: by mean |weight|, or by signed weight.  [default: absolute]")  # fmt: skip
@click.option("--edge-filter", type=click.FloatRange(0.001, 1), metavar="SHARE",
              help="Draw the strongest edges that carry this share of all strength.  [default: 0.8]")  # fmt: skip
@click.option("--importance", type=click.Choice(list(IMPORTANCES)), help="Quantity that the areas of patches show.")
@click.option("--classes", metavar="LIST", help="Chosen classes, by name or number: 3,5 or cat,dog.")
@click.option("--class-cutoff", type=click.FloatRange(0, 1), metavar="SHARE",
              help="Strongly activated: this share of the layer's largest value.  [default: 0.5]")  # fmt: skip
@click.option("--strong-by", type=click.Choice(list(STRONG_BY)),
              help="What of a neuron is compared for that.  [default: activation]")  # fmt: skip
@click.option("--clusters", "n_clusters", type=click.IntRange(0), metavar="K", help="Clusters of a layer; 0 chooses.")
@click.option("--clustering", type=click.Choice(list(CLUSTERINGS)), help="How to cluster.")
@click.option("--expand", multiple=True, metavar="GROUP", help="Show a group layer by layer; again for more, or all.")
@click.option("--snapshot", metavar="LABEL", help="Label or iteration; the last one by default.")
@click.option("--clusters-of", metavar="LABEL", help="Keep the clusters of this snapshot; the last one by default.")
@click.option("--session", type=_FILE, help="Start from what a session file shows.")
@click.option("--arrangement", type=click.Choice(list(ARRANGEMENTS)),
              help="Leave in place what edits do not touch, or order all anew.  [default: kept]")  # fmt: skip
@click.option("--theme", type=click.Choice(list(THEMES)), help="Colours.  [default: light]")
@click.option("--select", "selected", metavar="LAYER:INDEX", help="Show this neuron's own connections.")
@click.option("--neuron", metavar="LAYER:INDEX", help="Draw the page of this neuron instead.")
@click.option("--confusion", is_flag=True, help="Draw how often a class is named as another one instead.")
@click.option("--deconvolution", is_flag=True, help="On the page: also project its images back to the pixels.")
@click.option("--files-in", "places", multiple=True, metavar="FOLDER", type=click.Path(exists=True),
              help="For --deconvolution: look here too for model, weights, mean and data that have moved.")  # fmt: skip
@python_layers_option
@click.option("--chart", type=click.Choice([*_BY_LAYER, *_OF_TRAINING]),
              help="Draw debugging information below: a quantity of each layer, or loss, error or learning rate of the "
              "training.")  # fmt: skip
@click.option("--no-title", is_flag=True, help="Leave the title out.")
@click.option("--no-legend", is_flag=True, help="Leave the legend out.")
@click.option("--report", type=_FILE, help="Also write measures of the picture and times as JSON.")
def command(file: str, out: str, report: str | None, **options: Any) -> None:
    """Draw the analysis in FILE as a picture: layers, clusters of neurons, and their bundled connections.

    Needs neither a screen nor PyTorch.
    """
    from cnnvis_caffe import pipeline
    from cnnvis_caffe.edits.choose import chosen_view
    from cnnvis_caffe.errors import CnnvisError
    from cnnvis_caffe.files.atomic import write_bytes
    from cnnvis_caffe.records.view import View
    from cnnvis_caffe.scene.clock import Clock

    _check_paths(out, report)
    _check_page(options)
    clock = Clock()
    analysis = pipeline.open_analysis(file)
    clock.lap("read")
    start = View()
    if options["session"]:
        from cnnvis_caffe.edits.sessions import check_session, read_session

        saved = read_session(options["session"])
        others = check_session(saved.history, analysis, options["session"], saved.origin)
        if others:
            logger.warning("%s: was saved on another analysis than %s: %s", saved.path, file, "; ".join(others))
        start = saved.history.view
    names = ("facet", "edges", "strength", "edge_filter", "importance", "classes", "strong_by", "class_cutoff",
             "n_clusters", "clustering", "expand", "snapshot", "clusters_of", "arrangement", "theme")  # fmt: skip
    view = chosen_view(analysis, start, {name: options[name] for name in names})
    if options["neuron"]:
        if report:
            raise CnnvisError("--report measures the hybrid visualization, not the page of a neuron")
        page = _neuron_page(analysis, view, options)
        pipeline.save(page, out, scale=options["scale"])
        return
    if options["confusion"]:
        from cnnvis_caffe.scene.confusion import build_confusion
        from cnnvis_caffe.scene.theme import theme_named

        scene = build_confusion(analysis, analysis.snapshot(view.snapshot), theme_named(view.theme))
        pipeline.save(scene, out, scale=options["scale"])
        return
    scene, measures = _picture(analysis, view, options, clock, measured=report is not None)
    clock.lap("measure")
    pipeline.save(scene, out, scale=options["scale"])
    clock.lap("paint")
    if report:
        clock.wall.pop("measure")
        clock.cpu.pop("measure")
        measures["seconds_of_stages"] = {**clock.wall, "total": round(sum(clock.wall.values()), 4)}
        measures["processor_seconds"] = {**clock.cpu, "total": round(sum(clock.cpu.values()), 4)}
        text = json.dumps({"file": file, "snapshot": analysis.snapshot(view.snapshot).label, **measures}, indent=2)
        write_bytes(report, text.encode("utf-8"))


def _check_paths(out: str, report: str | None) -> None:
    """Refuse what could not be written, before any work is done."""
    from cnnvis_caffe.errors import CnnvisError
    from cnnvis_caffe.render.write import FORMATS

    if Path(out).suffix.lower() not in (*FORMATS, ".htm"):
        raise click.UsageError(f"--out {out}: pictures are written as {', '.join(FORMATS)}")
    for option, path in (("--out", out), ("--report", report)):
        if path and not Path(path).parent.is_dir():
            raise CnnvisError(f"{option} {path}: there is no folder {Path(path).parent}")


def _check_page(options: dict[str, Any]) -> None:
    """Refuse options that say nothing about the page of a neuron."""
    names = {"selected": "--select", "chart": "--chart", "expand": "--expand", "facet": "--facet", "edges": "--edges",
             "classes": "--classes"}  # fmt: skip
    given = [option for name, option in names.items() if options[name]]
    if options["deconvolution"] and not options["neuron"]:
        raise click.UsageError("--deconvolution belongs to the page of a neuron: give --neuron")
    if options["places"] and not options["deconvolution"]:
        raise click.UsageError("--files-in says where the model of --deconvolution is: give both, or neither")
    if options["confusion"] and (given or options["neuron"]):
        raise click.UsageError(f"{(given or ['--neuron'])[0]} has no part in the picture that --confusion draws")
    if options["neuron"] and given:
        raise click.UsageError(f"{given[0]} changes nothing on the page that --neuron draws; leave it out")


def _picture(analysis: Any, view: Any, options: dict[str, Any], clock: Any, *, measured: bool) -> tuple[Any, dict]:
    """Draw the hybrid visualization, with a chart below where one was asked for."""
    from cnnvis_caffe import pipeline
    from cnnvis_caffe.scene.measures import picture_measures
    from cnnvis_caffe.scene.shapes import Target

    selection = None
    if options["selected"]:
        node, index = analysis.neuron(options["selected"])
        selection = Target("neuron", node, (index,))
    width, height = options["size"]
    chart_height = 190.0 if options["chart"] else 0.0
    drawn = pipeline.draw(
        analysis,
        view,
        size=(width, height - chart_height),
        selection=selection,
        has_title=not options["no_title"],
        has_legend=not options["no_legend"],
        clock=clock,
    )
    scene = drawn.scene
    if options["chart"]:
        scene = _with_chart(analysis, view, scene, options["chart"], chart_height)
        clock.lap("chart")
    return scene, picture_measures(drawn.layout) if measured else {}


def _with_chart(analysis: Any, view: Any, scene: Any, quantity: str, height: float) -> Any:
    """Put the chart of debugging information under a picture."""
    from cnnvis_caffe.readings.debugging import chart_of
    from cnnvis_caffe.scene.chart import build_chart
    from cnnvis_caffe.scene.stack import stack
    from cnnvis_caffe.scene.theme import theme_named

    chart = chart_of(analysis, _BY_LAYER.get(quantity, quantity), snapshot=view.snapshot)
    lower = build_chart(chart, size=(scene.width - 2 * _CHART_INSET, height), theme=theme_named(view.theme))
    return stack(scene, lower, left=_CHART_INSET)


def _neuron_page(analysis: Any, view: Any, options: dict[str, Any]) -> Any:
    """Draw the page of a neuron."""
    from cnnvis_caffe.scene.neuron_page import build_neuron_page
    from cnnvis_caffe.scene.theme import theme_named

    node, index = analysis.neuron(options["neuron"])
    projections = {}
    if options["deconvolution"]:
        from cnnvis_caffe.analysis.deconvolution import deconvolve

        snapshot, is_allowed = analysis.snapshot(view.snapshot), options["allow_python_layers"]
        projections = deconvolve(
            analysis, snapshot, node, index, allow_python_layers=is_allowed, places=options["places"]
        )
    theme = theme_named(view.theme)
    return build_neuron_page(analysis, view.snapshot, node, index, theme=theme, projections=projections)
