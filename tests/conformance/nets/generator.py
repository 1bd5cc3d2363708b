"""Nets made at random, each from its seed: what `make_net` writes is a prototxt with a header of steps.

    python tests/conformance/nets/generator.py SEED

prints one. Runs on Python 3.9 without numpy. The nets are meant to be legal most of the time; some are not, in ways
that real Caffe notices.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent))

import layer_makers  # noqa: E402
from net_writer import NetWriter, Top  # noqa: E402


def make_net(seed: int) -> str:
    """Write the net of a seed."""
    random = Random(seed)
    net = NetWriter(random)
    fields = [f'name: "net{seed}"'] if net.chance(0.8) else []
    inputs = layer_makers.add_inputs(net, fields)
    for _ in range(random.randint(2, 11)):
        if net.chance(0.06):
            net.add_decoy()
        layer_makers.add_layer(net)
    layer_makers.add_ends(net)
    if net.force_backward or net.chance(0.1):
        fields.append(f"force_backward: {str(net.force_backward).lower()}")
    if net.stages and net.chance(0.3):
        fields.append(f'state {{ stage: "{net.stages.pop()}" level: 7 }}')
    header = [f"phase {net.phase}", f"seed {seed}"]
    if net.level:
        header.append(f"level {net.level}")
    if net.stages:
        header.append(f"stages {' '.join(net.stages)}")
    return net.text([*header, *_steps(net, inputs)], fields)


def _steps(net: NetWriter, inputs: Sequence[Top]) -> list[str]:
    """What is done with the net: one full pass first, because some backward passes need what a forward left."""
    random = net.random
    values = random.choice(["normal", "uniform -1 1", "uniform 0 1", "grid"])

    def fill(renewed: Sequence[Top] = inputs) -> list[str]:
        return [f"fill {top.name} {f'labels {top.n_labels}' if top.n_labels else values}" for top in renewed]

    def top_diffs() -> list[str]:
        unread = [top for top in net.tops if top.n_readers == 0 and top.name != inputs[0].name]
        return [f"fill {top.name}.diff normal" for top in unread[:2]] if net.chance(0.3) else []

    def resize(batch: int) -> list[str]:
        if not net.may_resize:
            return []
        resized = [top for top in inputs if top.shape and top.shape[0] == inputs[0].shape[0]]
        steps = [f"reshape {top.name} {' '.join(map(str, [batch, *top.shape[1:]]))}" for top in resized]
        steps += ["net_reshape"] if net.chance(0.3) else []
        return [*steps, *fill(), "forward", "backward"]

    def some_layers() -> str:
        first = random.randrange(len(net.layers))
        last = random.randrange(first, len(net.layers))
        return f"{net.layers[first]} {net.layers[last]}"

    steps = [*net.fills, *fill(), "forward", *top_diffs(), "backward"]
    acts = [
        lambda: [*fill(), "forward", "backward"],
        lambda: ["backward"],
        lambda: ["clear_param_diffs", *(["backward"] if net.chance(0.5) else [])],
        lambda: [*fill(random.sample(list(inputs), 1)), f"forward {some_layers()}", f"backward {some_layers()}"],
        lambda: [f"backward {some_layers()}"],
        lambda: [f"random_seed {random.randrange(9)}", "forward"],
        lambda: resize(inputs[0].shape[0] + random.choice([1, 2])),
        lambda: [*resize(1), *resize(inputs[0].shape[0])],
    ]
    for act in random.sample(acts, random.randint(2, 4)):
        steps += act()
    return steps


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(make_net(int(argument)))
