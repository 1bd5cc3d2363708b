"""What the paper gives: Tables 1 and 2 of Liu et al., "Towards Better Analysis of Deep CNNs", ICML 2016 demo."""

from __future__ import annotations

#: Error in percent and number of convolutional layers.
TABLE_1 = {"lenet": (0.87, 2), "deep_lenet": (1.00, 8)}

#: Error in percent, training loss, testing loss.
TABLE_2 = {
    "lenet_x4": (0.87, 5.93e-3, 2.55e-2),
    "lenet_x2": (0.86, 6.17e-3, 2.59e-2),
    "lenet": (0.87, 6.25e-3, 2.78e-2),
    "lenet_x0.5": (1.16, 9.80e-3, 3.41e-2),
    "lenet_x0.25": (1.36, 1.89e-2, 4.60e-2),
}

TITLES = {
    "lenet": "LeNet",
    "deep_lenet": "DeepLeNet",
    "lenet_x4": "LeNet ×4",
    "lenet_x2": "LeNet ×2",
    "lenet_x0.5": "LeNet ×0.5",
    "lenet_x0.25": "LeNet ×0.25",
}

NETS = ("lenet", "lenet_x0.25", "lenet_x0.5", "lenet_x2", "lenet_x4", "deep_lenet")

ASSUMPTIONS = (
    "DeepLeNet: each convolution of LeNet becomes four 5×5 convolutions with padding 2 and ReLU (20 and 50 channels), "
    "pooling after each four. The paper gives neither kernel size nor padding.",
    "Width ×w: the channels of conv1 and conv2 are multiplied and rounded to the nearest integer, halves down; "
    "×0.25 has 5 and 12. The paper says only that the number of neurons in the convolutional layers changes.",
    "All nets: the solver of Caffe's LeNet (SGD, 10,000 iterations of 64 images, base_lr 0.01, inv policy, "
    "momentum 0.9, weight decay 0.0005), Xavier fillers. The paper names the solver for none of the variants.",
    "Training loss: mean over all 60,000 training images in the TEST phase at the end.",
    "Two neurons are redundant where the cosine of their mean activations over the images is above 0.95; the paper "
    "judges by eye.",
)
OPEN_QUESTIONS = (
    "How many seeds the paper's Tables 1 and 2 stand on; they have no spread.",
    "Whether DeepLeNet has a ReLU after each convolution of the stack, as here, or after each stack.",
)
