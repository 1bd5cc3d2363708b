"""Nets: live views through a whole net, passes over some layers, callbacks, errors that name the place."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys

import numpy as np
import pytest

from cnnvis_caffe.errors import LayerError, NetError, NonFiniteError, UnsupportedLayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

pytestmark = pytest.mark.usefixtures("mode")
#: Of views that were taken before a pass, which on a GPU do not show it.
on_the_cpu = pytest.mark.parametrize("mode", ["cpu"], indirect=True)

CHAIN = """
name: "chain"
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 2 dim: 2 dim: 3 } } }
layer { name: "p" type: "Power" bottom: "x" top: "p" power_param { scale: 2 } }
layer { name: "relu" type: "ReLU" bottom: "p" top: "p" }
layer { name: "reshape" type: "Reshape" bottom: "p" top: "r" reshape_param { shape { dim: 0 dim: -1 } } }
layer { name: "flatten" type: "Flatten" bottom: "p" top: "f" }
layer { name: "sum" type: "Eltwise" bottom: "r" bottom: "f" top: "sum" }
layer { name: "loss" type: "Reduction" bottom: "sum" top: "loss" loss_weight: 1 }
force_backward: true
"""
CONVOLUTIONS = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 5 dim: 4 } } }
layer { name: "c1" type: "Convolution" bottom: "x" top: "c1"
        convolution_param { num_output: 4 kernel_size: 3 pad: 1 weight_filler { type: "gaussian" } } }
layer { name: "pool" type: "Pooling" bottom: "c1" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "c2" type: "Convolution" bottom: "pool" top: "c2"
        convolution_param { num_output: 2 kernel_size: 2 weight_filler { type: "gaussian" } } }
layer { name: "ip" type: "InnerProduct" bottom: "c2" top: "ip"
        inner_product_param { num_output: 3 weight_filler { type: "gaussian" } } }
layer { name: "loss" type: "Reduction" bottom: "ip" top: "loss" loss_weight: 1 reduction_param { operation: SUMSQ } }
"""


def make(text, phase=schema.TEST, **options):
    """A net of a text."""
    return Net(network_from_text(text, "net.prototxt"), phase, **options)


def blob(net, name):
    """A blob by name."""
    return net.blobs[net.blob_names.index(name)]


@on_the_cpu
def test_views_taken_before_show_what_a_pass_computes():
    net = make(CHAIN)
    blob(net, "x").data[...] = 1
    net.forward()  # aliases are made here, as in Caffe,
    net.backward()  # and here
    views = {b.name: (b.data, b.diff) for b in net.blobs}
    blob(net, "x").data[...] = np.arange(24).reshape(2, 2, 2, 3) - 4
    net.forward()
    net.backward()
    expected = np.maximum(2 * (np.arange(24.0) - 4), 0)
    for name in ("p", "r", "f"):
        assert views[name][0].ravel().tolist() == expected.tolist(), name
    assert views["sum"][0].ravel().tolist() == (2 * expected).tolist()
    assert views["x"][1].ravel().tolist() == np.where(np.arange(24) > 4, 4, 0).tolist()
    for b in net.blobs:
        assert (views[b.name][0] == b.data).all() and (views[b.name][1] == b.diff).all(), b.name


@on_the_cpu
def test_writes_through_old_views_are_seen_by_the_next_pass():
    net = make(CONVOLUTIONS)
    view, weights = blob(net, "x").data, net.params.all[0].data
    view[...] = 1
    first = net.forward()
    view[...] = 2
    assert net.forward() == pytest.approx(4 * first, rel=1e-5)
    weights *= 3
    assert net.forward() == pytest.approx(36 * first, rel=1e-5)


@on_the_cpu
def test_write_through_an_alias_is_seen_in_the_others():
    net = make(CHAIN)
    net.forward()
    blob(net, "f").data[0, 0] = 5
    assert blob(net, "p").data.flat[0] == blob(net, "r").data.flat[0] == 5


