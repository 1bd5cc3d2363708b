"""The vectors of `caffe._caffe`, beside what real Caffe's do with the same statements."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import numpy as np
import pytest
from helpers.each import check_each

from cnnvis_caffe import pycaffe
from cnnvis_caffe.pycaffe import _caffe

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 5 dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "y" convolution_param { num_output: 6 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
layer { name: "ip" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 7 } }
"""

ONE_TO_FOUR = "v = c.IntVec(); v.extend([1, 2, 3, 4]); "
BLOBS = "v = c.BlobVec(); v.add_blob(2, 3); v.add_blob(); "

#: A statement that leaves `r`, and what real Caffe gives: a value, or the name of its error.
QUESTIONS: list[tuple[str, Any]] = [
    # Indices and slices.
    (ONE_TO_FOUR + "r = [v[0], v[-1], v[True], len(v)]", [1, 4, 2, 4]),
    (ONE_TO_FOUR + "r = v[4]", "IndexError"),
    (ONE_TO_FOUR + "r = v[-5]", "IndexError"),
    (ONE_TO_FOUR + "r = v[1.0]", "TypeError"),
    (ONE_TO_FOUR + "r = v['a']", "TypeError"),
    (ONE_TO_FOUR + "r = [list(v[-3:-1]), list(v[3:1]), list(v[:99]), list(v[99:])]", [[2, 3], [], [1, 2, 3, 4], []]),
    (ONE_TO_FOUR + "r = v[::2]", "IndexError"),
    (ONE_TO_FOUR + "r = v[::-1]", "IndexError"),
    (ONE_TO_FOUR + "w = v[1:3]; w[0] = 99; r = [list(v), list(w), type(w).__name__]",
     [[1, 2, 3, 4], [99, 3], "IntVec"]),
    # Assignment and deletion.
    (ONE_TO_FOUR + "v[-1] = 9; r = list(v)", [1, 2, 3, 9]),
    (ONE_TO_FOUR + "v[4] = 9", "IndexError"),
    (ONE_TO_FOUR + "v[1] = 'a'", "TypeError"),
    (ONE_TO_FOUR + "v['a'] = 1", "TypeError"),
    (ONE_TO_FOUR + "v[1:3] = [9]; r = list(v)", [1, 9, 4]),
    (ONE_TO_FOUR + "v[1:3] = (7, 8, 9); r = list(v)", [1, 7, 8, 9, 4]),
    (ONE_TO_FOUR + "v[1:3] = 7; r = list(v)", [1, 7, 4]),
    (ONE_TO_FOUR + "v[3:1] = [9]; r = list(v)", [1, 2, 3, 9, 4]),
    (ONE_TO_FOUR + "v[1:2] = v; r = list(v)", [1, 1, 2, 3, 4, 3, 4]),
    (ONE_TO_FOUR + "v[0:2] = [5, 'a']", "TypeError"),
    (ONE_TO_FOUR + "v[::2] = [9, 9]", "IndexError"),
    (ONE_TO_FOUR + "del v[1]; del v[1:2]; del v[3:1]; r = list(v)", [1, 4]),
    (ONE_TO_FOUR + "del v[9]", "IndexError"),
    (ONE_TO_FOUR + "del v['a']", "TypeError"),
    # Growing, looking, and what a list has and a vector has not.
    (ONE_TO_FOUR + "v.extend(v); r = list(v)", [1, 2, 3, 4, 1, 2, 3, 4]),
    (ONE_TO_FOUR + "v.extend(n * n for n in (3, 4)); r = list(v)", [1, 2, 3, 4, 9, 16]),
    (ONE_TO_FOUR + "v.append()", "TypeError"),
    (ONE_TO_FOUR + "r = [3 in v, 9 in v, 'a' in v, 1.0 in v]", [True, False, False, False]),
    (ONE_TO_FOUR + "r = [x for x in v] + list(reversed(v)) + sorted(v)", [1, 2, 3, 4, 4, 3, 2, 1, 1, 2, 3, 4]),
    (ONE_TO_FOUR + "r = [n for n in ('pop', 'insert', 'remove', 'sort') if hasattr(v, n)]", []),
    (ONE_TO_FOUR + "v += [1]", "TypeError"),
    (ONE_TO_FOUR + "r = v + (1,)", "TypeError"),
    ("r = [bool(c.IntVec()), bool(c.StringVec())]", [False, False]),
    ("c.IntVec([1, 2])", "TypeError"),
    # Kinds of items.
    ("v = c.IntVec(); v.append(True); v.append(-2**31); r = list(v)", [1, -(2**31)]),
    ("v = c.IntVec(); v.append(2**31)", "OverflowError"),
    ("v = c.IntVec(); v.append(1.5)", "TypeError"),
    ("v = c.IntVec(); v.append(None)", "TypeError"),
    ("v = c.DtypeVec(); v.extend([1.1, 2, True, 1e60]); r = [str(x) for x in v]",
     ["1.100000023841858", "2.0", "1.0", "inf"]),
    ("v = c.DtypeVec(); v.append('1')", "TypeError"),
    ("v = c.BoolVec(); v.extend([True, 0, 2]); r = list(v)", [True, False, True]),
    ("v = c.BoolVec(); v.append(1.5)", "TypeError"),
    ("v = c.StringVec(); v.extend('ab'); v.append(b'c'); v[0:1] = 'xyz'; r = list(v)", ["xyz", "b", "c"]),
    ("v = c.StringVec(); v.append(1)", "TypeError"),
    ("v = c.StringVec(); v.append('a'); r = ['a' in v, 1 in v]", [True, False]),
    ("c.NetVec().append(3)", "TypeError"),
    ("c.LayerVec().append(3)", "TypeError"),
    ("c.RawBlobVec().append(3)", "TypeError"),
    ("v = c.NetVec(); v.append(net); r = [len(v), list(v[0].blobs)]", [1, ["x", "y", "z"]]),
    ("v = c.LayerVec(); v.extend(net.layers[1:3]); r = [x.type for x in v]", ["Convolution", "ReLU"]),
    # Blobs and parameters.
    (BLOBS + "r = [[list(b.shape), b.count, float(b.data.sum())] for b in v]", [[[2, 3], 6, 0.0], [[], 1, 0.0]]),
    (BLOBS + "b = v[0]; b.reshape(4, 5); r = [list(v[0].shape), v[0] is b, b in v]", [[4, 5], False, True]),
    (BLOBS + "b = v[0]; del v[0]; r = [list(b.shape), len(v), b in v]", [[2, 3], 1, False]),
    (BLOBS + "v.add_blob('a')", "TypeError"),
    (BLOBS + "v.append(3)", "TypeError"),
    ("r = hasattr(c.RawBlobVec(), 'add_blob')", False),
    ("p = net.params['ip']; p.add_blob(2, 9); r = [len(p), len(net.params['ip']), len(net.layers[3].blobs)]",
     [3, 3, 3]),
    ("p = net.params['ip']; p[0] = p[1]; r = [list(b.shape) for b in net.layers[3].blobs]", [[7], [7]]),
    ("p = net.params['ip']; del p[1]; r = [len(net.layers[3].blobs)]", [1]),
    # What nets hold.
    ("r = [type(x).__name__ for x in (net.layers, net._blobs, net.params['ip'], net.layers[1].blobs, net._blob_names)]",
     ["LayerVec", "BlobVec", "BlobVec", "BlobVec", "StringVec"]),
    ("r = [type(x).__name__ for x in (net._blob_loss_weights, net._inputs, net._bottom_ids(1), net.blobs['x'].shape)]",
     ["DtypeVec", "IntVec", "IntVec", "IntVec"]),
    ("r = [list(net._inputs), list(net._outputs), list(net._bottom_ids(1)), list(net._top_ids(1))]",
     [[0], [2], [0], [1]]),
    ("net._blob_names[0] = 'q'; net._inputs.append(3); r = [net._blob_names[0], len(net._inputs)]", ["x", 1]),
    ("r = [isinstance(x, c.Layer) for x in net.layers] + [x.type for x in net.layers[2:]]",
     [True, True, True, True, "ReLU", "InnerProduct"]),
    # Shapes.
    ("s = net.blobs['x'].shape; s[0] = 9; r = [list(s), list(net.blobs['x'].shape)]", [[9, 3, 5, 4], [2, 3, 5, 4]]),
    ("s = net.blobs['x'].shape; s[0] = 9; net.blobs['x'].reshape(*s); r = list(net.blobs['x'].data.shape)",
     [9, 3, 5, 4]),
    ("import numpy; s = net.blobs['x'].shape; r = [numpy.zeros(s).shape[3], int(numpy.prod(s)), s == (2,)]",
     [4, 120, False]),
    ("net.blobs['x'].reshape(2.0, 3)", "TypeError"),
]  # fmt: skip


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NET)
    return str(path)


