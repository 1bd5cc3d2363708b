"""Generation V0 (``layers { layer { type: "conv" } }``) to V1 (``layers { type: CONVOLUTION }``)."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.upgrade.padding import fold_padding

#: Layer types of V1 by the strings of V0.
TYPES = {
    "accuracy": "ACCURACY",
    "bnll": "BNLL",
    "concat": "CONCAT",
    "conv": "CONVOLUTION",
    "data": "DATA",
    "dropout": "DROPOUT",
    "euclidean_loss": "EUCLIDEAN_LOSS",
    "flatten": "FLATTEN",
    "hdf5_data": "HDF5_DATA",
    "hdf5_output": "HDF5_OUTPUT",
    "im2col": "IM2COL",
    "images": "IMAGE_DATA",
    "infogain_loss": "INFOGAIN_LOSS",
    "innerproduct": "INNER_PRODUCT",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MULTINOMIAL_LOGISTIC_LOSS",
    "pool": "POOLING",
    "relu": "RELU",
    "sigmoid": "SIGMOID",
    "softmax": "SOFTMAX",
    "softmax_loss": "SOFTMAX_LOSS",
    "split": "SPLIT",
    "tanh": "TANH",
    "window_data": "WINDOW_DATA",
}
_SETTINGS = {
    "concat": "concat_param",
    "conv": "convolution_param",
    "data": "data_param",
    "dropout": "dropout_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "infogain_loss": "infogain_loss_param",
    "innerproduct": "inner_product_param",
    "lrn": "lrn_param",
    "pool": "pooling_param",
    "window_data": "window_data_param",
}
# Where a V0 field goes: the V0 layer types that have it, and its name in the settings of that type.
_MOVES = {
    "num_output": (("conv", "innerproduct"), "num_output"),
    "biasterm": (("conv", "innerproduct"), "bias_term"),
    "weight_filler": (("conv", "innerproduct"), "weight_filler"),
    "bias_filler": (("conv", "innerproduct"), "bias_filler"),
    "pad": (("conv", "pool"), "pad"),
    "kernelsize": (("conv", "pool"), "kernel_size"),
    "group": (("conv",), "group"),
    "stride": (("conv", "pool"), "stride"),
    "pool": (("pool",), "pool"),
    "dropout_ratio": (("dropout",), "dropout_ratio"),
    "local_size": (("lrn",), "local_size"),
    "alpha": (("lrn",), "alpha"),
    "beta": (("lrn",), "beta"),
    "k": (("lrn",), "k"),
    "source": (("data", "hdf5_data", "images", "window_data", "infogain_loss"), "source"),
    "batchsize": (("data", "hdf5_data", "images", "window_data"), "batch_size"),
    "rand_skip": (("data", "images"), "rand_skip"),
    "shuffle_images": (("images",), "shuffle"),
    "new_height": (("images",), "new_height"),
    "new_width": (("images",), "new_width"),
    "concat_dim": (("concat",), "concat_dim"),
    "det_fg_threshold": (("window_data",), "fg_threshold"),
    "det_bg_threshold": (("window_data",), "bg_threshold"),
    "det_fg_fraction": (("window_data",), "fg_fraction"),
    "det_context_pad": (("window_data",), "context_pad"),
    "det_crop_mode": (("window_data",), "crop_mode"),
}
# These go to transform_param whatever the type of the layer.
_TRANSFORMS = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size", "mirror": "mirror"}
_KEPT = ("blobs", "blobs_lr", "weight_decay")
# All that survives of the net itself.
_NET_FIELDS = ("name", "layers", "input", "input_dim", "force_backward")


def has_v0_layers(net: Any) -> bool:
    """Tell whether any layer of a network is of generation V0."""
    return any(layer.HasField("layer") for layer in net.layers)


def upgrade_v0(net: Any, allow_unknown: bool) -> list[str]:
    """Turn ``layers`` of generation V0 into those of V1.

    Parameters
    ----------
    net : NetParameter
        Upgraded in place.
    allow_unknown : bool
        Keep the name of a type that does not exist instead of refusing it as Caffe does.

    Returns
    -------
    list of str
        What changed, and what was lost.

    Raises
    ------
    LayerError
        For a type that does not exist, a bottom that no earlier layer makes, and a padding layer that does
        not feed a convolution or pooling layer.

    Notes
    -----
    ``UpgradeV0Net`` and ``UpgradeV0LayerParameter`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    if not has_v0_layers(net):
        return []
    old_layers, sentences = fold_padding(net)
    layers = []
    for old in old_layers:
        layers.append(schema.V1LayerParameter())
        sentences += _upgrade_layer(old, layers[-1], allow_unknown)
    # Caffe quirk: everything else is dropped, even layers that are already written as V2.
    for field, _ in net.ListFields():
        if field.name not in _NET_FIELDS:
            net.ClearField(field.name)
            sentences.append(f"dropped {field.name} of the net, which V0 does not have")
    net.ClearField("layers")
    net.layers.extend(layers)
    return [f"layers of generation V0 became V1: {len(layers)}", *sentences]


def _upgrade_layer(old: Any, new: Any, allow_unknown: bool) -> list[str]:
    """Copy a V0 layer into an empty V1 layer; return what could not be kept."""
    new.bottom.extend(old.bottom)
    new.top.extend(old.top)
    if not old.HasField("layer"):
        # Caffe quirk: between V0 layers, a V1 layer keeps its bottoms and tops only.
        return [f"layer {old.name!r}: dropped all but bottoms and tops, as other layers are of generation V0"]
    settings, lost = old.layer, []
    for field, value in settings.ListFields():
        if field.name == "name":
            new.name = value
        elif field.name == "type":
            _set_type(new, settings, allow_unknown)
        elif field.name == schema.UNKNOWN_TEXT:
            getattr(new, schema.UNKNOWN_TEXT).extend(value)
        elif not _move(field.name, value, settings.type, new):
            lost.append(field.name)
    if not lost:
        return []
    return [f"layer {settings.name!r}: dropped {', '.join(lost)}, unused by type {settings.type!r}"]


def _set_type(new: Any, settings: Any, allow_unknown: bool) -> None:
    """Set the V1 type of a V0 layer; one that Caffe does not have keeps its name."""
    if settings.type in TYPES:
        new.type = schema.V1LayerParameter.LayerType.Value(TYPES[settings.type])
    elif allow_unknown:
        new.foreign_type = settings.type
    else:
        raise LayerError(
            settings.name,
            f"layer {settings.name!r} has the V0 type {settings.type!r}; it can be {', '.join(TYPES)} or padding",
        )


def _move(name: str, value: Any, layer_type: str, new: Any) -> bool:
    """Give one V0 field its place in a V1 layer; False when it has none there."""
    if name in _KEPT:
        getattr(new, name).extend(value)
        return True
    if name in _TRANSFORMS:
        setattr(new.transform_param, _TRANSFORMS[name], value)
        return True
    if name == "hdf5_output_param":
        if layer_type == "hdf5_output":
            new.hdf5_output_param.CopyFrom(value)
        return layer_type == "hdf5_output"
    layer_types, target = _MOVES.get(name, ((), ""))
    if layer_type not in layer_types:
        return False
    _assign(getattr(new, _SETTINGS[layer_type]), target, value)
    return True


def _assign(message: Any, name: str, value: Any) -> None:
    """Set a field, be it a message, a list to append to, or one value."""
    if hasattr(value, "SetInParent"):
        getattr(message, name).CopyFrom(value)
    elif hasattr(getattr(message, name), "append"):
        getattr(message, name).append(value)
    else:
        setattr(message, name, value)
