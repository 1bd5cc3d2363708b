"""Explanations of one image, or a few: projections, hidden squares, transformed images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

#: Methods that explain an activation, and what each shows.
METHODS = {
    "gradient": "how the activation changes with each pixel",
    "deconvnet": "the activation projected back through a deconvnet",
    "guided": "guided backpropagation: the gradient, without what lowers activations on the way",
    "grad-cam": "where the evidence lies, by the maps of a convolution",
    "integrated": "integrated gradients: how much each pixel gives to the activation",
}


@dataclass(frozen=True, eq=False)
class SeenImage:
    """An image as the network saw it, and what it said.

    Attributes
    ----------
    name : str
        Its file, or its place in the source.
    pixels : ndarray of shape (H, W, 3), uint8
        RGB, in the network's geometry.
    label : int
        The true class; -1 where it is not known.
    probabilities : ndarray of shape (n_classes,), float32
        Empty for networks without scores of a whole image.
    class_names : tuple of str
    """

    name: str
    pixels: np.ndarray
    label: int
    probabilities: np.ndarray
    class_names: tuple[str, ...]

    def best(self, n: int) -> list[tuple[int, float]]:
        """Return the most probable classes, with their probabilities."""
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(int(one), float(self.probabilities[one])) for one in order]


@dataclass(frozen=True, eq=False)
class GivenImage:
    """An image that a user gives to a network.

    Attributes
    ----------
    name : str
        What people call it.
    path : str
        Its file; empty where `pixels` are given.
    pixels : ndarray of shape (H, W, 3), uint8, or None
        RGB.
    is_fitted : bool
        Whether the pixels have the network's geometry already, as the images that an analysis keeps.
    label : int
        The true class; -1 where it is not known.
    """

    name: str
    path: str = ""
    pixels: np.ndarray | None = None
    is_fitted: bool = False
    label: int = -1


@dataclass(frozen=True, eq=False)
class Reaction:
    """What a network does with one image.

    Attributes
    ----------
    image : SeenImage
        Its probabilities are empty unless the network tells classes apart.
    kind : {"classes", "labels", "numbers", "pixels", ""}
        What the answers are: probabilities that add up to 1, one probability each, plain numbers, shares of the pixels
        whose largest score is that of the class, or nothing.
    answers : ndarray of shape (n,), float32
    names : tuple of str
        Of the answers.
    peaks : mapping of str to ndarray of shape (n_neurons,), float32
        The largest activation of each neuron, by node.
    preparation : str
        What was done to the image, in words.
    """

    image: SeenImage
    kind: str
    answers: np.ndarray
    names: tuple[str, ...]
    peaks: Mapping[str, np.ndarray]
    preparation: str = ""


@dataclass(frozen=True, eq=False)
class Explanation:
    """An activation explained by the pixels of one image.

    Attributes
    ----------
    method : str
        "gradient", "deconvnet", "guided", "grad-cam" or "integrated"; or "activation", the neuron's own map.
    node : str
        Layer of the neuron.
    neuron : int
    position : tuple of int
        Row and column in the layer; empty for layers without positions.
    activation : float
    values : ndarray of shape (C, H, W), float32
        One for each value that the network takes; of maps of shape (1, H, W), stretched over the image.
    picture : ndarray of shape (H, W, 3), uint8, or None
        A projection as people look at it; None for maps, which are drawn in colours.
    note : str
        What must be said beside it; empty for nothing.
    """

    method: str
    node: str
    neuron: int
    position: tuple[int, ...]
    activation: float
    values: np.ndarray
    picture: np.ndarray | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Explained:
    """An image and the explanations of one activation.

    Attributes
    ----------
    title : str
        Of the network.
    image : SeenImage
    target : str
        What is explained, in words.
    explanations : tuple of Explanation
        One for each method.
    """

    title: str
    image: SeenImage
    target: str
    explanations: tuple[Explanation, ...]


@dataclass(frozen=True, eq=False)
class Occlusion:
    """The probabilities of classes and a feature map, for each place of a square that hides a part of an image.

    Attributes
    ----------
    boxes : ndarray of shape (n_rows, n_columns, 4), int64
        The squares: y0, x0, y1, x1 in pixels of the network's input, half open.
    label : int
        The class that is followed.
    probability : ndarray of shape (n_rows, n_columns), float32
        Of that class.
    most_probable : ndarray of shape (n_rows, n_columns), int64
        The most probable class.
    whole : ndarray of shape (n_classes,), float32
        Probabilities of the whole image.
    layer : str
        Of the feature map; empty for none.
    strongest_map : int
        Its number; -1 for none.
    activation : ndarray of shape (n_rows, n_columns), float32
        Its activation, summed over its positions.
    whole_activation : float
        The same on the whole image.
    """

    boxes: np.ndarray
    label: int
    probability: np.ndarray
    most_probable: np.ndarray
    whole: np.ndarray
    layer: str
    strongest_map: int
    activation: np.ndarray
    whole_activation: float


@dataclass(frozen=True, eq=False)
class Invariance:
    """How far features and probabilities move when images are transformed.

    Attributes
    ----------
    kind : {"translation", "scale", "rotation"}
    amounts : ndarray of shape (n_amounts,), float64
        Pixels down, factors, or degrees anticlockwise.
    layers : tuple of str
    distance : ndarray of shape (n_layers, n_amounts, n_images), float32
        Euclidean distance of the layer's activations from those of the image as it is, by the length of these.
    probability : ndarray of shape (n_amounts, n_images), float32
        Of the true class.
    labels : ndarray of shape (n_images,), int64
        The true classes.
    """

    kind: str
    amounts: np.ndarray
    layers: tuple[str, ...]
    distance: np.ndarray
    probability: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class OccludedImage:
    """An image, and the effect of hiding its parts.

    Attributes
    ----------
    title : str
        Of the network.
    image : SeenImage
    occlusion : Occlusion
    projection : ndarray of shape (H, W, 3), uint8, or None
        The followed feature map's largest activation, projected back to the pixels; None without a feature map.
    """

    title: str
    image: SeenImage
    occlusion: Occlusion
    projection: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Correspondence:
    """Whether hiding the same part of different images changes their features alike.

    Attributes
    ----------
    title : str
        Of the network.
    parts : tuple of str
    layers : tuple of str
    distance : ndarray of shape (n_layers, n_parts, n_pairs), float64
        For each two images the share of a layer's activations whose change has not the same sign.
    control : ndarray of shape (n_layers, n_random, n_pairs), float64
        The same for parts at random places.
    n_images : int
    """

    title: str
    parts: tuple[str, ...]
    layers: tuple[str, ...]
    distance: np.ndarray
    control: np.ndarray
    n_images: int

    @property
    def rows(self) -> list[tuple[str, str, float, float]]:
        """Layer, part, mean over the pairs of images and its standard error; "random" is the control."""
        result = []
        for number, layer in enumerate(self.layers):
            named = [*zip(self.parts, self.distance[number]), ("random", self.control[number].ravel())]
            for part, values in named:
                error = float(values.std() / np.sqrt(values.size))
                result.append((layer, part, float(values.mean()), error))
        return result


@dataclass(frozen=True, eq=False)
class Transfer:
    """How well the features of each layer tell the classes of another data set apart.

    Attributes
    ----------
    title : str
        Of the network.
    train, test : str
        The data set.
    layers : tuple of str
        The first one is the images themselves.
    per_class : tuple of int
        Images of each class that the classifier learned from.
    accuracy : ndarray of shape (n_layers, n_counts, n_repeats), float64
        Share of the test images that it got right.
    n_classes, n_test : int
    """

    title: str
    train: str
    test: str
    layers: tuple[str, ...]
    per_class: tuple[int, ...]
    accuracy: np.ndarray
    n_classes: int
    n_test: int