def answer(statement: str, names: dict[str, Any]) -> Any:
    """What a statement leaves in `r`, or the name of its error."""
    try:
        exec(statement, names)
    except (IndexError, TypeError, OverflowError, AttributeError) as error:
        kinds = (OverflowError, IndexError, TypeError, AttributeError)
        return next(kind.__name__ for kind in kinds if isinstance(error, kind))
    return json.loads(json.dumps(names.get("r")))


def test_vectors_do_what_real_ones_do(network):
    def check(question):
        statement, expected = question
        assert answer(statement, {"c": _caffe, "net": pycaffe.Net(network, pycaffe.TEST)}) == expected

    check_each(check, QUESTIONS, lambda question: question[0])


LIVE = """
import json, sys, caffe
names, path, questions = {}, sys.argv[1], json.loads(sys.argv[2])
kinds = (OverflowError, IndexError, TypeError, AttributeError)
answers = []
for statement in questions:
    names = {"c": caffe._caffe, "net": caffe.Net(path, caffe.TEST)}
    try:
        exec(statement, names)
        answers.append(names.get("r"))
    except kinds as error:
        answers.append(next(kind.__name__ for kind in kinds if isinstance(error, kind)))
print("ANSWERS" + json.dumps(answers))
"""


@pytest.mark.pycaffe
def test_real_caffe_gives_these_answers(repository, real_caffe):
    (repository / "build").mkdir(exist_ok=True)
    path = repository / "build" / "vectors.prototxt"
    path.write_text(NET)
    statements = json.dumps([statement for statement, _ in QUESTIONS])
    done = subprocess.run(
        [*real_caffe, "python3", "-c", LIVE, str(path), statements], capture_output=True, text=True, timeout=100
    )
    found = json.loads(done.stdout.rpartition("ANSWERS")[2])
    assert found == [expected for _, expected in QUESTIONS]


