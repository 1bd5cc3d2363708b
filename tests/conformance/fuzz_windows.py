"""Random nets around the layers that slide windows, beside real Caffe. For a person to run; finds what no case pins.

    CNNVIS_REAL_CAFFE=... python tests/conformance/fuzz_windows.py [COUNT [FIRST_SEED]]

CNNVIS_REAL_CAFFE is a command that runs another command where `import caffe` is the real one. A seed makes one net with
the directives of a case (README.md); nets that disagree are printed, ready to be saved as a case.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import shlex
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "recorders"), str(HERE.parent.parent)]
os.environ.setdefault("GLOG_minloglevel", "3")

from case_files import Case, Recording, run_case  # noqa: E402

VALUES = ("grid", "normal", "uniform -3 3", "shuffled 0 1 1 2 -1", "values 1", "values 0")
ODD_VALUES = ("shuffled 1 2 3 nan 4 -5", "shuffled 1 2 inf 3 -4", "shuffled 1 -inf 2 -3")
LOWEST = -3.4028234663852886e38  # what a window without a place gives: there Caffe writes to foreign memory


class Writer:
    """Writes one random net.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.layers: list[str] = []
        self.steps = [f"seed {seed}"]

    def integer(self, low, high):
        return self.random.randint(low, high)

    def maybe(self, probability=0.5):
        return self.random.random() < probability

    def pick(self, *values):
        return self.random.choice(values)

    def values(self, may_be_odd):
        return self.pick(*ODD_VALUES) if may_be_odd and self.maybe(0.1) else self.pick(*VALUES)

    def layer(self, name, layer_type, bottoms, tops, *rest):
        blobs = [f'bottom: "{bottom}"' for bottom in bottoms] + [f'top: "{top}"' for top in tops]
        self.layers.append(f'layer {{ name: "{name}" type: "{layer_type}" {" ".join([*blobs, *rest])} }}')

    def per_axis(self, n_axes, field, stem, low, high):
        """A field for each axis in one of its forms, or not at all where the lowest value means just that."""
        values = [self.integer(low, high) for _ in range(n_axes)]
        form = self.integer(0, 3)
        if form == 0 and field != "kernel_size":
            return ""
        if form == 1 and n_axes == 2 and field != "dilation":
            return f"{stem}_h: {values[0]} {stem}_w: {values[1]}"
        if form == 2 and n_axes:
            return " ".join(f"{field}: {value}" for value in values)
        return f"{field}: {self.integer(low, high)}"

    def windows(self, n_axes):
        kernel = self.per_axis(n_axes, "kernel_size", "kernel", 1, self.pick(2, 3, 5))
        stride = self.per_axis(n_axes, "stride", "stride", 1, self.pick(1, 2, 4))
        pad = self.per_axis(n_axes, "pad", "pad", 0, self.pick(1, 2, 4))
        dilation = self.per_axis(n_axes, "dilation", "dilation", self.pick(0, 1, 1), self.pick(1, 2, 3))
        return f"{kernel} {stride} {pad} {dilation}"

    def shape(self, n_axes, high=10):
        return [self.integer(1, 3), self.pick(1, 2, 3, 4, 6, 8), *(self.integer(1, high) for _ in range(n_axes))]

    # -- layer types: each gives the shape of bottom "a" and writes layer "L" from self.bottoms to self.tops ------

    def convolution(self, layer_type):
        n_axes = self.pick(0, 1, 2, 2, 2, 2, 2, 3)
        shape = self.shape(n_axes, 4 if n_axes == 3 else 10)
        channels = shape[1]
        group = self.pick(*(g for g in range(1, channels + 1) if channels % g == 0))
        lead = self.pick([], [], [], [2])
        axis = self.pick(1 + len(lead), -1 - n_axes) if lead or self.maybe(0.2) else None
        param = f"num_output: {group * self.integer(1, 3)} group: {group} {self.windows(n_axes)}"
        param += "" if axis is None else f" axis: {axis}"
        param += " bias_term: false" if self.maybe(0.3) else ""
        param += " force_nd_im2col: true" if self.maybe(0.1) else ""
        return [*lead, *shape], layer_type, f"convolution_param {{ {param} }}"

    def im2col(self):
        n_axes = self.pick(1, 2, 2, 3)
        shape = self.shape(n_axes, 4 if n_axes == 3 else 8)
        return shape, "Im2col", f"convolution_param {{ {self.windows(n_axes)} }}"

    def pooling(self):
        if self.maybe(0.1):
            param = "global_pooling: true"
        else:
            kernels = [self.integer(1, self.pick(2, 3, 5)) for _ in range(2)]
            square = self.maybe()
            kernel = f"kernel_size: {kernels[0]}" if square else f"kernel_h: {kernels[0]} kernel_w: {kernels[1]}"
            smallest = kernels[0] if square else min(kernels)
            strides = [self.integer(1, 5), self.integer(1, 4)]
            stride = self.pick("", f"stride: {strides[0]}", f"stride_h: {strides[0]} stride_w: {strides[1]}")
            pads = [self.integer(0, kernels[0] - 1), self.integer(0, kernels[0 if square else 1] - 1)]
            pad = self.pick("", f"pad: {self.integer(0, smallest - 1)}", f"pad_h: {pads[0]} pad_w: {pads[1]}")
            param = f"{kernel} {stride} {pad} {self.pick('', '', 'round_mode: FLOOR')}"
        method = self.pick("MAX", "MAX", "AVE")
        if method == "MAX" and self.maybe(0.3):
            self.tops.append("mask")
        return self.shape(2), "Pooling", f"pooling_param {{ pool: {method} {param} }}"

    def spp(self):
        param = f"pyramid_height: {self.integer(1, 4)} pool: {self.pick('MAX', 'AVE')}"
        return self.shape(2, 20), "SPP", f"spp_param {{ {param} }}"

    def lrn(self):
        param = f"local_size: {self.pick(1, 3, 5, 7)} alpha: {self.pick(0.0001, 0.5, 1, 3)}"
        param += f" beta: {self.pick(0.5, 0.75, 1, 0.6)}"
        param += self.pick("", " k: 2", " k: 0.5") + self.pick("", " norm_region: WITHIN_CHANNEL")
        return self.shape(2, 6), "LRN", f"lrn_param {{ {param} }}"

    def inner_product(self):
        shape = [self.integer(1, 5) for _ in range(self.integer(1, 5))]
        axis = self.integer(-len(shape), len(shape) - 1)
        param = f"num_output: {self.integer(1, 6)} axis: {axis} transpose: {self.pick('false', 'true')}"
        param += " bias_term: false" if self.maybe(0.3) else ""
        return shape, "InnerProduct", f"inner_product_param {{ {param} }}"

    def net(self):
        """Write the net; give its type and text."""
        self.tops = ["y"]
        make = self.pick(
            *(lambda: self.convolution("Convolution"),) * 4, *(lambda: self.convolution("Deconvolution"),) * 3,
            self.im2col, *(self.pooling,) * 4, self.spp, self.lrn, self.inner_product,
        )  # fmt: skip
        shape, layer_type, param = make()
        dims = " ".join(f"dim: {length}" for length in shape)
        self.layer("a", "Input", [], ["a"], f"input_param {{ shape {{ {dims} }} }}")
        bottom = "a"
        has_weights = layer_type in ("Convolution", "Deconvolution", "InnerProduct")
        if len(shape) == 4 and self.maybe(0.4):
            kind = self.pick("kernel_size: 1", f"kernel_size: 1 group: {shape[1]}")
            self.layer("P", "Convolution", ["a"], ["p"], f"convolution_param {{ num_output: {shape[1]} {kind} }}")
            bottom = "p"
        bottoms = [bottom]
        if layer_type in ("Convolution", "Deconvolution") and self.maybe(0.15):
            self.layer("b", "Input", [], ["b"], f"input_param {{ shape {{ {dims} }} }}")
            bottoms.append("b")
            self.tops.append("z")
        extra = "loss_weight: 0.5 " * len(self.tops) if self.maybe(0.1) else ""
        self.layer("L", layer_type, bottoms, self.tops, param, extra)
        if self.maybe(0.15):
            self.layer("R", "Power", ["y"], ["y"], "power_param { shift: 1 }")

        # Taps on one pixel are summed up before we multiply, and padding is not multiplied at all: only for finite
        # values is that the same.
        may_be_odd = "dilation: 0" not in param and layer_type != "Deconvolution"
        fills = ["a", "b"] if "b" in bottoms else ["a"]
        if bottom == "p":
            self.steps += [f"fill P[0] {self.pick(*VALUES)}"]
        if has_weights:
            # Infinite weights would meet the zeros of the padding, which we do not multiply.
            self.steps += [f"fill L[0] {self.pick(*VALUES)}"]
            if "bias_term: false" not in param:
                self.steps += [f"fill L[1] {self.pick(*VALUES)}"]
        for _ in range(self.integer(1, 3)):
            self.steps += [f"fill {name} {self.values(may_be_odd)}" for name in fills]
            self.steps += ["forward"] * self.integer(1, 3)
            if self.maybe(0.8):
                if not extra:
                    self.steps += [f"fill {top} {self.pick(*VALUES)}" for top in (f"{t}.diff" for t in self.tops)]
                self.steps += ["backward"] * self.integer(1, 2)
            if has_weights and self.maybe(0.2):
                self.steps += [f"fill L[0] {self.pick(*VALUES)}"]
            if len(shape) > 2 and self.maybe(0.3):
                new = [self.integer(1, 3), *shape[1:-1], self.integer(1, 10)]
                self.steps += [f"reshape {name} {' '.join(map(str, new))}" for name in fills]
        while self.steps[-1].startswith("fill"):
            self.steps.pop()  # nothing would come of it
        force = ["force_backward: true"] if self.maybe(0.8) else []
        return layer_type, "\n".join([*(f"#: {step}" for step in self.steps), *force, *self.layers, ""])


