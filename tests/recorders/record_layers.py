"""Record what real Caffe does with the conformance cases.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_layers.py [TYPE ...]
    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_layers.py --gpu --to FOLDER [TYPE ...]

CNNVIS_REAL_CAFFE is a command that runs another command where `import caffe` is the real one. Writes
tests/recorded/cases/layers/TYPE.npz for the types named, or for all; with --to into another folder. Each case runs in a
child process, because Caffe aborts on what it does not like; how far the child came is what is recorded.

With --gpu Caffe runs them on a GPU, for which it must be built with CUDA; CNNVIS_GPU_RECORDINGS=FOLDER then lets the
tests marked gpu compare with that.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")
TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "conformance"), str(TESTS.parent)]

from case_files import Case, Recording, all_cases, draws_masks, run_case  # noqa: E402
from helpers.recordings import LAYERS  # noqa: E402


def set_mode(caffe, gpu: bool) -> None:
    """Where Caffe runs. A process that has used a GPU cannot fork, so that each child says it by itself."""
    if gpu:
        caffe.set_device(0)
        caffe.set_mode_gpu()
    else:
        caffe.set_mode_cpu()


def states_from_child(caffe, case: Case, gpu: bool = False) -> tuple[list[dict], str]:
    """Run a case in a child; give the states that it reached and how it died ("" if it did not)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the backtrace of an abort
            try:
                set_mode(caffe, gpu)
                for state in run_case(caffe, case):
                    pickle.dump(state, pipe)
                    pipe.flush()
            finally:
                error = sys.exc_info()[1]
                pickle.dump("" if error is None else f"{type(error).__name__}: {error}", pipe)
                pipe.flush()
                os._exit(0)
    os.close(writer)
    received = []
    with os.fdopen(reader, "rb") as pipe:
        while True:
            try:
                received.append(pickle.load(pipe))
            except (EOFError, pickle.UnpicklingError):
                break
    _, status = os.waitpid(child, 0)
    end = received.pop() if received and isinstance(received[-1], str) else None
    death = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else ""
    return received, death if end is None else end


def check_gpu_or_exit() -> None:
    """End with one line where this Caffe has no GPU."""
    from cnnvis_caffe.errors import CnnvisError
    from cnnvis_caffe.real_caffe import check_gpu

    try:
        check_gpu()
    except CnnvisError as error:
        sys.exit(str(error))


def main() -> int:
    """Record the types named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("types", nargs="*", metavar="TYPE")
    parser.add_argument("--gpu", action="store_true", help="let Caffe run on a GPU; needs --to")
    parser.add_argument("--to", type=Path, help="another folder than that of the tests")
    arguments = parser.parse_args()
    if arguments.gpu and arguments.to is None:
        parser.error("--gpu needs --to FOLDER: the recordings of the tests are those of a CPU")
    import caffe

    if arguments.gpu:
        check_gpu_or_exit()
    wanted, folder = set(arguments.types), arguments.to or LAYERS
    by_type: dict[str, list[Case]] = {}
    for case in all_cases():
        if not (arguments.gpu and draws_masks(case)):
            by_type.setdefault(case.name.split("/")[0], []).append(case)
    unknown = wanted - set(by_type)
    if unknown:
        sys.exit(f"no cases of type {', '.join(sorted(unknown))}")
    n_mistakes = 0
    for layer_type in sorted(wanted or by_type):
        recording = Recording()
        for case in by_type[layer_type]:
            states, death = states_from_child(caffe, case, arguments.gpu)
            if death and not death.startswith("signal"):
                # An exception is no abort of Caffe's: the case itself is wrong.
                print(f"{case.name}: {death}")
                n_mistakes += 1
                continue
            if len(states) == len(case.actions) and death:
                states.pop()  # it wrote outside its memory, and died of that when it tidied up
            if death:
                print(f"{case.name}: died by {death} at {' '.join(case.actions[len(states)])!r}")
            recording.add(case, states, bool(death))
        folder.mkdir(parents=True, exist_ok=True)
        recording.write(folder / f"{layer_type}.npz")
    return n_mistakes > 0


if __name__ == "__main__":
    sys.exit(main())
