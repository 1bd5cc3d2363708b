"""What the paper says: its observations, and the numbers of Tables 1 and 3 and of the transfer to Caltech-101."""

from __future__ import annotations

#: What is looked at, by the part of the study.
SAYS = {
    "figure_2": (
        "Figure 2: the strongest patches of a feature map are alike, and the higher the layer, the more they are of "
        "one kind of object: edges and colours, then textures, then parts of classes."
    ),
    "figure_4": (
        "Figure 4: lower layers converge within a few epochs; the features of upper layers settle only after many. A "
        "jump in a picture comes from another image that now has the strongest response."
    ),
    "figure_5": (
        "Figure 5: small transformations change the first layer much and the last one little. The network is stable "
        "under translation and scaling, and not under rotation."
    ),
    "figure_6": (
        "Figure 6: with a kernel of 11 and a stride of 4 the first layer has dead filters and a mix of very high and "
        "low frequencies, and the second layer shows aliasing; with a kernel of 7 and a stride of 2 both are less."
    ),
    "figure_7": (
        "Figure 7: hiding the object lowers the probability of its class and the activation of the strongest feature "
        "map; hiding the background does not."
    ),
    "table_1": (
        "Figure 8 and Table 1: hiding the same part of different images changes the features more alike than hiding "
        "random parts does, in layer 5; in layer 7, which tells breeds apart, the difference is small."
    ),
    "table_3": (
        "Table 3: removing the fully connected layers or two of the middle convolutions raises the error a little, "
        "removing both raises it very much: depth is what counts. Widths of the fully connected layers matter little."
    ),
    "transfer": (
        "Generalisation: features learned on ImageNet are worth far more on other data than those of a network without "
        "that training, and the more, the higher the layer."
    ),
}

#: Table 3, by the descriptions of variants: top-1 error in percent on training and validation images, for the paper's
#: copy of Krizhevsky et al.
TABLE_3 = {
    "original": (35.1, 40.5),
    "without conv3, conv4": (41.8, 45.4),
    "without fc7": (27.4, 40.0),
    "without fc6, fc7": (27.4, 44.8),
    "without conv3, conv4, fc6, fc7": (71.1, 71.3),
    "width fc6=48, fc7=48": (40.3, 41.7),  # 2048 of 4096 units
    "width fc6=192, fc7=192": (26.8, 40.0),  # 8192
}

#: Table 1: layer, part, mean and standard error of the change of signs.
TABLE_1 = (
    ("layer 5", "right eye", 0.067, 0.007),
    ("layer 5", "left eye", 0.069, 0.007),
    ("layer 5", "nose", 0.079, 0.017),
    ("layer 5", "random", 0.107, 0.017),
    ("layer 7", "right eye", 0.069, 0.015),
    ("layer 7", "left eye", 0.068, 0.013),
    ("layer 7", "nose", 0.069, 0.011),
    ("layer 7", "random", 0.073, 0.014),
)

#: Accuracy in percent on Caltech-101: images of a class, with ImageNet features, without.
CALTECH_101 = ((15, 83.8, 22.8), (30, 86.5, 46.5))

WHY_NO_NUMBER_AGREES = (
    "The paper's networks have 60 million weights and were trained on 1.3 million photographs of 1000 classes; ours "
    "have under half a million and know ten classes of small images. No absolute number can agree; what can be "
    "compared is which way a measure moves, and that is what the verdicts say.",
    "ImageNet is not here. MNIST and CIFAR-10 are each other's second data set in place of Caltech-101.",
    "The paper judges Figures 2, 4, 6 and 8 by eye. Here each is a number, said beside it.",
    "Table 1 needs the same part in different images. Here these are the ends of the strokes of digits, found by rule.",
    "Table 3: the paper trains for 70 passes over the images. The 1200 iterations here are less than one, to keep the "
    "study under an hour. A shallow network learns faster at first; what the paper saw at the end cannot show here.",
    "Figure 7 hides parts of digits behind a black square: on a black ground a grey one is a stroke of its own.",
    "Pooling and stride of a small first layer cannot be those of one for 224 pixels: Figure 6 is drawn on the study's "
    "small AlexNet without two of its poolings, with the paper's kernels and strides on images of 32 pixels.",
)
