"""Caffe models in notebooks: open, run, train, analyse and look at them.

What is returned shows itself: pictures as SVG and tables as HTML in Jupyter, as text anywhere else.
"""

from __future__ import annotations

from cnnvis_caffe.api.experiments import ablate, colour_shape, maximize
from cnnvis_caffe.api.explaining import FoundPicture, correspondence, explain, features, invariance, occlude, transfer
from cnnvis_caffe.api.frames import activation, activations, confusion, confusion_picture, connections, measures
from cnnvis_caffe.api.functions import (
    analyze,
    chart,
    checks,
    compare,
    deploy,
    findings,
    inspect,
    layers,
    load_net,
    neuron_page,
    neurons,
    open_analysis,
    patches,
    picture,
    predict,
    train,
)
from cnnvis_caffe.api.functions import open_analysis as open  # noqa: F401 - for api.open(path)
from cnnvis_caffe.api.shown import Findings, Patches, Picture, PredictedTable, Report, Table
from cnnvis_caffe.engines import ENGINES, engine
from cnnvis_caffe.formats.fork_choice import prefer_fork
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Finding

__all__ = [
    "ENGINES",
    "Analysis",
    "Finding",
    "Findings",
    "FoundPicture",
    "Patches",
    "Picture",
    "PredictedTable",
    "Report",
    "Table",
    "ablate",
    "activation",
    "activations",
    "analyze",
    "chart",
    "checks",
    "colour_shape",
    "compare",
    "confusion",
    "confusion_picture",
    "connections",
    "correspondence",
    "deploy",
    "engine",
    "explain",
    "features",
    "findings",
    "inspect",
    "invariance",
    "layers",
    "load_net",
    "maximize",
    "measures",
    "neuron_page",
    "neurons",
    "occlude",
    "open_analysis",
    "patches",
    "picture",
    "predict",
    "prefer_fork",
    "train",
    "transfer",
]


def __dir__() -> list[str]:
    """Names of the API, and nothing that it is made of."""
    return sorted({*__all__, "open"})
