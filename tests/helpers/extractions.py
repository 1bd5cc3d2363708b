"""Extractions of nets given as text or file, and ways to compare what comes out."""

from __future__ import annotations

import dataclasses

import numpy as np

from cnnvis_caffe.features.extraction import Extraction
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.network.rewrite import analysis_network, find_score
from cnnvis_caffe.pycaffe import Net
from cnnvis_caffe.runtime import net as runtime
from cnnvis_caffe.runtime.rng import set_random_seed

ENGINES = ("torch", "numpy")


class Analysed:
    """A net with all that an extraction needs; weights come from the fillers."""

    def __init__(self, text, engine="torch", seed=1):
        set_random_seed(seed)
        self.network = analysis_network(network_from_text(text))
        self.dag = build_dag(self.network)
        self.nodes = analysis_nodes(self.dag, self.network)
        self.net = Net.from_runtime(runtime.Net(self.network, schema.TEST))
        if engine == "numpy":
            self.net.reductions = None  # like real pycaffe, it has nothing but pycaffe's face
        self.score = self.dag.blob_name(find_score(self.dag))

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def extraction(self, **settings):
        names = {"input_name": "data", "label_name": "label", "score_name": self.score}
        n_classes = self.net.blobs[self.score].shape[1]
        return Extraction(
            self.net, self.nodes, ReceptiveFields(self.dag), **{**names, "n_classes": n_classes, **settings}
        )


def feed(extraction, images, labels, indices=None, batch=7):
    """Run images through in batches."""
    indices = np.arange(len(images)) if indices is None else np.asarray(indices)
    for first in range(0, len(indices), batch):
        some = indices[first : first + batch]
        extraction.update(images[some], labels[some], some)
    return extraction


def assert_same(a, b, rtol=1e-6, exact=("top_image", "top_box", "top_position", "top_response")):
    """Two extractions found the same."""
    np.testing.assert_allclose([a.loss, a.error], [b.loss, b.error], rtol)
    np.testing.assert_array_equal(a.class_count, b.class_count)
    assert a.n_images == b.n_images
    if a.confusion is not None:
        np.testing.assert_allclose(a.confusion, b.confusion)
    assert (a.cell_images is None) == (b.cell_images is None)
    if a.cell_images is not None:
        for name in ("row", "column", "image"):
            np.testing.assert_array_equal(getattr(a.cell_images, name), getattr(b.cell_images, name), name)
        np.testing.assert_allclose(a.cell_images.lead, b.cell_images.lead, rtol, rtol)
    for mine, theirs in zip(a.measures, b.measures):
        np.testing.assert_allclose([mine.overall, *mine.values], [theirs.overall, *theirs.values], rtol)
    assert list(a.features) == list(b.features)
    for name in a.features:
        first, second = a.features[name], b.features[name]
        for field in dataclasses.fields(first):
            x, y = getattr(first, field.name), getattr(second, field.name)
            if field.name in exact:
                np.testing.assert_array_equal(x, y, f"{name} {field.name}")
            elif x is None:
                assert y is None
            else:
                scale = np.nanmax(np.abs(x), initial=0)
                np.testing.assert_allclose(x, y, rtol, rtol * scale, err_msg=f"{name} {field.name}")
    for table in ("similarity", "correlation"):
        assert list(getattr(a, table)) == list(getattr(b, table))
        for name, x in getattr(a, table).items():
            np.testing.assert_allclose(x, getattr(b, table)[name], atol=20 * rtol, err_msg=f"{table} {name}")
    for name, x in a.connections.items():
        for field in dataclasses.fields(x):
            u, v = getattr(x, field.name), getattr(b.connections[name], field.name)
            if u is not None:
                np.testing.assert_allclose(u, v, rtol, rtol * np.abs(u).max(), err_msg=f"{name} {field.name}")
    for name, x in a.debug.items():
        np.testing.assert_allclose(dataclasses.astuple(x), dataclasses.astuple(b.debug[name]), rtol, err_msg=name)


#: A chain and a net with branches, small enough for loops; no two axes have the same length.
CHAIN = """
layer { name: 'in' type: 'Input' top: 'data' input_param { shape { dim: 2 dim: 3 dim: 10 dim: 8 } } }
layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'c'
        convolution_param { num_output: 6 kernel_size: 3 pad: 1 weight_filler { type: 'gaussian' std: 0.5 } } }
layer { name: 'relu' type: 'ReLU' bottom: 'c' top: 'c' }
layer { name: 'pool' type: 'Pooling' bottom: 'c' top: 'p' pooling_param { kernel_size: 3 stride: 2 } }
layer { name: 'fc' type: 'InnerProduct' bottom: 'p' top: 'fc'
        inner_product_param { num_output: 4 weight_filler { type: 'gaussian' std: 0.3 } } }
layer { name: 'prob' type: 'Softmax' bottom: 'fc' top: 'prob' }
"""
BRANCHES = """
layer { name: 'in' type: 'Input' top: 'data' input_param { shape { dim: 2 dim: 3 dim: 9 dim: 7 } } }
layer { name: 'stem' type: 'Convolution' bottom: 'data' top: 's'
        convolution_param { num_output: 4 kernel_size: 3 stride: 2 weight_filler { type: 'gaussian' std: 0.5 } } }
layer { name: 'stem_relu' type: 'ReLU' bottom: 's' top: 's' relu_param { negative_slope: 0.25 } }
layer { name: 'a' type: 'Convolution' bottom: 's' top: 'a'
        convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: 'gaussian' std: 0.5 } } }
layer { name: 'b' type: 'Convolution' bottom: 's' top: 'b' convolution_param {
        num_output: 6 kernel_size: 3 pad: 1 group: 2 weight_filler { type: 'gaussian' std: 0.5 } } }
layer { name: 'join' type: 'Concat' bottom: 'a' bottom: 'b' top: 'j' }
layer { name: 'short' type: 'Convolution' bottom: 's' top: 't'
        convolution_param { num_output: 8 kernel_size: 1 weight_filler { type: 'gaussian' std: 0.5 } } }
layer { name: 'sum' type: 'Eltwise' bottom: 'j' bottom: 't' top: 'sum' eltwise_param { coeff: 1 coeff: -0.5 } }
layer { name: 'sum_relu' type: 'ReLU' bottom: 'sum' top: 'sum' }
layer { name: 'fc' type: 'InnerProduct' bottom: 'sum' top: 'fc'
        inner_product_param { num_output: 5 weight_filler { type: 'gaussian' std: 0.3 } } }
"""


def rounded(net, step=0.125):
    """Round all weights, so that sums over whole-numbered images have no rounding and batches of any cut agree."""
    for blobs in net.params.values():
        for blob in blobs:
            blob.data[...] = np.round(blob.data / step) * step


def whole_numbers(shape, seed=0):
    """Images of small whole numbers."""
    return np.random.RandomState(seed).randint(-4, 5, shape).astype(np.float32)
