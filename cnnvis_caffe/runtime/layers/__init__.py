"""One file per layer type of Caffe 1.0."""
