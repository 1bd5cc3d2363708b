"""Every limit of the rules, in one place and with its reason.

Calibrated so that LeNets trained well from five seeds give no severe finding and at most one mild one each, and so
that what the papers saw in their case studies is found.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnvis_caffe.readings.redundant import CORRELATION, SIMILARITY


@dataclass(frozen=True)
class Thresholds:
    """When something is worth pointing at; shares are between 0 and 1.

    Attributes
    ----------
    dead_mild, dead_severe : float
        Share of a layer's neurons that never fire. LeNets have none; the paper's example, 12 of 256 neurons, is
        4.7% and cost more than a point of error, so that severe starts below it.
    redundant_similarity : float
        Cosine similarity above which two neurons do the same (DEFINITIONS, "Redundant pair").
    redundant_correlation : float
        Their correlation must be as high too: activations after a ReLU are never negative, so that their cosine
        alone is large even where they vary independently.
    redundant_mild, redundant_severe : float
        Share of a layer's neurons that could be left out because another one does the same. First layers of good
        LeNets reach 0.35, as those of LeNet x4 do.
    redundant_least : int
        Fewer neurons than this that could go are not worth a word: 7 of LeNet's 20, unlike 29 of LeNet x4's 80.
    one_sign : float
        Share of the strength of one sign in a layer's connections. Trained LeNets lie between 0.39 and 0.60, and
        20 connections drawn by chance between 0.2 and 0.8 in 99 of 100 layers.
    one_sign_count : float
        As many of the connections have to be of that sign, so that a few strong ones do not decide.
    one_sign_connections : int
        A layer with fewer connections says nothing.
    disconnected : float
        Strength of a cluster or neuron by the mean of its column (DEFINITIONS, "Disconnected").
    disconnected_severe : float
        Share of a layer's neurons without connections from which on it is severe; as for dead neurons.
    break_mild, break_severe : float
        Factor between the relative changes of neighbouring convolutions. In good nets they stay within 3 of each
        other; inner products differ by as much as 5 from each other and are not judged.
    break_beyond : float
        The step is also as many times larger (in logarithm) than the median one, so that a steady rise along the
        layers is none.
    stopped : float
        Relative change of a layer by the median of the others below which it stands still.
    gradient_mild, gradient_severe : float
        Factor between the mean gradients of the first and the last layers. LeNets stay within 50.
    gradient_large : float
        Mean gradient by mean weight above which one step at a learning rate of 0.01 is as large as the weights.
        cifar10_full, whose last weights are kept tiny by decay, reaches 15.
    chance_error : float
        An error within this of guessing counts as guessing; three standard deviations of 1,000 images.
    chance_loss : float
        A loss within this share of log(number of classes), or above, counts as guessing.
    learned_share : float
        Share of the way from guessing to perfect up to which an answer of another task than classes is guessed. Areas
        under the curve of 500 images vary by 0.025 by chance, which is 0.05 of that way.
    worse_share : float
        As far beyond guessing, an answer is worse than that.
    order_error, order_kept : float
        Labels are in another order if the error is at least the first, and another order leaves no more than the second
        as a share of it. Networks that were trained well leave less than a tenth; those that guess, nine tenths.
    constant : float
        Share of the spread of the scores that differs between images below which the output is constant.
    saturated : float
        Mean activation by the largest possible one from which on a sigmoid or tanh never moves.
    saturated_mild, saturated_severe : float
        Share of a layer's neurons that are saturated.
    class_least : int
        A class with fewer images is not judged.
    wide : float
        Effective rank by number of neurons below which a layer is wider than it uses. LeNet's widest layer has
        0.045.
    wide_least : int
        A layer with fewer neurons is not called wide.
    narrow : float
        Effective rank by number of neurons above which every neuron goes its own way.
    narrow_least : int
        A layer with fewer neurons is not called narrow.
    few_images : int
        With fewer images what never fires may only lack its image; this is said, and it is never severe.
    most_alike : int
        Of one rule, the strongest as many findings are told one by one; what is left is one more finding.
    """

    dead_mild: float = 0.005
    dead_severe: float = 0.04
    redundant_similarity: float = SIMILARITY
    redundant_correlation: float = CORRELATION
    redundant_mild: float = 0.3
    redundant_severe: float = 0.6
    redundant_least: int = 10
    one_sign: float = 0.85
    one_sign_count: float = 0.7
    one_sign_connections: int = 20
    disconnected: float = 0.01
    disconnected_severe: float = 0.04
    break_mild: float = 4.0
    break_severe: float = 10.0
    break_beyond: float = 3.0
    stopped: float = 0.01
    gradient_mild: float = 1e3
    gradient_severe: float = 1e5
    gradient_large: float = 100.0
    chance_error: float = 0.03
    chance_loss: float = 0.02
    learned_share: float = 0.05
    worse_share: float = 0.2
    order_error: float = 0.3
    order_kept: float = 0.5
    constant: float = 1e-3
    saturated: float = 0.98
    saturated_mild: float = 0.02
    saturated_severe: float = 0.2
    class_least: int = 20
    wide: float = 0.015
    wide_least: int = 64
    narrow: float = 0.9
    narrow_least: int = 8
    few_images: int = 200
    most_alike: int = 6


DEFAULT = Thresholds()
