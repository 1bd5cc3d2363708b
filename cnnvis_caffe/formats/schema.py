"""Caffe's messages as protobuf classes: ``schema.NetParameter``, ``schema.TRAIN`` and so on.

Every message of ``caffe.proto`` is an attribute of this module under its Caffe name; nested enums are reached
as protobuf reaches them (``schema.PoolingParameter.MAX``, ``schema.PoolingParameter.PoolMethod.Name(0)``).

The classes are built when this module is imported, from the compiled descriptors in ``caffe.desc``. There is
no generated code, because none works with every protobuf from 3.12 to 7. The descriptor pool is our own: in
the default pool these messages would clash with those of a real Caffe in the same process.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.internal import enum_type_wrapper


def _load_file_descriptor() -> Any:
    """Return the descriptor of ``caffe.proto``, registered in a pool of its own."""
    data = resources.files(__package__).joinpath("caffe.desc").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName("caffe.proto")


def _build_classes(file_descriptor: Any) -> dict[str, Any]:
    """Return the message classes of a file by name."""
    get_class = getattr(message_factory, "GetMessageClass", None)
    if get_class is None:  # protobuf before 4.22
        get_class = message_factory.MessageFactory(file_descriptor.pool).GetPrototype
    return {name: get_class(message) for name, message in file_descriptor.message_types_by_name.items()}


def is_repeated(field: Any) -> bool:
    """Tell whether the descriptor of a field is that of a list.

    Parameters
    ----------
    field : google.protobuf.descriptor.FieldDescriptor

    Returns
    -------
    bool
    """
    # Newer protobufs have deprecated `label`, older ones have nothing else.
    if hasattr(field, "is_repeated"):
        return field.is_repeated
    return field.label == FieldDescriptor.LABEL_REPEATED


def is_required(field: Any) -> bool:
    """Tell whether the descriptor of a field is that of one without which its message is invalid.

    Parameters
    ----------
    field : google.protobuf.descriptor.FieldDescriptor

    Returns
    -------
    bool
    """
    if hasattr(field, "is_required"):
        return field.is_required
    return field.label == FieldDescriptor.LABEL_REQUIRED


DESCRIPTOR = _load_file_descriptor()
MESSAGES = _build_classes(DESCRIPTOR)

for _message_class in MESSAGES.values():
    _message_class.__module__ = __name__  # so that messages can be pickled
globals().update(MESSAGES)

Phase = enum_type_wrapper.EnumTypeWrapper(DESCRIPTOR.enum_types_by_name["Phase"])
TRAIN = Phase.Value("TRAIN")
TEST = Phase.Value("TEST")

#: Fields of LayerParameter that hold the settings of one kind of layer: ``convolution_param`` and so on.
LAYER_SETTINGS = tuple(
    field.name
    for field in MESSAGES["LayerParameter"].DESCRIPTOR.fields
    if field.message_type is not None and field.number >= 100
)
