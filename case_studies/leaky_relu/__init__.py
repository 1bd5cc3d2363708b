"""Case study 2: leaky ReLU in a deep net on CIFAR-10."""
