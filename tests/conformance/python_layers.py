"""Layers for the Python cases; they run under real Caffe and under ours alike."""

from __future__ import annotations

import importlib
import sys

import numpy as np

# Where our runtime is loaded, real Caffe is not what is being tested.
caffe = sys.modules.get("cnnvis_caffe.pycaffe") or importlib.import_module("caffe")


class Multiply(caffe.Layer):
    """Multiplies by param_str."""

    def setup(self, bottom, top):
        self.factor = float(self.param_str)

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.factor * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            bottom[0].diff[...] = self.factor * top[0].diff


class Affine(caffe.Layer):
    """A factor for each column, and one number added."""

    def setup(self, bottom, top):
        self.blobs.add_blob(bottom[0].shape[1])
        self.blobs.add_blob()
        self.blobs[0].data[...] = 2

    def reshape(self, bottom, top):
        top[0].reshape(bottom[0].num, bottom[0].channels)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data * self.blobs[0].data + self.blobs[1].data

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += (top[0].diff * bottom[0].data).sum(0)
        self.blobs[1].diff[...] += top[0].diff.sum()
        if propagate_down[0]:
            bottom[0].diff[...] = top[0].diff * self.blobs[0].data


class SquareSum(caffe.Layer):
    """Half the sum of squares: a loss."""

    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape()

    def forward(self, bottom, top):
        top[0].data[...] = np.square(bottom[0].data).sum() / 2

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = top[0].diff * bottom[0].data


class Phase(caffe.Layer):
    """Shows its phase, and where no param_str was given, its length."""

    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(2)

    def forward(self, bottom, top):
        top[0].data[...] = self.phase, len(self.param_str)


class Routes(caffe.Layer):
    """Two bottoms, three tops: sum, difference, and the numbers of blobs."""

    def setup(self, bottom, top):
        self.counts = len(bottom), len(top)

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)
        top[1].reshape(*bottom[0].shape)
        top[2].reshape(2)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data + bottom[1].data
        top[1].data[...] = bottom[0].data - bottom[1].data
        top[2].data[...] = self.counts

    def backward(self, top, propagate_down, bottom):
        for index, sign in ((0, 1), (1, -1)):
            if propagate_down[index]:
                bottom[index].diff[...] = top[0].diff + sign * top[1].diff


class Look(caffe.Layer):
    """Looks at its bottom and changes it, since nothing keeps it from doing so."""

    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        bottom[0].data[...] += 1
