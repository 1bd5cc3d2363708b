"""Projections of a small residual net by whatever `import caffe` gives; written to standard output as npz.

It needs nothing but numpy and that caffe, so that it runs where a real Caffe lives.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile

import numpy as np

from cnnvis_caffe.features.explain.grad_cam import grad_cam
from cnnvis_caffe.features.explain.integrated_gradients import integrate
from cnnvis_caffe.features.explain.projections import project
from cnnvis_caffe.features.explain.way_back import RULES, WayBack

NET = """force_backward: true
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 11 dim: 13 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "bn1" }
layer { name: "scale1" type: "Scale" bottom: "bn1" top: "scale1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "scale1" top: "relu1" relu_param { negative_slope: 0.2 } }
layer { name: "conv2" type: "Convolution" bottom: "relu1" top: "conv2"
  convolution_param { num_output: 6 kernel_size: 3 pad: 1 group: 2 } }
layer { name: "sum" type: "Eltwise" bottom: "conv2" bottom: "relu1" top: "sum" }
layer { name: "relu2" type: "ReLU" bottom: "sum" top: "relu2" }
layer { name: "pool" type: "Pooling" bottom: "relu2" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "norm" type: "LRN" bottom: "pool" top: "norm" }
layer { name: "ip" type: "InnerProduct" bottom: "norm" top: "ip" inner_product_param { num_output: 5 } }
"""


def projections(caffe):
    """What the methods give for a score, by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.prototxt")
        with open(path, "w") as file:
            file.write(NET)
        net = caffe.Net(path, caffe.TEST)
    random = np.random.RandomState(7)
    for name, blobs in net.params.items():
        for blob in blobs:
            values = random.normal(0, 0.5, blob.data.shape)
            blob.data[...] = np.abs(values) + 0.5 if name == "bn1" else values
    images = random.normal(0, 1, (4, 3, 11, 13)).astype(np.float32)
    way = WayBack(net, "data", "ip", {"relu1": 0.2})
    result = {rule: project(way, images, 3, rule=rule)[0] for rule in RULES}
    result["cam"] = grad_cam(way, images, 3, None, "relu2")[0]
    result["integrated"] = integrate(way, images, 3, n_steps=5, batch=3)[0]
    return result


if __name__ == "__main__":
    os.environ.setdefault("GLOG_minloglevel", "2")
    import caffe

    archive = io.BytesIO()
    np.savez(archive, **projections(caffe))
    sys.stdout.buffer.write(archive.getvalue())
