"""Short training runs, the same under real Caffe and under ours. Runs on Debian 11's Python and numpy, too.

Everything is made from the solver's `random_seed`, so that the weights to begin with are compared as well.
"""

from __future__ import annotations

import os

import numpy as np

N_STEPS = 6

NET = """name: "two layers"
layer { name: "data" type: "Input" top: "data" top: "target"
        input_param { shape { dim: 4 dim: 3 } shape { dim: 4 dim: 2 } } }
layer { name: "first" type: "InnerProduct" bottom: "data" top: "first"
        param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
        inner_product_param { num_output: 5 weight_filler { type: "gaussian" std: 0.5 }
                              bias_filler { type: "uniform" min: -1 max: 1 } } }
layer { name: "bend" type: "TanH" bottom: "first" top: "first" }
layer { name: "fixed" type: "InnerProduct" bottom: "first" top: "fixed"
        param { lr_mult: 0 } param { lr_mult: 0 decay_mult: 0.5 }
        inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "last" type: "InnerProduct" bottom: "fixed" top: "last" param { lr_mult: 0.5 decay_mult: 3 }
        inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 0.5 } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "last" bottom: "target" top: "loss" }
"""

#: What each type of solver needs beyond the fields that all have.
TYPES = {
    "SGD": "base_lr: 0.1",
    "Nesterov": "base_lr: 0.1",
    "AdaGrad": "base_lr: 0.1 delta: 1e-4",
    "RMSProp": "base_lr: 0.02 rms_decay: 0.9 delta: 1e-4",
    "AdaDelta": "base_lr: 1 delta: 1e-4",
    "Adam": "base_lr: 0.02 momentum2: 0.99",
}
NO_MOMENTUM = ("AdaGrad", "RMSProp")
FIXED = 'lr_policy: "fixed"'

VARIANTS = {
    "plain": "",
    "momentum": "momentum: 0.9",
    "l2": "momentum: 0.5 weight_decay: 0.1",
    "l1": 'momentum: 0.95 weight_decay: 0.05 regularization_type: "L1"',
    "iter_size": "momentum: 0.9 iter_size: 3 weight_decay: 0.01",
    "clip": "momentum: 0.9 iter_size: 2 clip_gradients: 0.3 weight_decay: 0.01",
    "clip_0": "momentum: 0.9 clip_gradients: 0",
    "clip_not_reached": "clip_gradients: 1000",
}

POLICIES = {
    "step": 'lr_policy: "step" gamma: 0.3 stepsize: 7',
    "exp": 'lr_policy: "exp" gamma: 0.93',
    "exp_0": 'lr_policy: "exp"',
    "inv": 'lr_policy: "inv" gamma: 0.1 power: 0.75',
    "inv_2": 'lr_policy: "inv" gamma: 0.003 power: 2',
    "multistep": 'lr_policy: "multistep" gamma: 0.3 stepvalue: 2 stepvalue: 9 stepvalue: 9 stepvalue: 10',
    "multistep_from_0": 'lr_policy: "multistep" gamma: 0.5 stepvalue: 0 stepvalue: 0 stepvalue: 30',
    "poly": 'lr_policy: "poly" power: 1.5 max_iter: 20',
    "poly_whole_power": 'lr_policy: "poly" power: 2 max_iter: 20',
    "poly_0": 'lr_policy: "poly" max_iter: 20',
    "sigmoid": 'lr_policy: "sigmoid" gamma: 0.2 stepsize: 10',
    "fixed": FIXED,
}

#: Solvers that one of the two refuses; the phase in which Caffe does.
REFUSED = {
    "no net": ("make", f"base_lr: 1 {FIXED}"),
    "two nets": ("make", f'net: "NET" train_net: "NET" base_lr: 1 {FIXED}'),
    "no policy": ("step", 'net: "NET" base_lr: 1'),
    "unknown policy": ("step", 'net: "NET" base_lr: 1 lr_policy: "steps"'),
    "negative gamma": ("step", 'net: "NET" base_lr: 1 lr_policy: "exp" gamma: -1'),
    "no stepsize": ("step", 'net: "NET" base_lr: 1 lr_policy: "step" gamma: 0.1'),
    "unknown regularization": ("step", f'net: "NET" base_lr: 1 {FIXED} weight_decay: 1 regularization_type: "L3"'),
    "test_iter without interval": ("make", f'net: "NET" base_lr: 1 {FIXED} test_iter: 1'),
    "test_net without test_iter": ("make", f'net: "NET" test_net: "NET" test_interval: 1 base_lr: 1 {FIXED}'),
    "too many test_iter": (
        "make",
        f'train_net: "NET" test_net: "NET" test_iter: 1 test_iter: 1 test_interval: 1 base_lr: 1 {FIXED}',
    ),
    "too few test_state": (
        "make",
        f'net: "NET" test_iter: 1 test_iter: 1 test_state {{ stage: "a" }} test_interval: 1 base_lr: 1 {FIXED}',
    ),
    "average_loss 0": ("make", f'net: "NET" average_loss: 0 base_lr: 1 {FIXED}'),
    "prefix in no folder": ("make", f'net: "NET" snapshot: 1 snapshot_prefix: "nowhere/x" base_lr: 1 {FIXED}'),
    "AdaGrad with momentum": ("make", f'net: "NET" type: "AdaGrad" momentum: 0.9 base_lr: 1 {FIXED}'),
    "RMSProp with momentum": ("make", f'net: "NET" type: "RMSProp" momentum: 0.9 base_lr: 1 {FIXED}'),
    "RMSProp without decay": ("make", f'net: "NET" type: "RMSProp" rms_decay: 1 base_lr: 1 {FIXED}'),
    "unknown type": ("make", f'net: "NET" type: "Adagrad" base_lr: 1 {FIXED}'),
    "two types": ("make", f'net: "NET" type: "SGD" solver_type: SGD base_lr: 1 {FIXED}'),
    "missing net": ("make", f'net: "nothing.prototxt" base_lr: 1 {FIXED}'),
}

