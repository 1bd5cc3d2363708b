"""What the small Faster R-CNN has in Python: regions from the scores of anchors."""
from __future__ import annotations

import ast

import caffe
import numpy as np


class Proposal(caffe.Layer):
    """The places with the best scores become regions of 16 x 16 pixels, moved by what is predicted for them."""

    def setup(self, bottom, top):
        settings = ast.literal_eval(self.param_str)
        self.stride, self.best = settings["feat_stride"], settings["best"]
        top[0].reshape(1, 5)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        n_anchors = bottom[0].channels // 2
        scores, width = bottom[0].data[0, n_anchors:], bottom[0].width
        moves = bottom[1].data[0].reshape(n_anchors, 4, -1)
        best = np.argsort(-scores.reshape(-1), kind="stable")[: self.best]
        anchor, place = np.divmod(best, scores[0].size)
        centre = np.stack([place % width, place // width], 1) * self.stride + moves[anchor, :2, place]
        top[0].reshape(len(best), 5)
        top[0].data[:, 0] = 0
        top[0].data[:, 1:] = np.clip(np.hstack([centre - 8, centre + 7]), 0, 31)

    def backward(self, top, propagate_down, bottom):
        pass
