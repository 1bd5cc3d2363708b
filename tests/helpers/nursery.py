"""A process that imports what takes long and then waits; each program that it is asked for is a fork of it.

Run by `helpers.programs`, which says what is asked for and how it is told what comes of it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import struct
import sys
import types
from typing import Any


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork a program for each request; return the request in the program. Ends when nobody can ask any more."""
    while True:
        size, files, _, _ = socket.recv_fds(control, 4, 4)
        if not size:
            os._exit(0)
        text = b""
        while len(text) < struct.unpack("I", size)[0]:
            text += control.recv(struct.unpack("I", size)[0] - len(text))
        if os.fork() == 0:
            control.close()
            if watch(files):
                return json.loads(text)
        for file in files:
            os.close(file)
        while reaped():
            pass


def reaped() -> bool:
    """Take note of one child that has ended."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def watch(files: list[int]) -> bool:
    """Fork the program, tell its number and, at its end, its status. Returns only in the program, with True."""
    *standard, report = files
    program = os.fork()
    if program == 0:
        os.close(report)
        for number, file in enumerate(standard):
            os.dup2(file, number)
            os.close(file)
        return True
    for file in standard:
        os.close(file)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.write(report, struct.pack("i", program))
    os.write(report, struct.pack("i", os.waitpid(program, 0)[1]))
    os._exit(0)


def become(words: list[str], cwd: str, environment: dict[str, str], path: list[str]) -> None:
    """Run `python WORDS` as Python itself would: -c CODE, -m MODULE or a script."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    # The streams of before are of other files.
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    named = [folder for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if folder]
    kind, *rest = words
    if kind == "-c":
        sys.path[:] = ["", *named, *path]
        sys.argv[:] = ["-c", *rest[1:]]
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    elif kind == "-m":
        sys.path[:] = [os.getcwd(), *named, *path]
        sys.argv[:] = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[:] = [os.path.dirname(os.path.realpath(kind)), *named, *path]
        sys.argv[:] = words
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    descriptor, *modules = sys.argv[1:]
    del sys.path[0]
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    known = [*sys.path]
    asked = serve(socket.socket(fileno=int(descriptor)))
    become(asked["words"], asked["cwd"], asked["environment"], known)
