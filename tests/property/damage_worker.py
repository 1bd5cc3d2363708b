"""Read damaged copies of a file, one after the other, in a process that may die of it.

    python damage_worker.py READER SEED COUNT SCRATCH ORIGINAL...

Case n of a seed damages ``ORIGINAL[n % len]`` with a random generator seeded by both numbers. Each case is
announced on standard output, and the last line is a JSON object with what happened. A case that hangs, crashes or
needs too much memory ends the process.
"""

from __future__ import annotations

import faulthandler
import json
import random
import resource
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.formats import mean, prototxt, solverstate, weights

SECONDS_PER_CASE = 5
# On top of what the process has when the cases start; the originals are a few kB.
ADDRESS_SPACE = 256 << 20
RESIDENT = 48 << 20


def damage(content: bytes, generator: random.Random) -> bytes:
    """Return content with one to three accidents."""
    data = bytearray(content)
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        generator.choice(ACCIDENTS)(data, generator)
    return bytes(data)


def span(data: bytearray, generator: random.Random, longest: int) -> tuple[int, int]:
    """Return a random range of bytes."""
    start = generator.randrange(len(data) + 1)
    return start, min(len(data), start + generator.randint(1, longest))


def cut(data: bytearray, generator: random.Random) -> None:
    """Lose the end."""
    del data[generator.randrange(len(data) + 1) :]


def flip_bits(data: bytearray, generator: random.Random) -> None:
    """Flip single bits."""
    for _ in range(generator.randint(1, 8) if data else 0):
        data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)


def overwrite(data: bytearray, generator: random.Random) -> None:
    """Write zeros, ones or noise over a range."""
    start, stop = span(data, generator, 40)
    fill = generator.choice((b"\x00", b"\xff", b"\x80", b"\x7f", b""))
    data[start:stop] = fill * (stop - start) or generator.getrandbits(8 * 40).to_bytes(40, "big")[: stop - start]


def insert(data: bytearray, generator: random.Random) -> None:
    """Put noise in between."""
    start, _ = span(data, generator, 1)
    data[start:start] = generator.getrandbits(8 * 20).to_bytes(20, "big")[: generator.randint(1, 20)]


def delete(data: bytearray, generator: random.Random) -> None:
    """Lose a range."""
    start, stop = span(data, generator, 30)
    del data[start:stop]


def repeat(data: bytearray, generator: random.Random) -> None:
    """Copy a range to somewhere else."""
    start, stop = span(data, generator, 200)
    there = generator.randrange(len(data) + 1)
    data[there:there] = data[start:stop]


def extend(data: bytearray, generator: random.Random) -> None:
    """Add noise or zeros behind the end."""
    length = generator.randint(1, 300)
    data += generator.choice((bytes(length), generator.getrandbits(8 * length).to_bytes(length, "big")))


ACCIDENTS = (cut, flip_bits, flip_bits, flip_bits, overwrite, overwrite, insert, delete, repeat, extend)


def read_weights(path: str) -> None:
    """Read weights and look at every number."""
    for layer in weights.read_weights(path).layers:
        for blob in layer.blobs:
            if blob is not None:
                np.isfinite(blob.data).sum()


def read_state(path: str) -> None:
    """Read a solver state and look at every number."""
    for blob in solverstate.read_solverstate(path).history:
        np.isfinite(blob.data).sum()


READERS = {
    "weights": read_weights,
    "state": read_state,
    "mean": mean.read_mean,
    "network": prototxt.read_network,
}


def main(reader: str, seed: int, count: int, scratch: str, originals: list[str]) -> None:
    """Read `count` damaged files."""
    contents = [Path(original).read_bytes() for original in originals]
    for original in originals:
        READERS[reader](original)  # whatever is loaded late is loaded now
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    # The HDF5 library reserves what a damaged file asks for, and gives it back untouched.
    limit = used + ADDRESS_SPACE * (64 if "h5" in originals[0] else 1)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes: Counter[str] = Counter()
    for number in range(count):
        generator = random.Random(f"{seed}:{number}")
        # A new file each time: ext4 waits for the disk when one is truncated and written again.
        Path(scratch).unlink(missing_ok=True)
        Path(scratch).write_bytes(damage(contents[number % len(contents)], generator))
        print(f"seed {seed}, case {number}", flush=True)
        faulthandler.dump_traceback_later(SECONDS_PER_CASE, exit=True)
        try:
            READERS[reader](scratch)
            outcomes["read"] += 1
        except CnnvisError:
            outcomes["refused"] += 1
        faulthandler.cancel_dump_traceback_later()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) << 10
        assert grown < RESIDENT, f"memory has grown by {grown} bytes"
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
