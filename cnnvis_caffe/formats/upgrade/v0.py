"""Generation V0 (``layers { layer { type: "conv" } }``) to V1 (``layers { type: CONVOLUTION }``)."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema

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


def upgrade_v0(net: Any) -> list[str]:
    """Turn ``layers`` of generation V0 into those of V1.

    Parameters
    ----------
    net : NetParameter
        Upgraded in place.

    Returns
    -------
    list of str
        What changed, and what was lost.

    Raises
    ------
    LayerError
        For a type that does not exist, a bottom that no earlier layer makes, and a padding layer that does not feed
        a single convolution or pooling layer.

    Notes
    -----
    ``UpgradeV0Net``, ``UpgradeV0PaddingLayers`` and ``UpgradeV0LayerParameter`` in
    ``src/caffe/util/upgrade_proto.cpp``.
    """
    if not has_v0_layers(net):
        return []
    old_layers, sentences = _fold_padding(net)
    layers = []
    for old in old_layers:
        layers.append(schema.V1LayerParameter())
        sentences += _upgrade_layer(old, layers[-1])
    # Caffe quirk: everything else is dropped, even layers that are already written as V2.
    for field, _ in net.ListFields():
        if field.name not in _NET_FIELDS:
            net.ClearField(field.name)
            sentences.append(f"dropped {field.name} of the net, which V0 does not have")
    net.ClearField("layers")
    net.layers.extend(layers)
    return [f"{len(layers)} layers of generation V0 became V1", *sentences]


def _fold_padding(net: Any) -> tuple[list[Any], list[str]]:
    """Return copies of the layers without padding layers, whose padding goes to the layers that follow."""
    producers: dict[str, Any] = {name: None for name in net.input}
    kept, sentences = [], []
    for old in net.layers:
        layer = schema.V1LayerParameter()
        layer.CopyFrom(old)
        if old.layer.type != "padding":
            kept.append(layer)
        for index, bottom in enumerate(old.bottom):
            if bottom not in producers:
                raise LayerError(
                    old.layer.name,
                    f"layer {old.layer.name!r}: bottom {bottom!r} is made by no earlier layer or input",
                )
            source = producers[bottom]
            if source is None or source.layer.type != "padding":
                continue
            _check_padding(source, old)
            layer.layer.pad = source.layer.pad
            layer.bottom[index] = source.bottom[0]
            sentences.append(
                f"layer {old.layer.name!r}: took over pad {source.layer.pad} from the padding layer "
                f"{source.layer.name!r}"
            )
        producers.update((top, old) for top in old.top)
    return kept, sentences


def _check_padding(source: Any, consumer: Any) -> None:
    """Refuse a padding layer that cannot be folded into the layer after it."""
    name = consumer.layer.name
    where = f"layer {name!r}, which follows the padding layer {source.layer.name!r},"
    if consumer.layer.type not in ("conv", "pool"):
        raise LayerError(
            name, f"{where} has type {consumer.layer.type!r}; only conv and pool can take over padding"
        )
    if len(consumer.bottom) != 1:
        raise LayerError(
            name, f"{where} has {len(consumer.bottom)} bottoms; it must have 1 to take over padding"
        )
    if len(source.bottom) != 1 or len(source.top) != 1:
        raise LayerError(
            source.layer.name,
            f"padding layer {source.layer.name!r} has {len(source.bottom)} bottoms and {len(source.top)} tops; "
            "it must have 1 of each",
        )


def _upgrade_layer(old: Any, new: Any) -> list[str]:
    """Copy a V0 layer into an empty V1 layer; return what could not be kept."""
    new.bottom.extend(old.bottom)
    new.top.extend(old.top)
    if not old.HasField("layer"):
        # Caffe quirk: between V0 layers, a V1 layer keeps its bottoms and tops only.
        return [
            f"layer {old.name!r}: dropped all but bottoms and tops, because other layers of the net are V0"
        ]
    settings = old.layer
    if settings.HasField("name"):
        new.name = settings.name
    if settings.HasField("type"):
        if settings.type not in TYPES:
            raise LayerError(
                settings.name,
                f"layer {settings.name!r} has the V0 type {settings.type!r}; it can be {', '.join(TYPES)} or padding",
            )
        new.type = schema.V1LayerParameter.LayerType.Value(TYPES[settings.type])
    lost = [
        field.name
        for field, value in settings.ListFields()
        if not _move(field.name, value, settings.type, new)
    ]
    if lost:
        return [
            f"layer {settings.name!r}: dropped {', '.join(lost)}, which type {settings.type!r} does not have"
        ]
    return []


def _move(name: str, value: Any, layer_type: str, new: Any) -> bool:
    """Give one V0 field its place in a V1 layer; False when it has none there."""
    if name in ("name", "type"):
        return True
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
