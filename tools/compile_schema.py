#!/usr/bin/env python3
"""Compile the schemas in ``cnnvis_caffe/formats``, Caffe's and its forks', into the descriptor sets next to them.

Needs ``protoc`` (Debian: protobuf-compiler) or the package grpcio-tools. Every protoc from 3.12 on writes the
same bytes, so the result can be reviewed and reproduced. With ``--check`` nothing is written and the exit
status tells whether both are up to date.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FORMATS = Path(__file__).resolve().parent.parent / "cnnvis_caffe" / "formats"
SCHEMAS = ("caffe", "forks")


def find_compiler() -> list[str] | None:
    """Return the command that runs a protobuf compiler, or None when there is none."""
    if shutil.which("protoc"):
        return ["protoc"]
    if importlib.util.find_spec("grpc_tools") is not None:
        return [sys.executable, "-m", "grpc_tools.protoc"]
    return None


def compile_schema(compiler: list[str], name: str) -> bytes:
    """Return the serialized ``FileDescriptorSet`` of a schema."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / f"{name}.desc"
        command = [*compiler, f"-I{FORMATS}", f"--descriptor_set_out={output}", f"{name}.proto"]
        subprocess.run(command, check=True)
        return output.read_bytes()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="only tell whether they are up to date")
    arguments = parser.parse_args()
    compiler = find_compiler()
    if compiler is None:
        parser.error("there is no protoc; install protobuf-compiler or grpcio-tools")
    current = True
    for name in SCHEMAS:
        target, data = FORMATS / f"{name}.desc", compile_schema(compiler, name)
        current &= target.exists() and target.read_bytes() == data
        if not arguments.check:
            target.write_bytes(data)
    return int(arguments.check and not current)


if __name__ == "__main__":
    sys.exit(main())
