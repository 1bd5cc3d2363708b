"""One file per layer type of Caffe 1.0, found by the table below."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from cnnvis_caffe.errors import UnsupportedLayerError
from cnnvis_caffe.runtime.layer import Layer

#: Layer type -> the module of this package that holds its class, which has the name of the type.
LAYER_MODULES = {
    "AbsVal": "abs_val",
    "Accuracy": "accuracy",
    "ArgMax": "arg_max",
    "BNLL": "bnll",
    "BatchNorm": "batch_norm",
    "BatchReindex": "batch_reindex",
    "Bias": "bias",
    "Clip": "clip",
    "Concat": "concat",
    "ContrastiveLoss": "contrastive_loss",
    "Convolution": "convolution",
    "Crop": "crop",
    "Data": "data",
    "Deconvolution": "deconvolution",
    "Dropout": "dropout",
    "DummyData": "dummy_data",
    "ELU": "elu",
    "Eltwise": "eltwise",
    "Embed": "embed",
    "EuclideanLoss": "euclidean_loss",
    "Exp": "exp",
    "Filter": "filter",
    "Flatten": "flatten",
    "HDF5Data": "hdf5_data",
    "HDF5Output": "hdf5_output",
    "HingeLoss": "hinge_loss",
    "ImageData": "image_data",
    "Im2col": "im2col",
    "InfogainLoss": "infogain_loss",
    "InnerProduct": "inner_product",
    "Input": "input",
    "LRN": "lrn",
    "LSTM": "lstm",
    "LSTMUnit": "lstm_unit",
    "Log": "log",
    "MVN": "mvn",
    "MemoryData": "memory_data",
    "MultinomialLogisticLoss": "multinomial_logistic_loss",
    "PReLU": "prelu",
    "Parameter": "parameter",
    "Pooling": "pooling",
    "Power": "power",
    "Python": "python",
    "RNN": "rnn",
    "ReLU": "relu",
    "Reduction": "reduction",
    "Reshape": "reshape",
    "SPP": "spp",
    "Scale": "scale",
    "Sigmoid": "sigmoid",
    "SigmoidCrossEntropyLoss": "sigmoid_cross_entropy_loss",
    "Silence": "silence",
    "Slice": "slice",
    "Softmax": "softmax",
    "SoftmaxWithLoss": "softmax_with_loss",
    "Split": "split",
    "Swish": "swish",
    "TanH": "tanh",
    "Threshold": "threshold",
    "Tile": "tile",
    "WindowData": "window_data",
}


def layer_type_list() -> list[str]:
    """Return the names of all layer types of Caffe 1.0, in byte order."""
    return sorted(LAYER_MODULES)


def create_layer(param: Any, where: str = "", *, initialize: bool = True) -> Layer:
    """Make the layer that a LayerParameter describes.

    Raises
    ------
    UnsupportedLayerError
        If its type is not one of Caffe's.
    """
    module = LAYER_MODULES.get(param.type)
    where = where or f"layer {param.name!r} ({param.type})"
    if module is None:
        near = difflib.get_close_matches(param.type, LAYER_MODULES, n=2)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnsupportedLayerError(
            param.name,
            param.type,
            f"{where}: unknown layer type {param.type!r}; {hint}known types: {', '.join(layer_type_list())}",
        )
    layer_class = getattr(importlib.import_module(f"{__name__}.{module}"), param.type)
    return layer_class(param, where, initialize=initialize)
