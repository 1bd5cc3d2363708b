"""Small nets, each for one rule of how Caffe wires nets. Runs under real Caffe and under ours alike."""

from __future__ import annotations

from itertools import product

from net_cases import NetCase

PASS = ("forward", "backward")


def _input(name: str = "x", dims: str = "dim: 2 dim: 3", rest: str = "") -> str:
    """An Input layer."""
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} {rest} }}'


def _layer(kind: str, name: str, bottoms: str = "", tops: str = "", rest: str = "") -> str:
    """A layer; blobs are separated by blanks."""
    blobs = [f'bottom: "{blob}"' for blob in bottoms.split()] + [f'top: "{blob}"' for blob in tops.split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)} {rest} }}'


def _ip(name: str, bottom: str, n_out: int = 3, specs: str = "", rest: str = "") -> str:
    """An InnerProduct layer with a top of its own name."""
    filler = 'weight_filler { type: "gaussian" } bias_filler { type: "uniform" }'
    return _layer(
        "InnerProduct", name, bottom, name, f"{specs} {rest} inner_product_param {{ num_output: {n_out} {filler} }}"
    )


def _loss(name: str, bottom: str) -> str:
    """A loss over all values of a blob."""
    return _layer("Reduction", name, bottom, name, "loss_weight: 1 reduction_param { operation: SUMSQ }")


def rule_cases() -> list[NetCase]:
    """Every case, by name."""
    cases = {}
    for makers in (_splits, _tops, _filters, _parameters, _losses, _sizes, _batch_norms):
        cases.update(makers())
    return [NetCase(name, _with_header(text)) for name, text in cases.items()]


def _with_header(text: str) -> str:
    """Fill in what a case leaves open: settings, and one pass each way."""
    header = [line for line in text.splitlines() if line.startswith("#:")]
    words = [line[2:].split()[0] for line in header]
    added = [line for line in ("phase TEST", "seed 1") if line.split()[0] not in words]
    if not set(words) & {"forward", "backward", "reshape"}:
        added += PASS
    return "".join(f"#: {line}\n" for line in added) + text + "\n"


def _case(*lines: str) -> str:
    """A prototxt of lines."""
    return "\n".join(line for line in lines if line)


def _splits() -> dict[str, str]:
    """How often a blob is read, by whom, what lies between, and what weight it has."""
    cases = {}
    for readers, in_place, weight, producer in product((0, 1, 2, 3), (0, 1, 2), ("", "0", "0.5"), ("input", "ip")):
        weighed = f"loss_weight: {weight}" if weight else ""
        lines = [_input("x")] if producer == "ip" else [_input("y", rest="" if in_place else weighed)]
        if producer == "ip":
            lines.append(_ip("y", "x", rest="" if in_place else weighed))
        for i in range(in_place):
            lines.append(_layer("ReLU", f"relu{i}", "y", "y", weighed if i == in_place - 1 else ""))
        lines += [_layer("Power", f"p{i}", "y", f"p{i}", "power_param { power: 2 }") for i in range(readers)]
        cases[f"split/{producer}_{in_place}_in_place_{readers}_readers_weight_{weight or 'none'}"] = _case(*lines)
    cases["split/twice_by_one_layer"] = _case(_input(), _layer("Eltwise", "sum", "x x", "sum"), _loss("loss", "sum"))
    cases["split/weighted_loss_is_read"] = _case(
        _input(),
        _ip("ip", "x"),
        _loss("loss", "ip"),
        _layer("Power", "p", "loss", "p"),
        _layer("Power", "q", "loss", "q"),
    )
    cases["split/default_loss_is_read"] = _case(
        _input(), _ip("ip", "x"), _layer("EuclideanLoss", "loss", "ip x", "loss"), _layer("Power", "p", "loss", "p"),
    )  # fmt: skip
    cases["split/default_loss_is_read_twice"] = _case(
        _input(), _ip("ip", "x"), _layer("EuclideanLoss", "loss", "ip x", "loss"), _layer("Power", "p", "loss", "p"),
        _layer("Power", "q", "loss", "q"),
    )  # fmt: skip
    cases["split/weights_of_other_tops_are_lost"] = _case(
        _input(), _ip("ip", "x", 4), _layer("Slice", "cut", "ip", "a b", "loss_weight: 2 loss_weight: 3"),
        _layer("Power", "p", "a", "p"), _layer("Power", "q", "a", "q"),
    )  # fmt: skip
    cases["split/in_place_between_readers"] = _case(
        _input(), _ip("ip", "x"), _layer("Power", "before", "ip", "before"), _layer("ReLU", "relu", "ip", "ip"),
    )  # fmt: skip
    cases["split/weight_before_in_place"] = _case(
        _input(), _ip("ip", "x", rest="loss_weight: 1"), _layer("ReLU", "relu", "ip", "ip")
    )
    cases["split/label_for_loss_and_accuracy"] = _case(
        _input(), _input("label", "dim: 2"), _ip("ip", "x"), _layer("SoftmaxWithLoss", "loss", "ip label", "loss"),
        _layer("Accuracy", "accuracy", "ip label", "accuracy"),
    )  # fmt: skip
    return cases