def make_cases(seeds, folder):
    """The cases of some seeds, written to a folder."""
    for seed in seeds:
        layer_type, text = Writer(seed).net()
        path = Path(folder) / layer_type / f"{seed}.prototxt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        yield Case(path)


def record(seeds):
    """Give what real Caffe does, pickled: a list of (states, how it died)."""
    import caffe
    from in_child import states_from_child

    caffe.set_mode_cpu()
    with tempfile.TemporaryDirectory() as folder:
        cases = make_cases(seeds, folder)
        return pickle.dumps([states_from_child(lambda case=case: run(caffe, case)) for case in cases])


def run(caffe, case):
    """Run a case for a few seconds at most: over images that have become too small Caffe may loop for ever."""
    signal.alarm(5)
    yield from run_case(caffe, case)


def compare(case, states, death):
    """Compare our run with Caffe's, in three ways: looking, unseen, in channels-last. Give how it ended."""
    from test_layers import assert_matches_recording, assert_matches_recording_unseen, to_channels_last

    if death and not death.startswith("signal"):
        return "broken"  # an exception out of nowhere: Caffe has written to memory that is not its own
    if death == f"signal {int(signal.SIGALRM)}":
        return "hangs"
    if any(not array.size for state in states for array in state["arrays"].values()):
        return "empty"  # refused when the net is built; Caffe waits for the first forward, and may die of it later
    if "MAX" in case.text and any((array == LOWEST).any() for state in states for array in state["arrays"].values()):
        return "no place"
    if len(states) == len(case.actions) and death:
        states.pop()
    recording = Recording()
    recording.add(case, states, bool(death))
    assert_matches_recording(case, recording=recording)
    assert_matches_recording(case, before=to_channels_last, recording=recording)
    assert_matches_recording_unseen(case, recording)
    return "aborted" if death else "equal"


