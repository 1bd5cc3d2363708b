# %% [markdown]
# # A network in a notebook
#
# The network is the demo's: `cnnvis-caffe demo --folder demo --out picture.png` makes it in half a minute. What
# `cnnvis_caffe.api` returns shows itself: pictures as SVG, tables as HTML.

# %%
from __future__ import annotations

from cnnvis_caffe import api

analysis = api.open_analysis("demo/lenet_digits.cnnvis.h5")
analysis

# %% [markdown]
# ## The whole network
#
# Columns are layers, boxes are clusters of neurons, patches are what a neuron responds to most. Blue connections add,
# orange ones take away.

# %%
api.picture(analysis)

# %% [markdown]
# Any option of `cnnvis-caffe render` goes. Neurons by classes, for an earlier snapshot:

# %%
api.picture(analysis, facet="activations", snapshot=100, legend=False, size=(1000, 520))

# %% [markdown]
# ## One neuron

# %%
api.neurons(analysis, "conv1")

# %%
api.neuron_page(analysis, "conv2:17")

# %% [markdown]
# ## What stands out

# %%
api.findings(analysis)

# %%
api.layers(analysis)

# %%
api.chart(analysis, "loss")

# %% [markdown]
# ## What changed from the first snapshot to the last

# %%
api.compare(analysis)

# %% [markdown]
# ## Arrays
#
# Everything is there as numpy arrays. How alike are the neurons of `conv1`?

# %%
import numpy as np

likeness = analysis.snapshots[-1].similarity["conv1"]
pairs = likeness[np.triu_indices(len(likeness), 1)]
{"pairs": len(pairs), "above 0.95": int((pairs > 0.95).sum())}

# %% [markdown]
# ## Running the network
#
# With pycaffe's own names, on our runtime:

# %%
from cnnvis_caffe import datasets

net = api.load_net("prototxt/lenet/deploy.prototxt", "demo/snapshots/lenet_iter_600.caffemodel")
digits = datasets.load("digits", "test")
net.blobs["data"].reshape(len(digits.images), 1, 28, 28)
net.blobs["data"].data[...] = digits.images / 256
answers = net.forward()["prob"].argmax(axis=1)
float((answers == digits.labels).mean())

# %% [markdown]
# `api.train` trains, `api.analyze` analyses what came out: [reference](api.md).
