"""Read damaged copies of files, one after the other, in a process that may die of it.

    python -m benchmarks.fuzzing.worker READER SEED FIRST LAST FOLDER

Case n of a seed damages one of the originals with a random generator seeded by both numbers. Each case is announced on
standard output before it is read; what came of it follows, as JSON.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path

from benchmarks.fuzzing.damage import damage
from benchmarks.fuzzing.readers import READERS
from cnnvis_caffe.errors import CnnvisError

MAX_SECONDS = 5.0
MAX_BYTES = 1_000_000_000
#: A process that waits for a processor is not slow; only one that has not come back for this long is stopped.
_PATIENCE = 120


def case(contents: list[bytes], seed: int, number: int) -> bytes:
    """Return the damaged file of a case.

    Parameters
    ----------
    contents : list of bytes
        The originals.
    seed, number : int

    Returns
    -------
    bytes
    """
    return damage(contents[number % len(contents)], random.Random(f"{seed}:{number}"))


def main(name: str, seed: int, first: int, last: int, folder: str) -> None:
    """Read some damaged files."""
    warnings.simplefilter("ignore")
    reader = READERS[name]
    originals = Path(folder) / "originals"
    if not originals.exists():
        originals.mkdir(parents=True)
        reader.seeds(originals)
    paths = sorted(originals.iterdir())
    contents = [path.read_bytes() for path in paths]
    (Path(folder) / "sound").write_bytes(contents[0])
    scratch = Path(folder) / "damaged"
    for content in contents:  # whatever is loaded late is loaded now
        scratch.write_bytes(content)
        _outcome(reader.read, scratch)
    gc.collect()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    limit = used + MAX_BYTES + reader.room
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)  # libraries of images tell what they find
    faulthandler.enable(file=sys.stdout)
    for number in range(first, last):
        print(number, flush=True)
        scratch.unlink(missing_ok=True)
        scratch.write_bytes(case(contents, seed, number))
        faulthandler.dump_traceback_later(_PATIENCE, exit=True, file=sys.stdout)
        started = time.process_time() + _children()
        outcome = _outcome(reader.read, scratch)
        seconds = time.process_time() + _children() - started
        faulthandler.cancel_dump_traceback_later()
        if seconds > MAX_SECONDS:
            outcome = f"slow: {seconds:.0f} s"
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - resident
        if grown > MAX_BYTES:
            outcome = f"memory: {grown / 1e9:.1f} GB"
        print(json.dumps({"outcome": outcome, "seconds": seconds}), flush=True)
        if number % 200 == 0:
            gc.collect()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(json.dumps({"peak": peak}), flush=True)


def _children() -> float:
    """Seconds that children took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _outcome(read: object, path: Path) -> str:
    """What comes of reading a file: "read", "refused", or what else was raised, and where."""
    try:
        read(str(path))  # type: ignore[operator]
    except CnnvisError as error:
        return "refused" if str(error).strip() else "foreign: an error without a word"
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"foreign: {type(error).__name__}: {str(error)[:120]} ({Path(last.filename).name}:{last.lineno})"
    return "read"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
