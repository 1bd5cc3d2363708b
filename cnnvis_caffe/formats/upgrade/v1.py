"""Generation V1 (``layers { type: CONVOLUTION }``) to V2 (``layer { type: "Convolution" }``)."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema

#: Layer types of V2 by the enum names of V1.
TYPES = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}
#: Layer types of forks by the names that they have in the forks' V1; others are put together from the words.
FORK_TYPES = {
    "BN": "BN",
    "DENSE_CRF": "DenseCRF",
    "ROI_POOLING": "ROIPooling",
    "SMOOTH_L1_LOSS": "SmoothL1Loss",
    "PRELU": "PReLU",
    "SPP": "SPP",
    "LSTM": "LSTM",
    "LSTM_UNIT": "LSTMUnit",
    "ELU": "ELU",
}
# Lists of V1, one value per parameter blob, and the field of ParamSpec that takes each value.
_PARAM_SPEC_FIELDS = {
    "param": "name",
    "blob_share_mode": "share_mode",
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
}


def upgrade_v1(net: Any) -> list[str]:
    """Turn ``layers`` into ``layer``.

    Parameters
    ----------
    net : NetParameter
        Upgraded in place.

    Returns
    -------
    list of str
        What changed.

    Raises
    ------
    NetError
        If the net has both, as there is no saying in which order they run.

    Notes
    -----
    ``UpgradeV1Net`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    if not net.layers:
        return []
    if net.layer:
        raise NetError(
            f"the net has both 'layer' (first: {net.layer[0].name!r}) and the older 'layers' "
            f"(first: {net.layers[0].name!r}); write all of them as 'layer'"
        )
    for old in net.layers:
        _upgrade_layer(old, net.layer.add())
    count = len(net.layers)
    net.ClearField("layers")
    return [f"layers of generation V1 became V2: {count}"]


def _upgrade_layer(old: Any, new: Any) -> None:
    """Copy a V1 layer into an empty V2 layer."""
    for field, value in old.ListFields():
        name = field.name
        if name == "type":
            new.type = TYPES[schema.V1LayerParameter.LayerType.Name(value)]
        elif name == "foreign_type":
            new.type = fork_type(value)
        elif name in _PARAM_SPEC_FIELDS:
            _set_param_specs(new, _PARAM_SPEC_FIELDS[name], value)
        elif name == "name":
            new.name = value
        elif hasattr(value, "SetInParent"):
            getattr(new, name).CopyFrom(value)
        else:
            getattr(new, name).extend(value)


def fork_type(name: str) -> str:
    """Return the current name of a layer type that only a fork has.

    Parameters
    ----------
    name : str
        As in the fork's enum, such as ``"IMAGE_SEG_DATA"``, or its number.

    Returns
    -------
    str
        Such as ``"ImageSegData"``.
    """
    if name in FORK_TYPES:
        return FORK_TYPES[name]
    return "".join(word.capitalize() for word in name.split("_")) if name.isupper() else name


def _set_param_specs(layer: Any, field: str, values: Any) -> None:
    """Set one field of the first ParamSpecs of a layer, adding specs as needed."""
    for index, value in enumerate(values):
        if index == len(layer.param):
            layer.param.add()
        setattr(layer.param[index], field, value)
