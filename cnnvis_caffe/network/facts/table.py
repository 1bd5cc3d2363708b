"""The table of layer types: one row for each type of Caffe 1.0 and of its forks."""

from __future__ import annotations

from cnnvis_caffe.network.facts import channel_counts as channels
from cnnvis_caffe.network.facts import neuron_links as link
from cnnvis_caffe.network.facts import product_counts as products
from cnnvis_caffe.network.facts import receptive_field_rules as sees
from cnnvis_caffe.network.facts import settings_in_words as words
from cnnvis_caffe.network.facts.layer_facts import LayerFacts

FACTS: dict[str, LayerFacts] = {
    # -- data --------------------------------------------------------------------------------------------------------
    "Data": LayerFacts(
        sees.nothing, words.source("data_param"), source="images", source_settings="data_param", labels="numbers"
    ),
    "DummyData": LayerFacts(sees.nothing, source="constants"),
    "HDF5Data": LayerFacts(
        sees.nothing, words.source("hdf5_data_param"), source="arrays", source_settings="hdf5_data_param"
    ),
    "ImageData": LayerFacts(
        sees.nothing,
        words.source("image_data_param"),
        source="images",
        source_settings="image_data_param",
        labels="numbers",
    ),
    "Input": LayerFacts(sees.nothing, source="input"),
    "MemoryData": LayerFacts(sees.nothing, source="memory", labels="numbers"),
    "Parameter": LayerFacts(sees.nothing, no_neurons=link.parameter, learns=True, source="parameter"),
    "WindowData": LayerFacts(
        sees.nothing,
        words.source("window_data_param"),
        source="images",
        source_settings="window_data_param",
        labels="numbers",
    ),
    # Of forks. The runtime has none of them, but shapes can be told from their settings.
    "AnnotatedData": LayerFacts(labels="boxes"),
    "BoxData": LayerFacts(labels="boxes"),
    "DenseImageData": LayerFacts(labels="masks"),
    "DetectData": LayerFacts(labels="boxes"),
    "ImageDimSegData": LayerFacts(labels="masks"),
    "ImageSegData": LayerFacts(labels="masks"),
    "SegData": LayerFacts(labels="masks"),
    # -- weights -----------------------------------------------------------------------------------------------------
    "Convolution": LayerFacts(
        sees.convolution,
        words.convolution,
        word="convolution",
        products=products.convolution,
        role="weights",
        link=link.convolution,
        learns=True,
        size_settings="convolution_param",
        channels_written=channels.convolution_writes,
        channels_read=channels.convolution_reads,
    ),
    "Deconvolution": LayerFacts(
        sees.convolution,
        words.convolution,
        products=products.deconvolution,
        role="weights",
        link=link.convolution,
        learns=True,
        size_settings="convolution_param",
        channels_written=channels.convolution_writes,
        channels_read=channels.deconvolution_reads,
    ),
    "Embed": LayerFacts(sees.pointwise, words.embed, no_neurons=link.embedded, learns=True),
    "InnerProduct": LayerFacts(
        sees.inner_product,
        words.inner_product,
        word="fully connected",
        products=products.inner_product,
        role="weights",
        link=link.inner_product,
        learns=True,
        size_settings="inner_product_param",
        channels_written=channels.inner_product_writes,
    ),
    "MarginInnerProduct": LayerFacts(sees.whole),
    # -- recurrent ---------------------------------------------------------------------------------------------------
    "ContinuationIndicator": LayerFacts(sees.nothing),
    "LSTM": LayerFacts(
        sees.whole,
        words.recurrent,
        products=products.lstm,
        no_neurons=link.recurrent_top,
        is_recurrent=True,
        learns=True,
    ),
    "LSTMUnit": LayerFacts(sees.whole, no_neurons=link.recurrent_top, is_recurrent=True),
    "Lstm": LayerFacts(sees.whole),
    "RNN": LayerFacts(
        sees.whole,
        words.recurrent,
        products=products.rnn,
        no_neurons=link.recurrent_top,
        is_recurrent=True,
        learns=True,
    ),
    # -- value by value ----------------------------------------------------------------------------------------------
    "AbsVal": LayerFacts(sees.pointwise, role="activation", link=link.identity),
    "BN": LayerFacts(sees.pointwise),
    "BNLL": LayerFacts(sees.pointwise, role="activation", link=link.identity),
    "Clip": LayerFacts(sees.pointwise, words.clip, role="activation", link=link.identity, way_back="rectified"),
    "Dropout": LayerFacts(sees.pointwise, words.dropout("dropout_param"), link=link.identity, way_back="unchanged"),
    "ELU": LayerFacts(sees.pointwise, role="activation", link=link.identity, way_back="rectified"),
    "Exp": LayerFacts(sees.pointwise, role="activation", link=link.identity),
    "Log": LayerFacts(sees.pointwise, role="activation", link=link.identity),
    "PReLU": LayerFacts(
        sees.pointwise,
        products=products.one_per_value,
        role="rectifier",
        link=link.identity,
        way_back="rectified",
        learns=True,
    ),
    "Power": LayerFacts(sees.pointwise, words.power, role="activation", link=link.power),
    "ReLU": LayerFacts(sees.pointwise, words.relu, role="rectifier", link=link.identity, way_back="rectified"),
    "ReLU6": LayerFacts(sees.pointwise, way_back="rectified"),
    "Sigmoid": LayerFacts(sees.pointwise, role="activation", link=link.identity, value_range=(0.0, 1.0)),
    "SpatialDropout": LayerFacts(
        sees.pointwise, words.dropout("spatial_dropout_param"), link=link.identity, way_back="unchanged"
    ),
    "Split": LayerFacts(sees.pointwise, memory="bottom"),
    "Swish": LayerFacts(sees.pointwise, role="activation", link=link.identity, way_back="rectified"),
    "TanH": LayerFacts(sees.pointwise, role="activation", link=link.identity, value_range=(-1.0, 1.0)),
    "Threshold": LayerFacts(sees.pointwise, role="activation", link=link.identity),
    # -- pooling, and regions of an image ----------------------------------------------------------------------------
    "Im2col": LayerFacts(sees.im2col, words.convolution),
    "Proposal": LayerFacts(handles_boxes=True),
    "PSROIPooling": LayerFacts(sees.whole, handles_boxes=True),
    "Pooling": LayerFacts(
        sees.pooling,
        words.pooling,
        role="pooling",
        link=link.pooling,
        no_neurons=link.pooled,
        size_settings="pooling_param",
    ),
    "ROIPooling": LayerFacts(sees.whole, handles_boxes=True),
    "SPP": LayerFacts(sees.whole, words.spp, role="pooling"),
    # -- normalization -----------------------------------------------------------------------------------------------
    "BatchNorm": LayerFacts(
        sees.batch_norm,
        words.batch_norm,
        products=products.one_per_value,
        role="normalization",
        link=link.batch_norm,
        learns=True,
    ),
    "Bias": LayerFacts(sees.operand, words.axis("bias_param"), role="normalization", link=link.bias, learns=True),
    "LRN": LayerFacts(
        sees.lrn,
        words.lrn,
        role="normalization",
        link=link.identity,
        way_back="unchanged",
        is_wrong_in_place=True,
    ),
    "MVN": LayerFacts(sees.mvn, role="normalization", link=link.identity),
    "Normalize": LayerFacts(sees.normalize),
    "Scale": LayerFacts(
        sees.operand,
        words.scale,
        products=products.one_per_value,
        role="normalization",
        link=link.scale,
        learns=True,
    ),
    # -- joining, cutting and moving ---------------------------------------------------------------------------------
    "Axpy": LayerFacts(sees.axpy),
    "BatchReindex": LayerFacts(sees.picked, no_neurons=link.other_images),
    "Concat": LayerFacts(
        sees.concat,
        words.axis("concat_param"),
        word="concat",
        memory="bottom if alone",
        role="merge",
        link=link.concat,
    ),
    "Crop": LayerFacts(sees.crop, words.crop, link=link.crop),
    "Eltwise": LayerFacts(
        sees.pointwise, words.eltwise, word="sum", role="merge", link=link.eltwise, is_wrong_in_place=True
    ),
    "Filter": LayerFacts(sees.picked, no_neurons=link.other_images),
    "Flatten": LayerFacts(sees.reshaped, words.axis("flatten_param"), memory="bottom", link=link.reshaped),
    "Interp": LayerFacts(sees.whole),
    "Permute": LayerFacts(sees.whole, words.permute),
    "Python": LayerFacts(sees.unknown, words.python, has_axes_of_its_own=True),
    "Reduction": LayerFacts(sees.reduction, words.reduction),
    "Reorg": LayerFacts(sees.whole),
    "Reshape": LayerFacts(sees.reshaped, words.reshape, memory="bottom", link=link.reshaped, has_axes_of_its_own=True),
    "Reverse": LayerFacts(sees.whole),
    "ShuffleChannel": LayerFacts(sees.shuffled),
    "Slice": LayerFacts(sees.slice_, words.slice_, memory="bottom if alone", link=link.slice_),
    "Tile": LayerFacts(sees.tile, words.tile, link=link.tile),
    "Transpose": LayerFacts(sees.whole),
    "Upsample": LayerFacts(sees.whole),
    # -- losses ------------------------------------------------------------------------------------------------------
    "CTCLoss": LayerFacts(sees.whole, is_loss=True),
    "CenterLoss": LayerFacts(sees.whole, is_loss=True),
    "ContrastiveLoss": LayerFacts(sees.whole, words.contrastive_loss, is_loss=True, task="pairs"),
    "CtcLoss": LayerFacts(sees.whole, is_loss=True),
    "EuclideanLoss": LayerFacts(sees.whole, is_loss=True, second_bottom="targets", task="numbers"),
    "HingeLoss": LayerFacts(sees.whole, is_loss=True, second_bottom="classes", task="classes"),
    "InfogainLoss": LayerFacts(sees.whole, is_loss=True, second_bottom="classes", answer="Softmax", task="classes"),
    "MultiBoxLoss": LayerFacts(sees.whole, is_loss=True, task="boxes", handles_boxes=True),
    "MultinomialLogisticLoss": LayerFacts(sees.whole, is_loss=True, second_bottom="classes", task="classes"),
    "SigmoidCrossEntropyLoss": LayerFacts(
        sees.whole,
        is_loss=True,
        second_bottom="targets",
        answer="Sigmoid",
        task="labels",
        probabilities="sigmoid",
    ),
    "SmoothL1Loss": LayerFacts(sees.whole, is_loss=True, task="numbers"),
    "SmoothL1LossOHEM": LayerFacts(sees.whole, is_loss=True),
    "SoftmaxWithLoss": LayerFacts(
        sees.whole,
        words.axis("softmax_param"),
        is_loss=True,
        second_bottom="classes",
        answer="Softmax",
        task="classes",
        probabilities="softmax",
        reads_scores=True,
    ),
    "SoftmaxWithLossOHEM": LayerFacts(sees.whole, is_loss=True),
    # Of forks. The runtime does not have it, but what it judges is known.
    "TripletLoss": LayerFacts(is_loss=True, task="embedding"),
    "WarpCTCLoss": LayerFacts(sees.whole, is_loss=True),
    # -- what is made of scores, and ends ----------------------------------------------------------------------------
    "Accuracy": LayerFacts(
        sees.whole,
        words.accuracy,
        second_bottom="classes",
        judges_scores=True,
        is_analysed=False,
        is_deployed=False,
    ),
    "ArgMax": LayerFacts(sees.arg_max, words.arg_max, judges_scores=True, is_analysed=False),
    "BoxAnnotatorOHEM": LayerFacts(sees.whole),
    "CTCGreedyDecoder": LayerFacts(sees.whole),
    "DetectionEvaluate": LayerFacts(sees.whole),
    "DetectionOutput": LayerFacts(sees.whole, handles_boxes=True, gives_boxes=True),
    "HDF5Output": LayerFacts(sees.nothing, is_deployed=False),
    "PriorBox": LayerFacts(sees.nothing, handles_boxes=True),
    "Silence": LayerFacts(sees.nothing, judges_scores=True, is_analysed=False, is_deployed=False),
    "Softmax": LayerFacts(sees.softmax, words.axis("softmax_param"), reads_scores=True, judges_scores=True),
}

_UNKNOWN = LayerFacts(channels_written=channels.as_many_as_biases)
_UNKNOWN_LOSS = LayerFacts(channels_written=channels.as_many_as_biases, is_loss=True)


def facts_of(layer_type: str) -> LayerFacts:
    """Return what is known of a layer type.

    Parameters
    ----------
    layer_type : str

    Returns
    -------
    LayerFacts
        For a type that has no row, such as one of an unknown fork, the cautious defaults. Its name tells a loss.
    """
    return FACTS.get(layer_type) or (_UNKNOWN_LOSS if layer_type.endswith("Loss") else _UNKNOWN)