def main():
    """Compare nets of COUNT seeds."""
    count, first = [*map(int, sys.argv[1:]), 1000, 0][:2] if len(sys.argv) != 2 else (int(sys.argv[1]), 0)
    seeds = list(range(first, first + count))
    command = [*shlex.split(os.environ["CNNVIS_REAL_CAFFE"]), "python3", str(Path(__file__).resolve()), "--record"]
    answer = subprocess.run(command, input=json.dumps(seeds).encode(), stdout=subprocess.PIPE, check=True).stdout
    import warnings

    from cnnvis_caffe.errors import CaffeQuirkWarning

    warnings.simplefilter("ignore", CaffeQuirkWarning)
    ends = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for case, (states, death) in zip(make_cases(seeds, folder), pickle.loads(answer)):
            try:
                end = compare(case, states, death)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - failures of pytest are no Exception
                end = "DIFFERENT"
                print(f"{case.name}: {type(error).__name__}: {error}\n{case.text}")
            ends[case.name.split("/")[0], end] += 1
    for (layer_type, end), times in sorted(ends.items()):
        print(f"{layer_type:15} {end:10} {times:6}")
    return any(end == "DIFFERENT" for _, end in ends)


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        sys.stdout.buffer.write(record(json.load(sys.stdin)))
    else:
        sys.exit(main())