def _tops() -> dict[str, str]:
    """Names of blobs and layers."""
    power = "power_param { power: 1 scale: 2 }"
    names = "b B a Z z2 a2 A10 _x x/y 0 data Data"
    return {
        "blobs/unknown_bottom": _case(_input(), _layer("ReLU", "relu", "nowhere", "y")),
        "blobs/bottom_made_later": _case(_input(), _layer("ReLU", "r1", "y", "z"), _layer("ReLU", "r2", "x", "y")),
        "blobs/two_producers": _case(_input(), _layer("Power", "p", "x", "y"), _layer("Power", "q", "x", "y")),
        "blobs/top_is_an_input": _case(_input(), _input("y"), _layer("Power", "p", "x", "y")),
        "blobs/same_top_twice": _case(_input(), _layer("Split", "s", "x", "y y")),
        "blobs/in_place_at_another_position": _case(_input(), _input("y"), _layer("Eltwise", "e", "x y", "y")),
        "blobs/in_place_second": _case(
            _input("x", "dim: 2 dim: 4"),
            _input("y", "dim: 2 dim: 2"),
            _layer("Slice", "s", "x y", "a y"),
        ),  # fmt: skip
        "blobs/in_place_split": _case(_input(), _layer("Split", "s", "x", "x")),
        "blobs/in_place_twice": _case(
            _input(), _layer("Power", "p", "x", "x", power), _layer("Power", "q", "x", "x", power), _loss("loss", "x")
        ),
        "blobs/outputs_by_byte": _case(*(_input(name) for name in names.split())),
        "blobs/outputs_by_byte_utf8": _case(*(_input(name) for name in ("z", "é", "Z", "ß", "日本", "~"))),
        "blobs/duplicate_layer_names": _case(
            _input(),
            _layer("InnerProduct", "ip", "x", "a", "inner_product_param { num_output: 2 }"),
            _layer("InnerProduct", "ip", "a", "b", "inner_product_param { num_output: 4 }"),
            _loss("loss", "b"),
        ),  # fmt: skip
        "blobs/without_names": 'layer { type: "Input" top: "x" input_param { shape { dim: 2 } } } '
        'layer { type: "Power" bottom: "x" top: "y" }',
        "blobs/input_with_two_tops": _case(_layer("Input", "in", "", "b a", "input_param { shape { dim: 2 } }")),
        "blobs/unused_input": _case(_input(), _input("unused"), _ip("ip", "x"), _loss("loss", "ip")),
        "blobs/unknown_type": _case(_input(), _layer("Nonsense", "n", "x", "y")),
        "blobs/automatic": _case(
            _input(), _ip("ip", "x"), _layer("EuclideanLoss", "loss", "ip x"), _layer("Power", "p", "ip", "p")
        ),
        "blobs/automatic_with_weight": _case(
            _input(), _ip("ip", "x"), _layer("EuclideanLoss", "l", "ip x", "", "loss_weight: 3")
        ),
        "blobs/too_few_bottoms": _case(_input(), _layer("EuclideanLoss", "loss", "x", "loss")),
        "blobs/too_many_tops": _case(_input(), _layer("ReLU", "relu", "x", "y z")),
        "blobs/no_top_needed": _case(_input(), _layer("Silence", "s", "x")),
        "blobs/propagate_down_too_few": _case(
            _input(), _input("y"), _layer("Eltwise", "e", "x y", "z", "propagate_down: true")
        ),
        "blobs/propagate_down_too_many": _case(
            _input(), _layer("ReLU", "r", "x", "z", "propagate_down: true propagate_down: true")
        ),
        "blobs/propagate_down_without_bottoms": _case(_input("x", rest="propagate_down: true")),
        "empty/nothing": "",
        "empty/name_only": 'name: "empty"',
        "empty/all_filtered_out": _case(_input(rest="include { phase: TRAIN }")),
    }


