"""Measurements of this package beside its peers: real Caffe, plain PyTorch, OpenCV."""
