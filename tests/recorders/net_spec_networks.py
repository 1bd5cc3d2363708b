"""Networks written with NetSpec: made by real Caffe for the recording and by our module for the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def fields_of(message: Any) -> list[Any]:
    """Return the fields of a message that real Caffe has; ours also has those of forks."""
    try:
        from cnnvis_caffe.formats.schema import UNKNOWN_TEXT, is_fork_field
    except ImportError:  # where real Caffe is
        return list(message.fields)
    return [f for f in message.fields if not is_fork_field(message.name, f.name) and f.name != UNKNOWN_TEXT]


def sample_value(field: Any, depth: int = 0) -> Any:
    """Return a value for a field of a message; floats are such that every protobuf prints them alike."""
    if field.message_type is not None:
        inner = [f for f in fields_of(field.message_type) if f.message_type is None or depth < 1]
        value: Any = {f.name: sample_value(f, depth + 1) for f in inner}
    elif field.enum_type is not None:
        # PRE_FIXED is R-FCN's, which real Caffe does not have.
        value = [one.number for one in field.enum_type.values if one.name != "PRE_FIXED"][-1]
    else:
        kinds = {
            field.CPPTYPE_BOOL: True,
            field.CPPTYPE_STRING: 'text "quoted"\n',
            field.CPPTYPE_FLOAT: 0.375,
        }
        value = kinds.get(field.cpp_type, 3 + field.number)
    is_repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED
    return [value, value] if is_repeated else value


def every_setting(caffe: Any) -> Any:
    """One layer per layer type that has settings, with every one of them given as a keyword."""
    n = caffe.NetSpec()
    n.data = caffe.layers.Input(shape={"dim": [1, 3, 8, 8]})
    messages = {
        f.message_type.name[: -len("Parameter")]: f.message_type
        for f in fields_of(caffe.proto.caffe_pb2.LayerParameter.DESCRIPTOR)
        if f.name.endswith("_param")
    }
    for name in sorted(messages):
        settings = {f.name: sample_value(f) for f in fields_of(messages[name])}
        n["blob/" + name] = getattr(caffe.layers, name)(n.data, **settings)
    return n.to_proto()


def every_type(caffe: Any) -> Any:
    """One layer of each type that Caffe has, without settings and without names."""
    L = caffe.layers
    data = L.Input(shape={"dim": [1, 3, 8, 8]})
    types = (
        "AbsVal Accuracy ArgMax BNLL BatchNorm BatchReindex Bias Clip Concat ContrastiveLoss "
        "Convolution Crop Data Deconvolution Dropout DummyData ELU Eltwise Embed EuclideanLoss Exp "
        "Filter Flatten HDF5Data HDF5Output HingeLoss Im2col ImageData InfogainLoss InnerProduct "
        "Input LRN LSTM LSTMUnit Log MVN MemoryData MultinomialLogisticLoss PReLU Parameter Pooling "
        "Power Python RNN ReLU Reduction Reshape SPP Scale Sigmoid SigmoidCrossEntropyLoss Silence "
        "Slice Softmax SoftmaxWithLoss Split Swish TanH Threshold Tile WindowData "
    )
    return caffe.to_proto(*[getattr(L, name)(data) for name in types.split()])


def every_layer_field(caffe: Any) -> Any:
    """Fields of the layer itself: those in keywords and all settings of all kinds passed as messages."""
    n = caffe.NetSpec()
    fields = fields_of(caffe.proto.caffe_pb2.LayerParameter.DESCRIPTOR)
    made = ("type", "bottom", "top", "blobs")
    n.data = caffe.layers.Anything(**{f.name: sample_value(f) for f in fields if f.name not in made})
    return n.to_proto()


def lenet(caffe: Any) -> Any:
    """The usual way: fillers, multipliers, two tops, in place."""
    L, P = caffe.layers, caffe.params
    n = caffe.NetSpec()
    n.data, n.label = L.Data(
        batch_size=64, backend=P.Data.LMDB, source="mnist_train_lmdb", transform_param={"scale": 0.25}, ntop=2
    )
    n.conv1 = L.Convolution(
        n.data,
        kernel_size=5,
        num_output=20,
        weight_filler={"type": "xavier"},
        param=[{"lr_mult": 1}, {"lr_mult": 2, "decay_mult": 0}],
    )
    n.pool1 = L.Pooling(n.conv1, kernel_size=2, stride=2, pool=P.Pooling.MAX)
    n.ip1 = L.InnerProduct(n.pool1, num_output=500, weight_filler={"type": "gaussian", "std": 0.5})
    n.relu1 = L.ReLU(n.ip1, in_place=True)
    n.drop1 = L.Dropout(n.relu1, in_place=True, dropout_ratio=0.5, include={"phase": caffe.TRAIN})
    n.ip2 = L.InnerProduct(n.drop1, num_output=10)
    n.accuracy = L.Accuracy(n.ip2, n.label, include=[{"phase": caffe.TEST, "stage": ["a", "b"]}, {"min_level": 2}])
    n.loss = L.SoftmaxWithLoss(n.ip2, n.label, loss_weight=0.5, propagate_down=[True, False])
    return n.to_proto()


def unnamed(caffe: Any) -> Any:
    """Names made up, counted by type in the order of need; only what is needed."""
    L = caffe.layers
    data, label = L.DummyData(shape=[{"dim": [2, 3]}, {"dim": 2}], ntop=2)
    L.ReLU(data)  # needed by nobody
    left, right = L.InnerProduct(data, num_output=4), L.InnerProduct(data, num_output=4)
    return L.SoftmaxWithLoss(L.Eltwise(L.ReLU(right), L.ReLU(left, in_place=True)), label).to_proto()


def partly_named(caffe: Any) -> Any:
    """Names given to some tops, made up for those between; a name that a made-up one repeats."""
    L = caffe.layers
    n = caffe.NetSpec()
    n.ReLU1 = L.Sigmoid(L.Input())
    n["path/to/top"] = L.ReLU(L.ReLU(n.ReLU1))
    n.second, third = L.Slice(n["path/to/top"], ntop=2, axis=1, slice_point=2)
    n.fourth = L.Concat(third, n.second)
    n.second = n.fourth  # a later name for the same top
    return n.to_proto()


def without_tops(caffe: Any) -> Any:
    """Layers without tops, named and not, and several results."""
    L = caffe.layers
    n = caffe.NetSpec()
    n.data, n.data2 = L.DummyData(shape={"dim": 3}, ntop=2)
    n.silence_data = L.Silence(n.data, ntop=0)
    n.silence_data2 = L.Silence(n.data2, n.data, ntop=0)
    return n.to_proto()


def several_results(caffe: Any) -> Any:
    """`to_proto` with several tops that share ancestors."""
    L = caffe.layers
    data = L.Input()
    a, b = L.ReLU(data), L.TanH(data)
    return caffe.to_proto(b, a, L.Eltwise(a, b))


def message_settings(caffe: Any) -> Any:
    """Settings as messages: types without settings of their own, and with more than one kind."""
    L, P = caffe.layers, caffe.params
    n = caffe.NetSpec()
    n.data = L.Input(input_param={"shape": [{"dim": [1, 2]}, {"dim": [3]}]}, ntop=1)
    n.up = L.Deconvolution(n.data, convolution_param={"num_output": 2, "kernel_size": [4, 2], "bias_term": False})
    n.lstm = L.LSTM(n.up, recurrent_param={"num_output": 4, "weight_filler": {"type": "uniform"}})
    n.python = L.Python(n.lstm, module="m", layer="C", param_str="{'a': 1}", share_in_parallel=True)
    n.python2 = L.Python(n.lstm, python_param={"module": "m", "layer": "C"}, loss_weight=[1, 2])
    n.loss = L.SoftmaxWithLoss(n.up, n.lstm, loss_param={"ignore_label": 255, "normalization": P.Loss.BATCH_SIZE})
    n.odd2 = L.NoSuchType(n.up, n.loss, phase=caffe.TEST)
    return n.to_proto()


def keyword_of_the_layer(caffe: Any) -> Any:
    """Keywords that the settings do not know fall through to the layer; those of both go to the settings."""
    L = caffe.layers
    n = caffe.NetSpec()
    n.a = L.Parameter(shape={"dim": [2, 3]}, param={"name": "shared"})
    n.b = L.Python(n.a, phase=1, module="m")
    n.c = L.Scale(n.a, axis=0, bias_term=True, filler={"value": 2}, exclude={"not_stage": "deploy"})
    return n.to_proto()


def in_place_chain(caffe: Any) -> Any:
    """In-place layers of in-place layers, with and without names."""
    L = caffe.layers
    n = caffe.NetSpec()
    n.data = L.Input()
    n.bn = L.BatchNorm(n.data, in_place=True, param=[{"lr_mult": 0}] * 3)
    n.scale = L.Scale(n.bn, bias_term=True, in_place=True)
    n.out = L.ELU(L.ReLU(n.scale, in_place=True), alpha=0.5)
    n.two = L.Eltwise(n.out, n.bn, in_place=True)
    return n.to_proto()


def enums(caffe: Any) -> Any:
    """Values of enums through `params`."""
    L, P = caffe.layers, caffe.params
    n = caffe.NetSpec()
    n.data = L.Input()
    n.ave = L.Pooling(n.data, pool=P.Pooling.AVE, global_pooling=True, engine=P.Pooling.CAFFE)
    n.sum = L.Eltwise(n.ave, n.data, operation=P.Eltwise.SUM, coeff=[1, -1])
    n.max = L.Eltwise(n.ave, n.data, operation=P.Eltwise.MAX)
    n.lrn = L.LRN(n.max, norm_region=P.LRN.WITHIN_CHANNEL, local_size=3)
    n.red = L.Reduction(n.lrn, operation=P.Reduction.SUMSQ, axis=1)
    n.hinge = L.HingeLoss(n.red, n.data, norm=P.HingeLoss.L2)
    n.fill = L.Convolution(n.data, num_output=1, weight_filler={"variance_norm": P.Filler.AVERAGE})
    return n.to_proto()


def inception(caffe: Any) -> Any:
    """A block made by a function, all of whose inner tops get made-up names."""
    L, P = caffe.layers, caffe.params

    def conv(bottom: Any, size: int, outputs: int) -> Any:
        made = L.Convolution(bottom, kernel_size=size, pad=size // 2, num_output=outputs)
        return L.ReLU(made, in_place=True)

    def block(bottom: Any) -> Any:
        pool = L.Pooling(bottom, pool=P.Pooling.MAX, kernel_size=3, stride=1, pad=1)
        return L.Concat(
            conv(bottom, 1, 8),
            conv(conv(bottom, 1, 4), 3, 8),
            conv(conv(bottom, 1, 2), 5, 4),
            conv(pool, 1, 4),
        )

    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [1, 3, 32, 32]})
    n.mixed1 = block(n.data)
    n.mixed2 = block(n.mixed1)
    return n.to_proto()


def residual(caffe: Any) -> Any:
    """A chain that is deep by what is assigned last only."""
    L = caffe.layers
    top = L.Input(shape={"dim": [1, 4, 8, 8]})
    for _ in range(20):
        branch = L.Convolution(L.ReLU(L.BatchNorm(top, use_global_stats=True)), num_output=4, kernel_size=3, pad=1)
        top = L.Eltwise(top, branch)
    n = caffe.NetSpec()
    n.out = top
    return n.to_proto()


def cropped(caffe: Any) -> Any:
    """Crop layers made by `coord_map.crop`."""
    L, P = caffe.layers, caffe.params
    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [1, 3, 100, 100]})
    n.conv = L.Convolution(n.data, num_output=2, kernel_size=3, pad=1)
    n.pool = L.Pooling(n.conv, pool=P.Pooling.MAX, kernel_size=4, stride=4)
    n.up = L.Deconvolution(n.pool, convolution_param={"num_output": 2, "kernel_size": 8, "stride": 4})
    n.score = caffe.coord_map.crop(n.up, n.data)
    n.score2 = caffe.coord_map.crop(n.up, n.conv)
    return n.to_proto()


def rounded_floats(caffe: Any) -> Any:
    """Floats that are not exact in 32 bits, and special ones."""
    L = caffe.layers
    n = caffe.NetSpec()
    n.data = L.Input()
    n.power = L.Power(n.data, power=0.1, scale=1.0 / 255, shift=-1e-7)
    n.clip = L.Clip(n.power, min=-3.4e38, max=1e10)
    n.lrn = L.LRN(n.clip, alpha=1e-4, beta=0.75, k=16777217)
    n.relu = L.ReLU(n.lrn, negative_slope=float("inf"))
    return n.to_proto()


NETWORKS: list[Callable[[Any], Any]] = [
    every_setting,
    every_type,
    every_layer_field,
    lenet,
    unnamed,
    partly_named,
    without_tops,
    several_results,
    message_settings,
    keyword_of_the_layer,
    in_place_chain,
    enums,
    inception,
    residual,
    cropped,
    rounded_floats,
]


def all_networks(caffe: Any) -> Iterator[tuple[str, Any]]:
    """Yield all networks with their names."""
    for network in NETWORKS:
        yield network.__name__, network(caffe)


def describe_graph(graph: Any) -> dict[str, Any]:
    """Return what a graph consists of, in order, without quotes, which differ between pydots."""

    def plain(text: Any) -> str:
        return str(text).strip('"')

    def attributes(item: Any) -> dict[str, str]:
        return {name: plain(value) for name, value in sorted(item.get_attributes().items())}

    return {
        "name": plain(graph.get_name()),
        "attributes": attributes(graph),
        "nodes": [[plain(node.get_name()), attributes(node)] for node in graph.get_nodes()],
        "edges": [
            [plain(edge.get_source()), plain(edge.get_destination()), attributes(edge)] for edge in graph.get_edges()
        ],
    }
