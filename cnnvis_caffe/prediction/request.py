"""The request for a prediction: images, network, and how to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PredictionRequest:
    """The options of a prediction.

    Attributes
    ----------
    model : str
        Network prototxt of any kind, or a caffemodel, which holds the network that it was saved with.
    weights : str
        Empty where `model` is the caffemodel.
    images : tuple of str
        As `datasets.opening.open_source` takes them.
    engine : {"torch", "caffe"}
    device : {"cpu", "cuda"}
    batch : int or None
        Images at once; None where the network's size decides.
    limit : int or None
        Images at most.
    top : int
        Classes kept for each image.
    oversample : bool
        Take the mean over ten crops, as pycaffe's Classifier does.
    image_dims : (int, int) or None
        Height and width that images are brought to before they are cropped to the network's input.
    scale : float or None
    mean : str
    channel_order : {"", "RGB", "BGR"}
        As for `preparation.settings.PreparationOptions`.
    classes : tuple of str
        Names of classes, labels or numbers; empty for those that are found.
    output : str
        The blob with the answer; empty for the last one.
    task : str
        Kind of the answer; empty for what the network says.
    masks : str
        Folder with the masks of the images.
    stages : tuple of str
    input_shapes : dict of str to tuple of int
        Shapes of inputs that the files do not tell.
    skip_damaged : bool
    try_preparation : bool
        Try the usual ways to prepare images where nothing says how that is done.
    allow_python_layers : bool
    """

    model: str
    weights: str
    images: tuple[str, ...]
    engine: str = "torch"
    device: str = "cpu"
    batch: int | None = None
    limit: int | None = None
    top: int = 5
    oversample: bool = False
    image_dims: tuple[int, int] | None = None
    scale: float | None = None
    mean: str = ""
    channel_order: str = ""
    classes: tuple[str, ...] = ()
    output: str = ""
    task: str = ""
    masks: str = ""
    stages: tuple[str, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    skip_damaged: bool = False
    try_preparation: bool = True
    allow_python_layers: bool = False
