"""Caffe nets executed on PyTorch: blobs, layers, nets, fillers and random streams."""
