#!/usr/bin/env python3
"""List Caffe's messages, one field or enum value per line, as the installed Caffe has them.

Run inside real Caffe to record them::

    $CNNVIS_REAL_CAFFE python3 tests/recorders/list_messages.py > tests/recorded/files/caffe_messages.txt
"""

from __future__ import annotations

import sys


def listing(file) -> list[str]:
    """Return sorted lines for all fields and enum values of a ``FileDescriptorProto``."""
    lines = []
    for message in file.message_type:
        lines += [field_line(message.name, field) for field in message.field]
        for enum in message.enum_type:
            lines += [f"{message.name}.{enum.name}.{value.name} {value.number}" for value in enum.value]
    for enum in file.enum_type:
        lines += [f"{enum.name}.{value.name} {value.number}" for value in enum.value]
    return sorted(lines)


def field_line(message: str, field) -> str:
    """Return the line of one field."""
    kind = field.type_name or field.Type.Name(field.type)
    default = repr(str(field.default_value)) if field.HasField("default_value") else "-"
    return (
        f"{message}.{field.name} {field.number} {field.Label.Name(field.label)} {kind} "
        f"default={default} packed={field.options.packed}"
    )


def main() -> None:
    """Print the messages of the installed Caffe."""
    from caffe.proto import caffe_pb2
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto.FromString(caffe_pb2.DESCRIPTOR.serialized_pb)
    sys.stdout.write("\n".join(listing(file)) + "\n")


if __name__ == "__main__":
    main()