@on_the_cpu
def test_views_are_the_same_whether_they_are_held_or_not():
    held, free = make(CONVOLUTIONS), make(CONVOLUTIONS)
    for mine, other in zip(held.params.all, free.params.all):
        other.data[...] = mine.data
    views = [(b.data, b.diff) for b in [*held.blobs, *held.params.all]]
    random = np.random.default_rng(1)
    for _ in range(3):
        values = random.standard_normal((2, 3, 5, 4))
        for net in (held, free):
            blob(net, "x").data[...] = values
            net.forward()
            net.backward()
    for (data, diff), b in zip(views, [*free.blobs, *free.params.all]):
        for mine, other in ((data, b.data), (diff, b.diff)):
            np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6 * np.abs(other).max(), err_msg=b.name)


def test_views_survive_the_net():
    net = make(CHAIN)
    blob(net, "x").data[...] = 3
    net.forward()
    view = blob(net, "p").data
    del net
    gc.collect()
    assert (view == 6).all()


def test_views_of_layers_in_channels_last_are_nchw():
    net = make(CONVOLUTIONS)
    blob(net, "x").data[...] = np.random.default_rng(0).standard_normal((2, 3, 5, 4))
    net.forward()
    c1, pool = blob(net, "c1").data, blob(net, "pool").data
    assert c1.flags.c_contiguous
    padded = np.pad(blob(net, "x").data, ((0, 0), (0, 0), (1, 1), (1, 1)))
    weights = net.layers[1].blobs[0].data
    assert c1[1, 3, 2, 1] == pytest.approx((padded[1, :, 2:5, 1:4] * weights[3]).sum(), rel=1e-4)
    assert pool[1, 3, 1, 1] == c1[1, 3, 2:4, 2:4].max()


def test_passes_over_some_layers():
    net = make(CHAIN)
    blob(net, "x").data[...] = 1
    assert net.forward() == 2 * 2 * 24
    blob(net, "x").data[...] = -1
    assert net.forward(3) == 96, "from the reshape on, with what was there"
    assert net.forward(0, 1) == 0
    assert blob(net, "p").data.flat[0] == -2, "up to the power"


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 99), (99, 100)])
def test_layers_that_are_not_there_cannot_run(start, end):
    net = make(CHAIN)
    with pytest.raises(NetError, match="net.prototxt"):
        net.forward(start, end)
    with pytest.raises(NetError, match="net.prototxt"):
        net.backward(end, start)


def test_net_without_layers_cannot_run():
    with pytest.raises(NetError, match="none to run"):
        make("").forward()


def test_new_input_shape_reaches_every_blob():
    net = make(CONVOLUTIONS)
    blob(net, "x").reshape(5, 3, 5, 4)
    net.forward()
    assert [b.shape[0] for b in net.blobs[:-1]] == [5] * 5
    blob(net, "x").reshape(1, 3, 5, 4)
    net.reshape()
    assert [b.shape[0] for b in net.blobs[:-1]] == [1] * 5


@pytest.mark.parametrize(("when", "where"), [("before_forward", 0), ("after_forward", 5), ("after_backward", 0)])
def test_new_input_shape_from_a_callback(when, where):
    """The next pass sees it, whenever it was given."""
    net = make(CONVOLUTIONS)

    def grow(index):
        if index == where and blob(net, "x").shape[0] == 2:
            blob(net, "x").reshape(4, 3, 5, 4)

    net.forward()
    getattr(net, when).append(grow)
    if when == "after_backward":
        net.backward()
    else:
        net.forward()
    net.forward()
    assert blob(net, "ip").shape == (4, 3)


def test_callbacks_get_the_index_of_each_layer():
    net, calls = make(CHAIN), []
    for name in ("before_forward", "after_forward", "before_backward", "after_backward"):
        getattr(net, name).append(lambda index, name=name: calls.append((name, index)))
    net.forward(1, 2)
    net.backward(2, 1)
    forward = [(f"{when}_forward", i) for i in (1, 2) for when in ("before", "after")]
    backward = [(f"{when}_backward", i) for i in (2, 1) for when in ("before", "after")]
    assert calls == forward + backward


def test_error_of_a_callback_comes_through():
    net = make(CHAIN)

    def fail(index):
        raise KeyError("mine")

    net.after_forward.append(fail)
    with pytest.raises(KeyError, match="mine"):
        net.forward()


