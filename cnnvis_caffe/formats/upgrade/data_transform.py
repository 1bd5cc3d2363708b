"""Preprocessing of the data layers: from their own settings into ``transform_param``."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.formats import schema

_SETTINGS = {
    schema.V1LayerParameter.DATA: "data_param",
    schema.V1LayerParameter.IMAGE_DATA: "image_data_param",
    schema.V1LayerParameter.WINDOW_DATA: "window_data_param",
}
_FIELDS = ("scale", "mean_file", "crop_size", "mirror")


def move_transforms(net: Any) -> list[str]:
    """Move scale, mean_file, crop_size and mirror of V1 data layers into their ``transform_param``.

    Parameters
    ----------
    net : NetParameter
        Upgraded in place. Only ``layers`` (V1) are looked at.

    Returns
    -------
    list of str
        One sentence per layer that changed.

    Notes
    -----
    ``NetNeedsDataUpgrade`` and ``UpgradeNetDataTransformation`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    # Caffe quirk: the same fields in a current `layer` are neither moved nor used.
    data_layers = [layer for layer in net.layers if layer.type in _SETTINGS]
    moved = {id(layer): _old_fields(layer) for layer in data_layers}
    if not any(moved.values()):
        return []
    sentences = []
    for layer in data_layers:
        settings = getattr(layer, _SETTINGS[layer.type])
        # Caffe quirk: once one layer needs this, every data layer gets both messages, empty or not.
        settings.SetInParent()
        layer.transform_param.SetInParent()
        for name in moved[id(layer)]:
            setattr(layer.transform_param, name, getattr(settings, name))
            settings.ClearField(name)
        if moved[id(layer)]:
            names, origin = ", ".join(moved[id(layer)]), _SETTINGS[layer.type]
            sentences.append(f"layer {layer.name!r}: moved {names} from {origin} to transform_param")
    return sentences


def _old_fields(layer: Any) -> list[str]:
    """Return the preprocessing fields that a layer has in its own settings."""
    settings = getattr(layer, _SETTINGS[layer.type])
    return [name for name in _FIELDS if settings.HasField(name)]
