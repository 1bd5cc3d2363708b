"""Who owns which parameter, who shares it, and how fast it learns."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import LayerError, ShapeError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

pytestmark = pytest.mark.usefixtures("mode")


def make(*specs, n_outs=None):
    """A net of InnerProducts over the same input, each with the ParamSpecs given as text."""
    layers = ['layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }']
    for index, spec in enumerate(specs):
        n_out = n_outs[index] if n_outs else 4
        filler = f'weight_filler {{ type: "constant" value: {index + 1} }}'
        layers.append(
            f'layer {{ name: "ip{index}" type: "InnerProduct" bottom: "x" top: "ip{index}" {spec} '
            f"loss_weight: 1 inner_product_param {{ num_output: {n_out} {filler} }} }}"
        )
    return Net(network_from_text("\n".join(layers)), schema.TEST)


def test_without_names_everybody_owns():
    table = make("", "param { lr_mult: 2 decay_mult: 0.5 }").params
    assert table.places == [(2, 0), (2, 1), (3, 0), (3, 1)]
    assert table.owners == [-1] * 4
    assert table.learnable == table.all
    assert table.lr_mults == [1, 1, 2, 1]
    assert table.decay_mults == [1, 1, 0.5, 1]
    assert table.display_names[2:] == [["0", "1"], ["0", "1"]]


def test_first_of_a_name_owns():
    table = make(
        'param { name: "w" }', "", 'param {} param { name: "b" }', 'param { name: "w" } param { name: "b" }'
    ).params
    assert table.owners == [-1, -1, -1, -1, -1, -1, 0, 5]
    assert table.learnable_ids == [0, 1, 2, 3, 4, 5, 0, 5]
    assert len(table.learnable) == 6
    assert table.display_names[-1] == ["w", "b"]


def test_sharers_have_the_owners_values_and_gradients():
    net = make('param { name: "w" }', 'param { name: "w" }', 'param { name: "w" }')
    weights = [layer.blobs[0] for layer in net.layers[2:]]
    assert all((blob.data == 1).all() for blob in weights), "the owner's filler has won"
    net.blobs[0].data[...] = 1
    net.forward()
    net.backward()
    assert all((blob.diff == 6).all() for blob in weights), "three layers, two images"
    weights[1].data[...] = 5
    assert all((blob.data == 5).all() for blob in weights)
    net.clear_param_diffs()
    assert not any(blob.diff.any() for blob in weights)


def test_strict_sharing_refuses_another_shape():
    with pytest.raises(ShapeError, match=r"'w'.*\(4, 3\).*'ip0'.*\(2, 3\)") as caught:
        make('param { name: "w" }', 'param { name: "w" }', n_outs=[4, 2])
    assert caught.value.layer == "ip1"


def test_permissive_sharing_refuses_another_count():
    with pytest.raises(ShapeError, match="number of values"):
        make('param { name: "w" }', 'param { name: "w" share_mode: PERMISSIVE }', n_outs=[4, 2])


def test_permissive_sharing_keeps_the_shapes():
    text = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "y" type: "Input" top: "y" input_param { shape { dim: 2 dim: 6 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" } inner_product_param { num_output: 4 } }
layer { name: "b" type: "InnerProduct" bottom: "y" top: "b" param { name: "w" share_mode: PERMISSIVE }
        inner_product_param { num_output: 2 } }
"""
    net = Net(network_from_text(text), schema.TEST)
    a, b = net.layers[2].blobs[0], net.layers[3].blobs[0]
    assert (a.shape, b.shape) == ((4, 3), (2, 6))
    b.data.flat = np.arange(12)
    assert a.data.ravel().tolist() == list(range(12))


@pytest.mark.parametrize("field", ["lr_mult", "decay_mult"])
def test_multipliers_must_agree(field):
    with pytest.raises(LayerError, match=f"'w' has {field} 3.*2"):
        make(f'param {{ name: "w" {field}: 2 }}', f'param {{ name: "w" {field}: 3 }}')


def test_whoever_gives_a_multiplier_first_decides():
    table = make(
        'param { name: "w" }', 'param { name: "w" lr_mult: 2 }', 'param { name: "w" lr_mult: 2 decay_mult: 0 }'
    ).params
    assert table.lr_mults[0] == 2
    assert table.decay_mults[0] == 0


def test_explicit_one_is_given_too():
    with pytest.raises(LayerError, match="lr_mult"):
        make('param { name: "w" lr_mult: 1 }', 'param { name: "w" lr_mult: 2 }')
