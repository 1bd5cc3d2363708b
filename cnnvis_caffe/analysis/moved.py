"""Names that `cnnvis_caffe.pipeline` had in version 1.0, for one more version."""

from __future__ import annotations

import warnings

from cnnvis_caffe.analysis import deconvolution, model, patches, request
from cnnvis_caffe.errors import Cancelled

_MOVED = {
    "PARTIAL": (request.PARTIAL, "analysis.request"),
    "Cancelled": (Cancelled, "errors"),
    "deconvolve": (deconvolution.deconvolve, "analysis.deconvolution"),
    "python_layers": (model.python_layers, "analysis.model"),
    "python_layers_of": (deconvolution.python_layers_of, "analysis.deconvolution"),
    "top_patches": (patches.top_patches, "analysis.patches"),
}


def moved(name: str) -> object:
    """Return what a name stood for, with a warning that says where it is now; AttributeError for any other."""
    if name not in _MOVED:
        raise AttributeError(f"module 'cnnvis_caffe.pipeline' has no attribute {name!r}")
    value, module = _MOVED[name]
    message = f"cnnvis_caffe.pipeline.{name} is now cnnvis_caffe.{module}.{name}; the old name goes in the next version"
    warnings.warn(message, DeprecationWarning, stacklevel=3)
    return value