def test_vectors_can_be_compared_and_printed(network):
    blob = pycaffe.Net(network, pycaffe.TEST).blobs["x"]
    assert blob.shape == (2, 3, 5, 4)
    assert blob.shape == [2, 3, 5, 4]
    assert blob.shape == blob.shape
    assert blob.shape != (2, 3, 5)
    assert repr(blob.shape) == "IntVec([2, 3, 5, 4])"
    assert repr(blob) == "Blob('x', shape=(2, 3, 5, 4))"
    assert (*blob.shape[1:], 8) == (3, 5, 4, 8)


def test_numbers_of_numpy_are_numbers():
    shape, weights = _caffe.IntVec(), _caffe.DtypeVec()
    shape.append(np.int64(3))
    weights.extend(np.array([0.5, 2], np.float32))
    assert shape == [3]
    assert weights == [0.5, 2]


def test_an_error_says_what_is_held():
    with pytest.raises(TypeError, match="IntVec holds whole numbers, got str 'a'"):
        _caffe.IntVec().append("a")
    with pytest.raises(IndexError, match="index 1 is out of range for BlobVec of length 0"):
        _caffe.BlobVec()[1]


def test_a_blob_keeps_what_a_script_hangs_on_it(network):
    net = pycaffe.Net(network, pycaffe.TEST)
    net.blobs["x"].note = 5
    assert net.blobs["x"].note == 5


def test_layers_of_a_net_are_set_up_by_scripts(network):
    net = pycaffe.Net(network, pycaffe.TEST)
    net.blobs["x"].reshape(5, 3, 5, 4)
    net.layers[1].reshape([net.blobs["x"]], [net.blobs["y"]])
    assert net.blobs["y"].shape == (5, 6, 3, 2)


def test_a_solver_holds_its_test_nets_in_a_vector(network, tmp_path):
    (tmp_path / "solver.prototxt").write_text(
        f'net: "{network}" test_iter: 1 test_interval: 5 base_lr: 0.1 lr_policy: "fixed"'
    )
    nets = pycaffe.SGDSolver(str(tmp_path / "solver.prototxt")).test_nets
    assert type(nets) is _caffe.NetVec
    assert nets[0].blobs["x"].shape == (2, 3, 5, 4)


def test_the_module_has_the_names_behind_net():
    from cnnvis_caffe.pycaffe import pycaffe as module

    assert module._Net_forward is pycaffe.Net.forward
    assert list(module.izip_longest([1], [])) == [(1, None)]
    assert pycaffe.io.zoom(np.eye(2), 2).shape == (4, 4)
