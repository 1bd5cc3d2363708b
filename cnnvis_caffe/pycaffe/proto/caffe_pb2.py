"""The module ``caffe.proto.caffe_pb2``: what protoc would generate from ``caffe.proto``.

It has every message class, the enum ``Phase`` with its values, ``DESCRIPTOR`` of the file, and the
descriptors of messages and enums under protoc's names for them (``_LAYERPARAMETER``,
``_POOLINGPARAMETER_POOLMETHOD``). Nothing is generated: all are those of `cnnvis_caffe.formats.schema`, so
that messages made here can be given to the rest of the package.
"""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.formats.schema import DESCRIPTOR, MESSAGES, TEST, TRAIN, Phase


def _descriptors_by_generated_name() -> dict[str, Any]:
    """Return the descriptors of messages and enums by the names that protoc gives them in a module."""
    named = {"_" + name.upper(): enum for name, enum in DESCRIPTOR.enum_types_by_name.items()}
    for message_name, message in DESCRIPTOR.message_types_by_name.items():
        named["_" + message_name.upper()] = message
        for enum_name, enum in message.enum_types_by_name.items():
            named[f"_{message_name}_{enum_name}".upper()] = enum
    return named


globals().update(MESSAGES)
globals().update(_descriptors_by_generated_name())

# Without the descriptors: a generated module's `from caffe_pb2 import *` leaves out what starts with "_" as
# well.
__all__ = ["DESCRIPTOR", "TEST", "TRAIN", "Phase", *MESSAGES]
