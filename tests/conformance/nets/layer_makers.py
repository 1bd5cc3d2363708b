"""The beginning, the middle and the end of a net: inputs, layers of any type for which there is a bottom, losses."""

from __future__ import annotations

import computing_layers
import loss_layers
import routing_layers
from choices import dims
from net_writer import NetWriter, Top

#: How often each is tried.
MAKERS = {
    computing_layers.neuron: 16,
    computing_layers.prelu: 2,
    computing_layers.scale_or_bias: 6,
    computing_layers.convolution: 9,
    computing_layers.inner_product: 9,
    computing_layers.batch_norm: 4,
    computing_layers.normalisation: 4,
    computing_layers.pooling: 6,
    routing_layers.eltwise: 7,
    routing_layers.concat: 5,
    routing_layers.slice: 5,
    routing_layers.split: 1,
    routing_layers.reshape: 5,
    routing_layers.other_routing: 4,
    routing_layers.source: 3,
    loss_layers.softmax_loss: 2,
    loss_layers.hinge_loss: 1,
    loss_layers.accuracy: 1,
    loss_layers.euclidean_loss: 2,
    loss_layers.multinomial_loss: 1,
    loss_layers.contrastive_loss: 1,
    routing_layers.embed: 1,
}


def add_inputs(net: NetWriter, fields: list[str]) -> list[Top]:
    """Write one to three inputs and perhaps labels, as layers or in one of the old ways."""
    random = net.random
    batch, channels = random.choice([1, 2, 2, 3]), random.choice([2, 3, 4, 6])
    shapes = [
        [batch, channels, random.choice([4, 5, 6]), random.choice([3, 5, 7])],
        [batch, channels],
        [batch, 3, 4],
        [batch, channels, 2, 3, 2],
        [channels],
        [],
    ]
    chosen = random.choices(shapes, [12, 6, 2, 1, 0.4, 0], k=1)
    chosen += random.choices([chosen[0], *shapes], [8, 2, 4, 1, 1, 1, 1], k=random.choice([0, 0, 1, 2]))
    names = random.sample(["data", "Data", "a2", "b", "x/y"], len(chosen))
    n_labels = random.choice([2, 3, channels])
    kinds = [(name, shape, 0) for name, shape in zip(names, chosen)]
    if net.chance(0.7):
        kinds.append(("label", [batch], n_labels))
    if net.chance(0.06) and all(len(shape) == 4 for shape in chosen):
        kinds = [kind for kind in kinds if not kind[2]]
        for name, shape, _ in kinds:
            fields.append(f'input: "{name}" ' + " ".join(f"input_dim: {length}" for length in shape))
        net.tops += [Top(name, shape) for name, shape, _ in kinds]
    elif net.chance(0.08):
        fields += [f'input: "{name}" input_shape {{ {dims(shape)} }}' for name, shape, _ in kinds]
        net.tops += [Top(name, shape, labels) for name, shape, labels in kinds]
    else:
        for name, shape, labels in kinds:
            net.write(
                f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims(shape)} }} }} }}'
            )
            net.layers.append(name)
            net.tops.append(Top(name, shape, labels))
    net.inputs = names
    return list(net.tops)


def add_layer(net: NetWriter) -> None:
    """Write one layer of a type for which there is a bottom."""
    for _ in range(20):
        maker = net.random.choices(list(MAKERS), list(MAKERS.values()))[0]
        if maker(net):
            return


def add_ends(net: NetWriter) -> None:
    """Write losses, accuracies and silences over what nobody reads yet."""
    for _ in range(net.random.choice([0, 1, 1, 1, 2])):
        net.random.choice(
            [
                loss_layers.softmax_loss,
                loss_layers.euclidean_loss,
                loss_layers.cross_entropy_loss,
                loss_layers.hinge_loss,
                loss_layers.reduction_loss,
            ]
        )(net)
    if net.chance(0.25):
        loss_layers.accuracy(net)
    unread = [top for top in net.tops if top.n_readers == 0]
    if unread and net.chance(0.2):
        net.add("Silence", net.random.sample(unread, net.random.randint(1, len(unread))), [])