def _filters() -> dict[str, str]:
    """Include and exclude rules, one layer for each."""
    parts = ["phase: TRAIN", "phase: TEST", "min_level: 1", "max_level: 1", "min_level: -1 max_level: 3"]
    parts += ['stage: "a"', 'stage: "a" stage: "b"', 'not_stage: "a"', 'not_stage: "c" not_stage: "b"']
    parts += ['stage: "a" not_stage: "b"', ""]
    rules = [f"{word} {{ {part} }}" for word in ("include", "exclude") for part in parts]
    rules += [
        f"{word} {{ {p} }} {word} {{ {q} }}" for word in ("include", "exclude") for p in parts[:6] for q in parts[:6]
    ]
    layers = [_input(f"x{index:03d}", "dim: 1", rule) for index, rule in enumerate(rules)]
    cases = {}
    for phase, level, stages in product(("TRAIN", "TEST"), (0, 1, 2, -1), ("", "a", "b", "a b", "c")):
        header = [f"#: phase {phase}", f"#: level {level}", f"#: stages {stages}" if stages else ""]
        name = f"filter/{phase}_level_{level}_stages_{stages.replace(' ', '_') or 'none'}"
        cases[name] = _case(*header, "#: forward", *layers)
    both = "include { phase: TEST } exclude { phase: TRAIN }"
    in_file = 'state { phase: TRAIN level: 1 stage: "a" }'
    cases["filter/include_and_exclude"] = _case(_input(rest=both))
    cases["filter/state_in_file"] = _case("#: level 2", "#: stages b", "#: forward", in_file, *layers)
    cases["filter/state_in_file_alone"] = _case("#: forward", in_file, *layers)
    cases["filter/same_top_in_both_phases"] = _case(
        _input("train", rest="include { phase: TRAIN }").replace('top: "train"', 'top: "x"'),
        _input("test", "dim: 4 dim: 3", "include { phase: TEST }").replace('top: "test"', 'top: "x"'), _ip("ip", "x"),
        _loss("loss", "ip"),
    )  # fmt: skip
    cases["filter/producer_is_gone"] = _case(_input(rest="include { phase: TRAIN }"), _ip("ip", "x"))
    cases["filter/phase_of_layers"] = _case(
        _input(), _layer("Dropout", "train", "x", "a", "phase: TRAIN"), _layer("Dropout", "test", "x", "b")
    )
    return cases


