"""Python programs that tests start, forked from a process that has imported PyTorch: two seconds less for each.

`run` and `start` take the words that `subprocess` takes. A test uses `subprocess` itself where it looks at how Python
starts, at what is imported when, or at settings that Python or PyTorch read as they are loaded. Where a system cannot
fork, `subprocess` is what runs.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

NURSERY = Path(__file__).with_name("nursery.py")
#: What programs of ours import anyway, by what they are for.
LIGHT = ("numpy", "click", "h5py", "google.protobuf.text_format", "scipy.cluster.hierarchy", "scipy.optimize")
WITH_TORCH = (*LIGHT, "torch")


def run(
    words: list[Any], *, modules: tuple[str, ...] = WITH_TORCH, timeout: float = 240, check: bool = False, **places: Any
) -> subprocess.CompletedProcess:
    """Run a program to its end, as `subprocess.run` with text does, and keep what it prints."""
    with start(words, modules=modules, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **places) as program:
        try:
            out, errors = program.communicate(timeout=timeout)
        except BaseException:
            program.kill()
            raise
    if check and program.returncode:
        raise subprocess.CalledProcessError(program.returncode, words, out, errors)
    return subprocess.CompletedProcess(words, program.returncode, out, errors)


def start(words: list[Any], *, modules: tuple[str, ...] = WITH_TORCH, **places: Any) -> Any:
    """Start a program, as `subprocess.Popen` with text does.

    Parameters
    ----------
    words : list
        `sys.executable`, then -c CODE, -m MODULE or a script, then arguments.
    modules : tuple of str
        What is imported before the program begins: WITH_TORCH, or LIGHT where the program must not see PyTorch.
    cwd, env, stdout, stderr :
        As for `subprocess.Popen`.
    """
    assert words[0] == sys.executable
    if not hasattr(socket, "recv_fds"):
        return subprocess.Popen([*map(str, words)], text=True, **places)
    return Program(_nursery(modules), [str(word) for word in words[1:]], **places)


@functools.cache
def _nursery(modules: tuple[str, ...]) -> socket.socket:
    """Start the process that programs are forked from; what asks it for one."""
    ours, theirs = socket.socketpair()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [sys.executable, str(NURSERY), str(theirs.fileno()), *modules], pass_fds=[theirs.fileno()],
        env={**environment, "OMP_NUM_THREADS": "1"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


class Program:
    """A program that runs: what `subprocess.Popen` gives, as far as tests ask for it.

    Attributes
    ----------
    pid : int
    stdout, stderr : file of str or None
    returncode : int or None
        Negative: the signal that ended it.
    """

    def __init__(
        self, nursery: socket.socket, words: list[str], *, cwd: Any = None, env: dict[str, str] | None = None,
        stdout: int | None = None, stderr: int | None = None,
    ) -> None:  # fmt: skip
        self.returncode: int | None = None
        self.args = words
        self._said: dict[str, str] = {}
        self.stdout, out = _pipe(stdout, 1)
        self.stderr, errors = _pipe(stderr, 2)
        self._report, report = os.pipe()
        environment = dict(os.environ if env is None else env)
        asked = json.dumps({"words": words, "cwd": os.fspath(cwd or os.getcwd()), "environment": environment}).encode()
        nothing = os.open(os.devnull, os.O_RDONLY)
        given = [nothing, out, errors, report]
        socket.send_fds(nursery, [struct.pack("I", len(asked))], given)
        nursery.sendall(asked)
        for file in given:
            os.close(file)
        (self.pid,) = struct.unpack("i", os.read(self._report, 4))

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: Any) -> None:
        self.wait()
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None and select.select([self._report], [], [], 0)[0]:
            (status,) = struct.unpack("i", os.read(self._report, 4))
            os.close(self._report)
            self.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if self.returncode is None and not select.select([self._report], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str | None, str | None]:
        """Read all that it prints, and wait for its end."""
        streams = {name: getattr(self, name) for name in ("stdout", "stderr")}
        threads = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in streams.items()
            if pair[1] is not None
        ]
        end = None if timeout is None else time.monotonic() + timeout
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(None if end is None else max(0, end - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if end is None else max(0.1, end - time.monotonic()))
        return self._said.get("stdout"), self._said.get("stderr")

    def _read(self, name: str, stream: Any) -> None:
        """Keep what comes until the end."""
        if not stream.closed:
            with stream:
                self._said[name] = stream.read()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _pipe(wanted: int | None, number: int) -> tuple[Any, int]:
    """What reads a stream, if somebody wants to, and what the program writes it to."""
    if wanted == subprocess.PIPE:
        ours, theirs = os.pipe()
        return open(ours, encoding="utf-8"), theirs
    if wanted == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    return None, os.dup(number)
