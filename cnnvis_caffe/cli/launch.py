"""Starts a program once for each device of this machine, and ends all of them when one of them fails.

The processes get what `torchrun` would set: RANK, WORLD_SIZE, LOCAL_RANK. For several machines there is torchrun.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from cnnvis_caffe.cli.interrupt import handling
from cnnvis_caffe.cli.say import say
from cnnvis_caffe.cli.signals import SIGHUP
from cnnvis_caffe.processes import environment
from cnnvis_caffe.runtime.solvers.several_devices import RENDEZVOUS

_SECONDS_BETWEEN_LOOKS = 0.1
#: For the others to say what they lost, and then to end when they are told to.
_SECONDS_TO_SAY, _SECONDS_TO_END = 5.0, 30.0


def is_launched() -> bool:
    """Say whether this process is one of several that a launcher started, this one or torchrun."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1


def local_rank() -> int:
    """Return the number of this process among those on this machine."""
    return int(os.environ.get("LOCAL_RANK", 0))


def launch(words: Sequence[str], names: Sequence[str]) -> int:
    """Run a program in several processes that know of each other, and wait for them.

    Parameters
    ----------
    words : sequence of str
        Program and arguments.
    names : sequence of str
        What each process computes on, such as "GPU 1"; for messages.

    Returns
    -------
    int
        Exit status: 0, 1 where one of them failed, 128 + number where a signal asked them to stop.
    """
    with tempfile.TemporaryDirectory(prefix="cnnvis_caffe_") as folder, contextlib.ExitStack() as stack:
        processes = [
            subprocess.Popen(
                words,
                env=_environment(rank, len(names), Path(folder, "rendezvous")),
                start_new_session=True,  # a Ctrl-C comes to this process alone, which passes it on
            )
            for rank in range(len(names))
        ]
        stack.callback(_end, processes, 0.0)
        signals = stack.enter_context(_passing_on(processes))
        first_failure = _wait(processes, signals)
        if first_failure is None:
            stops = [number for number in signals if number != SIGHUP]
            return 128 + stops[-1] if stops else 0
        _end(processes, _SECONDS_TO_SAY)
    code = processes[first_failure].returncode
    if code < 0:
        said = f"process {first_failure + 1} of {len(names)} ({names[first_failure]}) was ended by"
        say(f"Error: {said} {signal.Signals(-code).name}; all others were ended, too", err=True)
    return 1


def _environment(rank: int, count: int, rendezvous: Path) -> dict[str, str]:
    """The environment of one process."""
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    texts = {name: str(value) for name, value in own.items()}
    texts[RENDEZVOUS] = rendezvous.as_uri()
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // count))
    if sys.platform == "linux":
        texts["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", "lo")
    return environment(**texts, OMP_NUM_THREADS=threads)


@contextlib.contextmanager
def _passing_on(processes: Sequence[subprocess.Popen]) -> Iterator[list[int]]:
    """Pass signals on inside the block; gives the list of those that came."""
    seen: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    numbers = [number for number in (signal.SIGINT, signal.SIGTERM, SIGHUP) if number]
    with handling(numbers, pass_on):
        yield seen


def _wait(processes: Sequence[subprocess.Popen], signals: Sequence[int]) -> int | None:
    """Wait until all have ended well, or one badly; return that one's number."""
    while True:
        codes = [process.poll() for process in processes]
        stopped = {0, None, *(128 + number for number in signals)}
        failed = [rank for rank, code in enumerate(codes) if code not in stopped]
        if failed:
            # Those that were left behind fail as well, perhaps before this is looked at: who was killed comes first.
            return min(failed, key=lambda rank: (codes[rank] or 0) >= 0)
        if None not in codes:
            return None
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _end(processes: Sequence[subprocess.Popen], seconds_to_say: float) -> None:
    """End what still runs, at first by asking."""
    running = [process for process in processes if process.poll() is None]
    for seconds, end in ((seconds_to_say, subprocess.Popen.terminate), (_SECONDS_TO_END, subprocess.Popen.kill)):
        limit = time.monotonic() + seconds
        while running and time.monotonic() < limit:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            running = [process for process in running if process.poll() is None]
        for process in running:
            end(process)
    for process in running:
        process.wait()