def test_gradients_of_parameters_add_up_until_they_are_cleared():
    net = make(CONVOLUTIONS)
    blob(net, "x").data[...] = 1
    net.forward()
    net.backward()
    once = [b.diff.copy() for b in net.params.learnable]
    net.backward()
    for b, diff in zip(net.params.learnable, once):
        np.testing.assert_allclose(b.diff, 2 * diff, rtol=1e-5, err_msg=b.name)
    assert any(diff.any() for diff in once)
    net.clear_param_diffs()
    assert not any(b.diff.any() for b in net.params.learnable)


def test_loss_weight_may_be_changed_in_the_diff():
    net = make(CONVOLUTIONS)
    blob(net, "x").data[...] = 1
    loss = net.forward()
    blob(net, "loss").diff[...] = 3
    assert net.forward() == pytest.approx(3 * loss)


def test_first_layer_that_makes_nan_is_named():
    net = make(CHAIN)
    net.check_finite = True
    blob(net, "x").data[...] = 1
    net.forward()
    blob(net, "x").data.flat[3] = np.nan
    with pytest.raises(NonFiniteError, match="'p' .*forward.* 1 of 24") as caught:
        net.forward(1)
    assert (caught.value.layer, caught.value.blob) == ("p", "p")


def test_errors_name_file_line_and_layer():
    with pytest.raises(LayerError, match=r"net\.prototxt:4: layer 'p'"):
        make(CHAIN.replace('bottom: "x"', 'bottom: "nowhere"'))


def test_quirk_is_told_once():
    from cnnvis_caffe.errors import CaffeQuirkWarning

    text = CHAIN.replace('bottom: "x" top: "p"', 'bottom: "x" top: "x"').replace(
        'bottom: "p" top: "p"', 'bottom: "x" top: "p"'
    )
    with pytest.warns(CaffeQuirkWarning) as caught:
        net = make(text)
        net.forward()
        net.backward()
    assert len(caught) == 1 and "layer 'p'" in str(caught[0].message)


def test_debug_info_is_logged(caplog):
    net = make("debug_info: true" + CONVOLUTIONS)
    blob(net, "x").data[...] = 1
    with caplog.at_level(logging.INFO, logger="cnnvis_caffe"):
        net.forward()
        net.backward()
    lines = [record.getMessage().strip() for record in caplog.records]
    assert any(line.startswith("[Forward] Layer c1, top blob c1 data: ") for line in lines)
    assert any(line.startswith("[Forward] Layer c1, param blob 1 data: 0") for line in lines)
    assert any(line.startswith("[Backward] Layer ip, bottom blob c2 diff: ") for line in lines)
    assert any(line.startswith("[Backward] Layer c1, param blob 0 diff: ") for line in lines)


def test_net_to_be_looked_at_needs_no_torch(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(CONVOLUTIONS)
    code = f"""
import sys
sys.modules["torch"] = None
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.runtime.net import Net
net = Net(read_network({str(path)!r}), schema.TEST, run=False)
print([blob.shape for blob in net.blobs][-2:], [blob.shape for blob in net.params.all][:2])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[(2, 3), ()] [(4, 3, 3, 3), (4,)]"


def test_net_to_be_looked_at_goes_past_unknown_layers():
    text = CHAIN + 'layer { name: "n" type: "Nonsense" bottom: "sum" top: "n" }'
    text += 'layer { name: "after" type: "ReLU" bottom: "n" top: "after" }'
    with pytest.raises(UnsupportedLayerError):
        make(text)
    net = make(text, run=False)
    assert len(net.problems) == 1 and "Nonsense" in net.problems[0]
    assert blob(net, "sum").shape == (2, 12)
    assert net.layer_names[-1] == "after"


@pytest.mark.parametrize("part", ["data", "diff"])
def test_views_of_before_a_pass(part, mode):
    """On a CPU they are live; on a GPU, as in Caffe, they show a pass when the blob is asked for them again."""
    net = make(CHAIN)
    top = net.blobs[-1]
    view = getattr(top, part)
    view[...] = -7
    net.blobs[0].data[...] = 1
    net.forward()
    top.grad = top.value + 1
    is_live = (view != -7).any()
    assert is_live == (mode == "cpu")
    again = getattr(top, part)
    assert (view == again).all() and (again != -7).all()
