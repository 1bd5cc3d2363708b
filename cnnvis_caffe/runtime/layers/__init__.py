"""One file per layer type, of Caffe 1.0 and of its forks, found by the tables below."""

from __future__ import annotations

import difflib
import importlib
import warnings
from collections.abc import Iterator
from typing import Any

from cnnvis_caffe.errors import ForkSettingWarning, UnsupportedLayerError
from cnnvis_caffe.formats.fork_choice import CLASHES, fork_of
from cnnvis_caffe.formats.schema import ENGINE, UNKNOWN_TEXT, is_fork_field
from cnnvis_caffe.runtime.layer import Layer

# Less alike than this are two types, not one and its misspelling.
_ALIKE = 0.75
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

#: The same for layer types that only forks of Caffe have; the class says whose it is.
FORK_MODULES = {
    "Axpy": "axpy",
    "BN": "bn",
    "BoxAnnotatorOHEM": "box_annotator_ohem",
    "CTCGreedyDecoder": "ctc_greedy_decoder",
    "CTCLoss": "ctc_loss",
    "CenterLoss": "center_loss",
    "ContinuationIndicator": "continuation_indicator",
    "CtcLoss": "xmfbit_ctc_loss",
    "DetectionEvaluate": "detection_evaluate",
    "DetectionOutput": "detection_output",
    "Interp": "interp",
    "Lstm": "junhyuk_lstm",
    "MarginInnerProduct": "margin_inner_product",
    "MultiBoxLoss": "multi_box_loss",
    "Normalize": "normalize",
    "PSROIPooling": "psroi_pooling",
    "Permute": "permute",
    "PriorBox": "prior_box",
    "ROIPooling": "roi_pooling",
    "ReLU6": "relu6",
    "Reorg": "reorg",
    "Reverse": "reverse",
    "ShuffleChannel": "shuffle_channel",
    "SmoothL1Loss": "smooth_l1_loss",
    "SmoothL1LossOHEM": "smooth_l1_loss_ohem",
    "SoftmaxWithLossOHEM": "softmax_with_loss_ohem",
    "SpatialDropout": "spatial_dropout",
    "Transpose": "transpose",
    "Upsample": "upsample",
    "WarpCTCLoss": "warp_ctc_loss",
}

#: Layer types of `FORK_MODULES` that some other fork's layers are not: the module, and the class in it.
OTHER_MEANINGS = {
    ("Normalize", "caffe-face"): ("face_normalize", "FaceNormalize"),
    ("Normalize", "normface"): ("face_normalize", "FaceNormalize"),
}


def layer_type_list() -> list[str]:
    """Return the names of all layer types of Caffe 1.0, in byte order."""
    return sorted(LAYER_MODULES)


def fork_type_list() -> list[str]:
    """Return the names of all layer types of forks that can run, in byte order."""
    return sorted(FORK_MODULES)


def is_known_type(name: str) -> bool:
    """Tell whether there is a layer type of some name, of Caffe 1.0 or of a fork.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool
    """
    return name in LAYER_MODULES or name in FORK_MODULES


def near_types(name: str) -> list[str]:
    """Return the types that may be meant by a name that no layer type has, best first; often none."""
    known = {kind.lower(): kind for kind in (*FORK_MODULES, *LAYER_MODULES)}
    return [known[near] for near in difflib.get_close_matches(name.lower(), list(known), n=2, cutoff=_ALIKE)]


def create_layer(param: Any, where: str = "", *, initialize: bool = True) -> Layer:
    """Make the layer that a LayerParameter describes.

    Raises
    ------
    UnsupportedLayerError
        If its type is neither Caffe's nor that of a known fork, or if it has settings of a fork that it does not take.
    """
    module = LAYER_MODULES.get(param.type) or FORK_MODULES.get(param.type)
    where = where or f"layer {param.name!r} ({param.type})"
    if module is None:
        near = near_types(param.type)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnsupportedLayerError(
            param.name,
            param.type,
            f"{where}: unknown layer type {param.type!r}; {hint}the types that can run: cnnvis-caffe inspect "
            "--layer-types",
        )
    module, name = OTHER_MEANINGS.get((param.type, _fork(param)), (module, param.type))
    layer_class: type[Layer] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    if initialize:
        _refuse_foreign(param, layer_class, where)
    return layer_class(param, where, initialize=initialize)


def _fork(param: Any) -> str:
    """Whose a layer of a type with several meanings is, as far as its settings tell; else the usual one."""
    if param.type not in CLASHES:
        return ""
    return fork_of(param) or CLASHES[param.type][0].fork


def _refuse_foreign(param: Any, layer_class: type[Layer], where: str) -> None:
    """Refuse settings of a fork that a layer would pass over, but for those that change no result."""
    for path in _foreign(param, ""):
        if path.split(".")[-1] == ENGINE:
            # The same words for every layer, so that they are shown once.
            message = f"{path} has a value that only a fork knows; it changes no result and is passed over"
            warnings.warn(message, ForkSettingWarning, stacklevel=2)
        elif path not in layer_class.fork_settings:
            raise UnsupportedLayerError(
                param.name,
                param.type,
                f"{where}: {path} is not a setting of Caffe 1.0, and this layer does not know what it means; remove it "
                "if the layer does the same without",
            )


def _foreign(message: Any, path: str) -> Iterator[str]:
    """Settings that a fork has added to Caffe's messages, such as convolution_param.hole, and those nobody knows."""
    for field, value in message.ListFields():
        if field.name == UNKNOWN_TEXT:
            yield from (f"{path}{text.split(':')[0].split('{')[0].strip()}" for text in value)
        elif is_fork_field(message.DESCRIPTOR.name, field.name) and field.name != ENGINE:
            yield f"{path}{field.name}"
        elif field.message_type is not None and hasattr(value, "ListFields"):
            yield from _foreign(value, f"{path}{field.name}.")
