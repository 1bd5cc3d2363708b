"""Layers of forks in binary files, where settings are numbers that forks have given to different things."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from cnnvis_caffe.formats import schema, wire

#: Layer types of forks, and the field of LayerParameter that holds their settings.
SETTINGS = {
    "BN": "bn_param",
    "BoxAnnotatorOHEM": "box_annotator_ohem_param",
    "CenterLoss": "center_loss_param",
    "DenseImageData": "dense_image_data_param",
    "Interp": "interp_param",
    "MarginInnerProduct": "margin_inner_product_param",
    "Normalize": "norm_param",
    "PSROIPooling": "psroi_pooling_param",
    "Permute": "permute_param",
    "PriorBox": "prior_box_param",
    "ROIPooling": "roi_pooling_param",
    "ReLU6": "relu6_param",
    "Reorg": "reorg_param",
    "Reverse": "reverse_param",
    "ShuffleChannel": "shuffle_channel_param",
    "SmoothL1Loss": "smooth_l1_loss_param",
    "Transpose": "transpose_param",
    "Upsample": "upsample_param",
}
#: Numbers below are those of what every layer has.
_FIRST_SETTING = 40
_COMMON = ("transform_param", "loss_param")


def read_fork_settings(network: Any) -> None:
    """Find the settings of forks' layers under whatever number their fork gave them.

    Parameters
    ----------
    network : NetParameter
        Of the current generation, as parsed; layers of a type in `SETTINGS` get their settings.
    """
    for layer in network.layer:
        name = SETTINGS.get(layer.type)
        if name is not None and not layer.HasField(name):
            _read_settings(layer, name)


def _read_settings(layer: Any, name: str) -> None:
    """Read the only setting of a layer as what its type says, and forget what it was taken for."""
    descriptor = type(layer).DESCRIPTOR
    common = {descriptor.fields_by_name[field].number for field in _COMMON}
    data = layer.SerializeToString()
    found = [
        field
        for field in wire.fields(data, 0, len(data))
        if field.wire == wire.LENGTH and field.number >= _FIRST_SETTING and field.number not in common
    ]
    if len(found) != 1:
        return
    target = getattr(layer, name)
    try:
        target.MergeFromString(data[found[0].begin : found[0].end])
    except DecodeError:
        layer.ClearField(name)
        return
    target.SetInParent()
    taken_for = descriptor.fields_by_number.get(found[0].number)
    if taken_for is not None:
        layer.ClearField(taken_for.name)


def name_old_types(network: Any, data: bytes) -> None:
    """Give layers of generation V1 the number of their type where Caffe 1.0 has no name for it.

    Parameters
    ----------
    network : NetParameter
        As parsed from `data`.
    data : bytes
        Protobuf's parser drops values that an enum does not have; here they still are.
    """
    number = schema.V1LayerParameter.DESCRIPTOR.fields_by_name["type"].number
    known = set(schema.V1LayerParameter.LayerType.values())
    layers = schema.NetParameter.DESCRIPTOR.fields_by_name["layers"].number
    places = [field for field in wire.fields(data, 0, len(data)) if field.number == layers]
    for layer, place in zip(network.layers, places):
        for field in wire.fields(data, place.begin, place.end):
            if field.number == number and field.wire == wire.VARINT and field.value not in known:
                layer.foreign_type = f"type {field.value} of a fork"
