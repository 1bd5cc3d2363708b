"""What the paper gives: Table 3 of Liu et al., "Towards Better Analysis of Deep CNNs", and what its expert saw."""

from __future__ import annotations

#: Slope to error in percent and standard deviation over five seeds; None where training failed.
TABLE_3: dict[float, tuple[float, float] | None] = {
    0.0: (11.45, 0.33),
    0.01: (11.12, 0.19),
    0.05: (10.78, 0.23),
    0.1: (10.35, 0.12),
    0.15: (10.07, 0.09),
    0.2: (10.18, 0.16),
    0.24: (10.11, 0.10),
    0.25: None,
    0.3: None,
}
N_SEEDS = 5

ASSUMPTIONS = (
    "BaseCNN has the paper's ten convolutions in groups of 2, 2, 3, 3 with 96, 128, 256, 512 channels, maximum pooling "
    "after each group, and two inner products. The paper gives neither kernels (3×3, padding 1 here), nor fc5's width "
    "(512), dropout (0.5 after fc5), initialization (msra), preprocessing (mean image, factor 1/64), augmentation "
    "(mirrored at random), nor the solver (SGD, momentum 0.9, weight decay 0.0005, rate 0.01 that falls to a tenth "
    "after 62.5% and after 87.5% of the iterations).",
    "The slope is that of all eleven rectifiers, and everything else stays as it is. Caffe's msra filler takes ReLU "
    "for granted, whatever the slope.",
    "Full width: 32,000 iterations of 128 images. A quarter of the width (24, 32, 64, 128 channels, 128 units in fc5): "
    "2,400 iterations of 64 images, three passes over the training images; a study of its own.",
    "Neurons are counted on 2,000 training images. Dead: the input of its rectifier is at most zero at every position "
    "of all of them. Redundant: groups that are alike beyond a cosine and a correlation of 0.95, less one neuron each.",
)
OPEN_QUESTIONS = (
    "Which solver and learning rate the paper used: how large a slope can be depends on it, as the map shows.",
    "What the paper calls failing: a loss that is not a number, or a net that guesses.",
    "Whether its expert's dead neurons were dead on the whole training set or on a part of it.",
)
