"""Reports on the files of a training: solver, solver state and mean image."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import numpy as np

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.mean import read_mean
from cnnvis_caffe.formats.prototxt import read_solver
from cnnvis_caffe.formats.solverstate import read_solverstate
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.network.report_network import Report, unknown_field
from cnnvis_caffe.network.report_weights import array_report
from cnnvis_caffe.network.statistics import statistics


def solver_report(path: str) -> Report:
    """A solver's settings, and the networks that it names."""
    solver = read_solver(path)
    message = solver.message
    given = {field.name: _plain(field, value) for field, value in message.ListFields()}
    nets = [name for name in [message.net, message.train_net, *message.test_net] if name]
    return {
        "format": {
            "text": True,
            "generation": None,
            "upgrades": list(solver.upgrades),
            "unknown_fields": [unknown_field(field) for field in solver.unknown],
        },
        "solver": {
            "type": message.type,
            "settings": given,
            "defaults": {
                field.name: _plain(field, getattr(message, field.name))
                for field in message.DESCRIPTOR.fields
                if field.name not in given and field.has_default_value
            },
            "learning_rate": _learning_rate(message),
            "nets": [{"file": name, "found": os.path.isfile(name)} for name in nets],
            "inline_nets": int(message.HasField("net_param"))
            + int(message.HasField("train_net_param"))
            + len(message.test_net_param),
        },
    }


def _plain(field: Any, value: Any) -> Any:
    """A field's value as JSON has it: enums by name, messages as text."""
    if schema.is_repeated(field):
        return [_plain_one(field, item) for item in value]
    return _plain_one(field, value)


def _plain_one(field: Any, value: Any) -> Any:
    """One value."""
    if field.message_type is not None:
        return str(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if isinstance(value, float):
        # The shortest number that is the same float32: 0.0005, not 0.0005000000237487257.
        return float(str(np.float32(value)))
    return value


def _learning_rate(solver: Any) -> str:
    """What the learning rate does, as a sentence."""
    base, gamma, power = (f"{_plain_one_float(solver, name)}" for name in ("base_lr", "gamma", "power"))
    policies = {
        "fixed": f"{base} throughout",
        "step": f"{base}, times {gamma} every {solver.stepsize} iterations",
        "exp": f"{base} times {gamma} to the power of the iteration",
        "inv": f"{base} / (1 + {gamma} * iteration) ** {power}",
        "multistep": f"{base}, times {gamma} at {', '.join(map(str, solver.stepvalue)) or 'no iteration'}",
        "poly": f"{base} * (1 - iteration / {solver.max_iter}) ** {power}",
        "sigmoid": f"{base} / (1 + exp(-{gamma} * (iteration - {solver.stepsize})))",
    }
    if solver.lr_policy in policies:
        return policies[solver.lr_policy]
    found = f"{solver.lr_policy!r} is unknown" if solver.lr_policy else "is missing"
    return f"{base}, but lr_policy {found}: Caffe stops at the first update; one of {', '.join(policies)} is needed"


def _plain_one_float(message: Any, name: str) -> str:
    """A float field as somebody would write it."""
    return f"{float(str(np.float32(getattr(message, name)))):g}"


def solver_state_report(path: str) -> Report:
    """How far training had come, and the solver's memory."""
    state = read_solverstate(path)
    learned = state.learned_net
    beside = None
    if learned:
        candidates = [learned, os.path.join(os.path.dirname(path), os.path.basename(learned))]
        beside = next((name for name in candidates if os.path.isfile(name)), None)
    return {
        "format": {"text": False, "container": state.format, "unknown_fields": list(state.unknown)},
        "solverstate": {
            "iteration": state.iter,
            "current_step": state.current_step,
            "learned_net": learned,
            "learned_net_found": beside,
            "meaning": None if beside is None else _meaning(len(state.history), beside),
            "history": [array_report(blob) for blob in state.history],
        },
    }


def _meaning(n_arrays: int, weights: str) -> str | None:
    """Which solvers keep as many arrays for the parameters of a weights file."""
    owned = [blob for layer in read_weights(weights).layers for blob in layer.blobs if blob is not None]
    if owned and n_arrays == len(owned):
        return "one for each parameter: SGD, Nesterov, AdaGrad or RMSProp"
    if owned and n_arrays == 2 * len(owned):
        return "two for each parameter: Adam or AdaDelta"
    return None


def mean_report(path: str) -> Report:
    """A mean image."""
    mean = read_mean(path)
    channels = [asdict(statistics(channel)) for channel in mean]
    return {"shape": list(mean.shape), "statistics": asdict(statistics(mean)), "channels": channels}
