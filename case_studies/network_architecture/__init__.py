"""Case study 1: depth and width of LeNet on MNIST."""
