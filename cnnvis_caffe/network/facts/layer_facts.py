"""The columns of the table of layer types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnvis_caffe.network.facts import channel_counts, neuron_links, product_counts, receptive_field_rules
from cnnvis_caffe.network.facts import settings_in_words as settings_rules
from cnnvis_caffe.network.facts.channel_counts import ChannelRule
from cnnvis_caffe.network.facts.neuron_links import LinkRule, NoNeuronsRule
from cnnvis_caffe.network.facts.product_counts import ProductRule
from cnnvis_caffe.network.facts.receptive_field_rules import FieldRule
from cnnvis_caffe.network.facts.settings_in_words import SettingsRule


@dataclass(frozen=True)
class LayerFacts:
    """What the toolkit knows of a layer type, besides what its runtime file computes.

    The defaults are right for a type that nobody knows: its receptive field is the whole image, and connections
    between neurons end there.

    Attributes
    ----------
    receptive_field : callable
        Which part of its bottoms each position of a top depends on; see `receptive_field_rules`.
    settings : callable
        What is special about it, in a few words; see `settings_in_words`.
    word : str
        What a picture calls it; empty for its type.
    products : callable
        Multiply-adds of a forward pass; see `product_counts`.
    memory : {"own", "bottom", "bottom if alone"}
        Whose memory the tops use. "bottom if alone": that of the bottom where there is one bottom and one top.
    role : {"weights", "rectifier", "activation", "pooling", "normalization", "merge", "other"}
        What it is in the picture. Rectifiers are ReLU (leaky too) and PReLU.
    link : callable
        How neurons of a top come from those of the bottoms; see `neuron_links`.
    no_neurons : callable
        Why a top has no neurons, by its shape and number; see `neuron_links`.
    has_axes_of_its_own : bool
        The axes of a top mean what the layer says. Of other layers they mean what they mean in the first bottom.
    is_recurrent : bool
        The first axis is time.
    value_range : (float, float) or None
        What the activations cannot leave, for units that saturate at both ends.
    way_back : {"gradient", "rectified", "unchanged"}
        How a deconvnet's projection to the image passes it: by its own gradient, through a rectifier (in guided
        backpropagation, too), or as if it were not there; see `features.explain.projections`.
    is_loss : bool
        It computes a loss.
    second_bottom : {"", "classes", "targets"}
        What it compares the first bottom with: the number of a class, or values; empty where it compares nothing.
    answer : str
        For a loss, the type of the layer that it has inside and that people look at when the network is used.
    task : str
        For a loss, the name of the task that a network with it is trained for: see `records.task`.
    handles_boxes : bool
        It makes boxes of what others give, or compares it with boxes.
    gives_boxes : bool
        Its top holds the boxes that are found, as people look at them.
    probabilities : {"", "softmax", "sigmoid"}
        For a loss, what makes probabilities of that output; empty where it has them already, or has none.
    reads_scores : bool
        Its first bottom holds the scores of the classes.
    judges_scores : bool
        It judges or discards scores. Pictures leave it out at the end of a network; they leave out losses, too.
    is_analysed : bool
        An analysis keeps it. False: it computes nothing that an analysis looks at, and cannot run backward.
    is_deployed : bool
        A network that is used keeps it. False: it only scores, writes or ends something.
    learns : bool
        It has parameters that are learned.
    is_wrong_in_place : bool
        Caffe gives wrong results where it works in place.
    source : {"", "input", "images", "arrays", "memory", "constants", "parameter"}
        What it brings into a network: blobs fed by hand, images or arrays from disk, images from memory, values from
        fillers, a parameter. Empty for layers that compute.
    source_settings : str
        Name of the settings that say what it reads from disk.
    labels : {"", "numbers", "boxes", "masks"}
        What its second top holds beside the images: one number an image, boxes in number as they come, or a mask for
        each image.
    size_settings : str
        Name of the settings that hold its number of outputs, its kernel and its stride, where these can be changed.
    channels_written, channels_read : callable
        Channels of the first top and bottom where shapes are not known; see `channel_counts`.
    """

    receptive_field: FieldRule = receptive_field_rules.unknown
    settings: SettingsRule = settings_rules.nothing
    word: str = ""
    products: ProductRule = product_counts.none
    memory: str = "own"
    role: str = "other"
    link: LinkRule = neuron_links.other
    no_neurons: NoNeuronsRule = neuron_links.has_neurons
    has_axes_of_its_own: bool = False
    is_recurrent: bool = False
    value_range: tuple[float, float] | None = None
    way_back: str = "gradient"
    is_loss: bool = False
    second_bottom: str = ""
    answer: str = ""
    task: str = ""
    handles_boxes: bool = False
    gives_boxes: bool = False
    probabilities: str = ""
    reads_scores: bool = False
    judges_scores: bool = False
    is_analysed: bool = True
    is_deployed: bool = True
    learns: bool = False
    is_wrong_in_place: bool = False
    source: str = ""
    source_settings: str = ""
    labels: str = ""
    size_settings: str = ""
    channels_written: ChannelRule = channel_counts.unknown
    channels_read: ChannelRule = channel_counts.unknown

    @property
    def reads_data(self) -> bool:
        """Whether it reads images or arrays, and labels, from somewhere."""
        return self.source in ("images", "arrays", "memory")

    @property
    def is_on_disk(self) -> bool:
        """Whether what it reads lies on disk."""
        return self.source in ("images", "arrays")

    @property
    def knows_its_shapes(self) -> bool:
        """Whether its settings say the shape of every top."""
        return self.source in ("input", "memory", "constants")

    def describe(self, layer: Any) -> str:
        """Return the settings of a layer that a reader wants to know.

        Parameters
        ----------
        layer : LayerParameter

        Returns
        -------
        str
            Such as "64 of 7x7/2 pad 3" (64 filters of 7x7 with stride 2); empty where there is nothing to say.
        """
        return " ".join(words for words in self.settings(layer) if words)
