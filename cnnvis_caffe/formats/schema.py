"""Caffe's messages as protobuf classes: ``schema.NetParameter``, ``schema.TRAIN`` and so on.

Every message of ``caffe.proto`` is an attribute of this module under its Caffe name; nested enums are reached
as protobuf reaches them (``schema.PoolingParameter.MAX``, ``schema.PoolingParameter.PoolMethod.Name(0)``).

The classes are built when this module is imported, from the compiled descriptors in ``caffe.desc``, with what Caffe's
forks add to them from ``forks.desc``. There is no generated code, because none works with every protobuf from 3.12 to
7. The descriptor pool is our own: in the default pool these messages would clash with those of a real Caffe in the
same process.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.internal import enum_type_wrapper

#: Field of every message that keeps what stands in a prototxt and is neither Caffe's nor a known fork's, as written.
UNKNOWN_TEXT = "unknown_text"
#: Field that says who computes a layer: whatever a fork has written there, the results are the same.
ENGINE = "engine"
_UNKNOWN_TEXT_NUMBER = 536870911  # the largest that there is
_FORKS = ".caffe.forks."


def _read_descriptor(name: str) -> Any:
    """Return the one file of a compiled descriptor set."""
    data = resources.files(__package__).joinpath(name).read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(data).file[0]


def _load_file_descriptor() -> tuple[Any, frozenset[tuple[str, str]]]:
    """Return the descriptor of Caffe's and the forks' messages in a pool of its own, and which fields are a fork's."""
    file, forks = _read_descriptor("caffe.desc"), _read_descriptor("forks.desc")
    added = _join(file, forks)
    for message in file.message_type:
        message.field.add(
            name=UNKNOWN_TEXT,
            number=_UNKNOWN_TEXT_NUMBER,
            label=FieldDescriptor.LABEL_REPEATED,
            type=FieldDescriptor.TYPE_STRING,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName(file.name), added


def _join(file: Any, forks: Any) -> frozenset[tuple[str, str]]:
    """Add the forks' messages and fields to Caffe's; return the fields as pairs of message and field."""
    messages = {message.name: message for message in file.message_type}
    added = set()
    for fork in forks.message_type:
        for inner in [fork, *fork.nested_type]:
            for field in inner.field:
                # The forks' own messages have moved into Caffe's package.
                if field.type_name.startswith(_FORKS):
                    field.type_name = f".caffe.{field.type_name[len(_FORKS):]}"
        if fork.name in messages:
            added |= {(fork.name, field.name) for field in fork.field}
            _add_values(messages[fork.name], fork)
            messages[fork.name].MergeFrom(_without_name(fork))
        else:
            file.message_type.add().CopyFrom(fork)
    # Layers of the older generation have the settings of the same forks.
    old, new = messages["V1LayerParameter"], messages["LayerParameter"]
    settings = [field for field in new.field if ("LayerParameter", field.name) in added]
    old.field.extend(settings)
    return frozenset(added | {(old.name, field.name) for field in settings})


def _add_values(message: Any, fork: Any) -> None:
    """Move the values that a fork has added to one of Caffe's enums there."""
    enums = {enum.name: enum for enum in message.enum_type}
    for index in range(len(fork.enum_type) - 1, -1, -1):
        if fork.enum_type[index].name in enums:
            enums[fork.enum_type[index].name].value.extend(fork.enum_type[index].value)
            del fork.enum_type[index]


def _without_name(message: Any) -> Any:
    """Return a message's parts, which can be added to those of another."""
    parts = type(message)()
    parts.CopyFrom(message)
    parts.ClearField("name")
    return parts


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


def is_fork_field(message: str, field: str) -> bool:
    """Tell whether a fork has added a field to one of Caffe's messages.

    Parameters
    ----------
    message : str
        Such as ``"LayerParameter"``.
    field : str
        Such as ``"permute_param"``.

    Returns
    -------
    bool
    """
    return (message, field) in _FORK_FIELDS


DESCRIPTOR, _FORK_FIELDS = _load_file_descriptor()
MESSAGES = _build_classes(DESCRIPTOR)

for _message_class in MESSAGES.values():
    _message_class.__module__ = __name__  # so that messages can be pickled
globals().update(MESSAGES)

Phase = enum_type_wrapper.EnumTypeWrapper(DESCRIPTOR.enum_types_by_name["Phase"])
TRAIN = Phase.Value("TRAIN")
TEST = Phase.Value("TEST")
