#!/usr/bin/env python3
"""Compile ``cnnvis_caffe/formats/caffe.proto`` into the descriptor set next to it.

Needs ``protoc`` (Debian: protobuf-compiler) or the package grpcio-tools. Every protoc from 3.12 on writes the
same bytes, so the result can be reviewed and reproduced. With ``--check`` nothing is written and the exit
status tells whether ``caffe.desc`` is up to date.
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


def find_compiler() -> list[str] | None:
    """Return the command that runs a protobuf compiler, or None when there is none."""
    if shutil.which("protoc"):
        return ["protoc"]
    if importlib.util.find_spec("grpc_tools") is not None:
        return [sys.executable, "-m", "grpc_tools.protoc"]
    return None


def compile_schema(compiler: list[str]) -> bytes:
    """Return the serialized ``FileDescriptorSet`` of ``caffe.proto``."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "caffe.desc"
        command = [*compiler, f"-I{FORMATS}", f"--descriptor_set_out={output}", "caffe.proto"]
        subprocess.run(command, check=True)
        return output.read_bytes()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="only tell whether caffe.desc is up to date")
    arguments = parser.parse_args()
    compiler = find_compiler()
    if compiler is None:
        parser.error("there is no protoc; install protobuf-compiler or grpcio-tools")
    target = FORMATS / "caffe.desc"
    data = compile_schema(compiler)
    if arguments.check:
        return int(not target.exists() or target.read_bytes() != data)
    target.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