def _parameters() -> dict[str, str]:
    """Sharing and rates."""

    def named(name: str = "w", rest: str = "") -> str:
        return f'param {{ name: "{name}" {rest} }}'

    def twins(first: str, second: str, n_second: int = 3, dims: str = "dim: 2 dim: 3") -> str:
        return _case(
            _input(), _input("y", dims), _ip("a", "x", specs=first), _ip("b", "y", n_second, second), _loss("la", "a"),
            _loss("lb", "b"),
        )  # fmt: skip

    permissive = "share_mode: PERMISSIVE"
    return {
        "params/shared": twins(named(), named()),
        "params/shared_weight_and_bias": twins(named("w") + named("b"), named("w") + named("b")),
        "params/shared_crosswise": twins(named("w") + named("b"), "param {} " + named("b")),
        "params/strict_other_shape": twins(named(), named(), 2),
        "params/permissive_other_count": twins(named(), named("w", permissive), 2),
        "params/permissive_same_count": twins(named(), named("w", permissive), 1, "dim: 2 dim: 9"),
        "params/permissive_by_owner_only": twins(named("w", permissive), named(), 1, "dim: 2 dim: 9"),
        "params/same_lr_mult": twins(named("w", "lr_mult: 2"), named("w", "lr_mult: 2")),
        "params/other_lr_mult": twins(named("w", "lr_mult: 2"), named("w", "lr_mult: 1")),
        "params/lr_mult_of_sharer_only": twins(named(), named("w", "lr_mult: 0")),
        "params/lr_mult_of_owner_only": twins(named("w", "lr_mult: 0"), named()),
        "params/other_decay_mult": twins(named("w", "decay_mult: 2"), named("w", "decay_mult: 1")),
        "params/decay_mult_of_one": twins(named("w", "decay_mult: 2"), named("w", "lr_mult: 3")),
        "params/three_sharers": _case(
            _input(),
            _ip("a", "x", specs=named()),
            _ip("b", "a", specs=named()),
            _ip("c", "b", specs=named()),
            _loss("l", "c"),
        ),
        "params/third_disagrees": _case(
            _input(),
            _ip("a", "x", specs=named()),
            _ip("b", "a", specs=named("w", "lr_mult: 2")),
            _ip("c", "b", specs=named("w", "lr_mult: 3")),
            _loss("l", "c"),
        ),  # fmt: skip
        "params/shared_in_one_layer": _case(
            _input("x", "dim: 2 dim: 1"), _ip("a", "x", 3, named("w") + named("w", permissive)), _loss("l", "a")
        ),
        "params/shared_by_other_types": _case(
            _input("x", "dim: 2 dim: 3"),
            _layer("Scale", "s", "x", "s", named()),
            _layer("Bias", "b", "s", "b", named()),
            _layer("PReLU", "p", "b", "p", named()),
            _loss("l", "p"),
        ),  # fmt: skip
        "params/too_many": _case(_input(), _ip("a", "x", specs="param {} param {} param {}"), _loss("l", "a")),
        "params/for_a_layer_without": _case(_input(), _layer("ReLU", "r", "x", "y", "param {}")),
        "params/frozen": _case(
            _input(),
            _ip("a", "x", specs="param { lr_mult: 0 } param { lr_mult: 0 }"),
            _ip("b", "a", specs="param { lr_mult: 0 }"),
            _loss("l", "b"),
        ),  # fmt: skip
        "params/frozen_but_forced": _case(
            "force_backward: true",
            _input(),
            _ip("a", "x", specs="param { lr_mult: 0 } param { lr_mult: 0 }"),
            _loss("l", "a"),
        ),
        "params/no_loss": _case(_input(), _ip("a", "x")),
        "params/no_loss_but_forced": _case(
            "force_backward: true", "#: forward", "#: fill a.diff normal", "#: backward", _input(), _ip("a", "x")
        ),  # fmt: skip
    }


def _losses() -> dict[str, str]:
    """Numbers of loss weights."""
    ip = _ip("ip", "x")

    def euclidean(rest: str) -> str:
        return _case(_input(), ip, _layer("EuclideanLoss", "loss", "ip x", "loss", rest))

    def softmax(tops: str, rest: str) -> str:
        return _case(_input(), _input("label", "dim: 2"), ip, _layer("SoftmaxWithLoss", "l", "ip label", tops, rest))

    return {
        "loss/default": euclidean(""),
        "loss/zero": euclidean("loss_weight: 0"),
        "loss/negative": euclidean("loss_weight: -2"),
        "loss/one_too_many": euclidean("loss_weight: 1 loss_weight: 1"),
        "loss/second_top_without_weights": softmax("loss p", ""),
        "loss/second_top_one_weight": softmax("loss p", "loss_weight: 1"),
        "loss/second_top_two_weights": softmax("loss p", "loss_weight: 1 loss_weight: 0"),
        "loss/second_top_weighted": softmax("loss p", "loss_weight: 1 loss_weight: 0.5"),
        "loss/weight_for_layer_without_tops": _case(_input(), _layer("Silence", "s", "x", "", "loss_weight: 1")),
        "loss/of_an_input": _case(_input("x", rest="loss_weight: 2")),
        "loss/two": _case(_input(), ip, _loss("a", "ip"), _loss("b", "ip")),
        "loss/diff_written_by_hand": _case(
            "#: forward",
            "#: backward",
            "#: fill a.diff values 3",
            "#: clear_param_diffs",
            "#: forward",
            "#: backward",
            _input(),
            ip,
            _loss("a", "ip"),
        ),  # fmt: skip
        "loss/weight_lost_by_growing": _case(
            "#: fill x normal",
            "#: forward",
            "#: reshape x 4 3",
            "#: fill x normal",
            "#: forward",
            "#: backward",
            "#: reshape x 2 3",
            "#: fill x normal",
            "#: forward",
            "#: backward",
            _input(),
            _layer("Power", "p", "x", "p", "loss_weight: 2"),
        ),  # fmt: skip
    }