#: Nets that make their data themselves, so that Caffe's own tool can train them.
LOG_NET = """name: "logged"
layer { name: "data" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 6 dim: 3 dim: 5 dim: 4 } shape { dim: 6 }
                           data_filler { type: "gaussian" } data_filler { type: "uniform" max: 2.99 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        param { name: "shared" lr_mult: 1 } param { lr_mult: 2 }
        convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
        inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
layer { name: "again" type: "Softmax" bottom: "ip" top: "again" include { phase: TEST stage: "wide" } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" loss_weight: 0.5 }
"""

LOGS = {
    "usual": """test_iter: 2 test_iter: 1 test_state { } test_state { stage: "wide" } test_interval: 4
        test_compute_loss: true base_lr: 0.05 lr_policy: "inv" gamma: 0.1 power: 0.75 momentum: 0.9 weight_decay: 0.001
        display: 3 average_loss: 3 max_iter: 12 snapshot: 5 snapshot_prefix: "snap" clip_gradients: 0.6""",
    "debug": """base_lr: 0.05 lr_policy: "multistep" gamma: 0.1 stepvalue: 1 stepvalue: 2 display: 2 max_iter: 3
        iter_size: 2 test_iter: 1 test_interval: 2 test_initialization: false debug_info: true snapshot_format: HDF5
        snapshot_prefix: "snap" """,
}


def cases():
    """Names and solver texts of the runs."""
    for solver_type, fields in TYPES.items():
        for variant, extra in VARIANTS.items():
            words = extra.split()
            if solver_type in NO_MOMENTUM and "momentum:" in words:
                at = words.index("momentum:")
                extra = " ".join(words[:at] + words[at + 2 :])
                if variant == "momentum":
                    continue
            yield f"{solver_type}/{variant}", f'type: "{solver_type}" {fields} {extra} {FIXED}'


def write_files(folder, text, net=NET):
    """Write a net and its solver; return the path of the latter."""
    net_path, solver_path = os.path.join(folder, "net.prototxt"), os.path.join(folder, "solver.prototxt")
    with open(net_path, "w") as file:
        file.write(net)
    with open(solver_path, "w") as file:
        file.write(text.replace("NET", net_path))
    return solver_path


def full_text(folder, text):
    """A solver's text with what all runs have in common."""
    return f'net: "NET" max_iter: 100 random_seed: 7 display: 0 snapshot_prefix: "{folder}/snap" {text}'


def step(solver, index):
    """Make an iteration on a batch of its own; return all that can be seen of it."""
    random = np.random.RandomState(1000 + index)  # noqa: NPY002 - the same on all numpys
    for name in ("data", "target"):
        blob = solver.net.blobs[name]
        blob.data[...] = random.uniform(-1, 1, blob.data.shape)
    state = {"lr": solver.lr}
    solver.step(1)
    state["loss"] = float(solver.net.blobs["loss"].data)
    for layer, blobs in solver.net.params.items():
        for number, blob in enumerate(blobs):
            state[f"{layer}.{number}.data"] = blob.data.copy()
            state[f"{layer}.{number}.diff"] = blob.diff.copy()
    return state


def run(caffe, text, folder, first=0, n_steps=N_STEPS, restore=None):
    """Train under a pycaffe; yields a dict for each iteration."""
    solver = caffe.get_solver(write_files(folder, full_text(folder, text)))
    if restore is not None:
        solver.restore(restore)
    for index in range(first, first + n_steps):
        yield step(solver, index)


def rates(caffe, policy, folder, n=40):
    """Learning rates of a policy, one for each iteration; each is looked at once before its update."""
    solver = caffe.get_solver(write_files(folder, f'net: "NET" base_lr: 0.7 display: 0 {policy}'))
    for _ in range(n):
        yield solver.lr
        solver.apply_update()
