"""The package ``caffe.proto``, which holds `caffe_pb2`."""

from __future__ import annotations