def _sizes() -> dict[str, str]:
    """Blobs that hold nothing, and blobs without shape."""
    no_shape = _layer("Input", "x", "", "x")
    relu = _layer("ReLU", "r", "x", "y")
    return {
        "size/input_of_zero": _case("#: forward", _input("x", "dim: 0 dim: 3")),
        "size/input_of_zero_is_read": _case("#: forward", _input("x", "dim: 0 dim: 3"), relu),
        "size/input_of_zero_is_read_twice": _case(
            "#: forward", _input("x", "dim: 0 dim: 3"), relu, _layer("TanH", "t", "x", "z")
        ),
        "size/input_of_zero_for_parameters": _case("#: forward", _input("x", "dim: 0 dim: 3"), _ip("ip", "x")),
        "size/input_of_zero_with_weight": _case("#: forward", _input("x", "dim: 0 dim: 3", "loss_weight: 1")),
        "size/input_of_zero_reshaped": _case(
            "#: reshape x 2 3",
            "#: fill x normal",
            "#: forward",
            "#: backward",
            _input("x", "dim: 0 dim: 3"),
            _ip("ip", "x"),
            _loss("loss", "ip"),
        ),  # fmt: skip
        "size/input_shrunk_to_zero": _case(
            "#: fill x normal",
            "#: forward",
            "#: reshape x 0 3",
            "#: forward",
            "#: backward",
            _input(),
            _ip("ip", "x"),
            _loss("loss", "ip"),
        ),  # fmt: skip
        "size/relu_shrunk_to_zero": _case(
            "#: fill x normal", "#: forward", "#: reshape x 0 3", "#: forward", "#: backward", _input(), relu
        ),
        "size/no_shape": _case("#: forward", no_shape),
        "size/no_shape_is_read": _case("#: forward", no_shape, relu),
        "size/no_shape_for_parameters": _case("#: forward", no_shape, _ip("ip", "x")),
        "size/no_shape_reshaped": _case("#: reshape x 2 3", "#: fill x normal", "#: forward", no_shape, relu),
        "size/single_value": _case(_input("x", ""), _layer("ReLU", "r", "x", "y", "loss_weight: 2")),
        "size/single_value_is_read_twice": _case(
            "force_backward: true", _input("x", ""), relu, _layer("TanH", "t", "x", "z", "loss_weight: 2")
        ),
        "size/negative": _case(_input("x", "dim: -1 dim: 3")),
        "size/convolution_to_zero": _case(
            _input("x", "dim: 1 dim: 1 dim: 2 dim: 2"),
            _layer("Convolution", "c", "x", "c", "convolution_param { num_output: 1 kernel_size: 3 }"),
        ),  # fmt: skip
        "size/too_many_axes": _case(_input("x", "dim: 1 " * 33)),
        "size/too_many_values": _case(_input("x", "dim: 65536 dim: 65536")),
        "size/32_axes": _case(_input("x", "dim: 1 " * 32), relu),
        "size/windows_on_padding_only": _case(
            _input("x", "dim: 2 dim: 2 dim: 3 dim: 1"),
            _layer(
                "Convolution",
                "c",
                "x",
                "c",
                "convolution_param { num_output: 3 kernel_size: 1 stride: 2 pad: 1 "
                'dilation: 2 weight_filler { type: "gaussian" } bias_filler { type: "gaussian" } }',
            ),
            _loss("loss", "c"),
        ),  # fmt: skip
    }


def _batch_norms() -> dict[str, str]:
    """ParamSpecs of BatchNorm, which Caffe adds to."""
    specs = {
        "none": "",
        "one_frozen": "param { lr_mult: 0 }",
        "one_learning": "param { lr_mult: 1 }",
        "one_default": "param {}",
        "two_frozen": "param { lr_mult: 0 } param { lr_mult: 0 }",
        "two_second_learning": "param { lr_mult: 0 } param { lr_mult: 1 }",
        "three_frozen": "param { lr_mult: 0 } " * 3,
        "three_learning": "param { lr_mult: 1 decay_mult: 1 } " * 3,
        "three_named": 'param { name: "m" lr_mult: 1 } param { name: "v" lr_mult: 1 } param { name: "s" lr_mult: 1 }',
        "four": "param { lr_mult: 0 } " * 4,
    }
    cases = {}
    for name, spec in specs.items():
        lines = ["#: phase TRAIN", "#: fill x normal", "#: forward", "#: backward", _input("x", "dim: 4 dim: 3")]
        cases[f"batch_norm/{name}"] = _case(*lines, _layer("BatchNorm", "bn", "x", "bn", spec), _loss("loss", "bn"))
    return cases
