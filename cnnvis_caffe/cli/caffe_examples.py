"""Tools of Caffe that no command of ours stands for: classification, extract_features, device_query."""

from __future__ import annotations

from typing import Any

import click

from cnnvis_caffe.cli.caffe_flags import CaffeCommand
from cnnvis_caffe.cli.python_layers import python_layers_option, serve_python_layers
from cnnvis_caffe.cli.say import say
from cnnvis_caffe.files.opening import read_file

_file = click.Path(exists=True, dir_okay=False)
_N_PREDICTIONS = 5


@click.command(cls=CaffeCommand)
@click.argument("model", metavar="DEPLOY.PROTOTXT", type=_file)
@click.argument("weights", metavar="NETWORK.CAFFEMODEL", type=_file)
@click.argument("mean", metavar="MEAN.BINARYPROTO", type=_file)
@click.argument("labels", metavar="LABELS.TXT", type=_file)
@click.argument("image", metavar="IMG.JPG", type=_file)
@python_layers_option
def classification(
    model: str, weights: str, mean: str, labels: str, image: str, allow_python_layers: bool
) -> None:
    """Print the five classes that a network finds most likely for an image.

    As examples/cpp_classification: the image is resized to the network's input, and the mean of each channel is
    subtracted.
    """
    import numpy as np

    from cnnvis_caffe.errors import DataFileError, NetError

    net, n_channels, height, width = _classifier(model, weights, allow_python_layers)
    mean_values = _mean_values(mean, n_channels)
    names = read_file(labels).decode("utf-8", "surrogateescape").splitlines()
    if len(net.output_ids) != 1:
        outputs = ", ".join(net.blob_names[index] for index in net.output_ids)
        raise NetError(f"{model}: has the outputs {outputs}; it must have one")
    input, output = net.blobs[net.input_ids[0]], net.blobs[net.output_ids[0]]
    n_classes = output.shape[1] if len(output.shape) > 1 else 1
    if len(names) != n_classes:
        raise DataFileError(labels, f"has {len(names)} labels, but {model} tells {n_classes} classes apart")
    input.reshape(1, n_channels, height, width)
    net.reshape()
    input.data[...] = _pixels(image, n_channels, height, width) - mean_values
    net.forward()
    scores = np.array(output.data).reshape(-1)[:n_classes]
    say(f"---------- Prediction for {image} ----------")
    for index in np.argsort(-scores, kind="stable")[:_N_PREDICTIONS]:
        say(f'{scores[index]:.4f} - "{names[index]}"')


def _classifier(model: str, weights: str, allow_python_layers: bool) -> tuple[Any, int, int, int]:
    """A net with its weights, and the channels, height and width of its only input."""
    from cnnvis_caffe.errors import NetError
    from cnnvis_caffe.formats import schema
    from cnnvis_caffe.formats.prototxt import read_network
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.net_weights import copy_from

    serve_python_layers(allow_python_layers)
    network = read_network(model, allow_unknown=False)
    net = Net(network, schema.TEST, allow_python_layers=allow_python_layers)
    shapes = [net.blobs[index].shape for index in net.input_ids]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][1] not in (1, 3):
        found = ", ".join("x".join(map(str, shape)) for shape in shapes) or "none"
        raise NetError(f"{model}: must have one input of 1 or 3 channels (N x C x H x W), has {found}")
    copy_from(net, weights)
    return (net, *shapes[0][1:])


def _mean_values(path: str, n_channels: int) -> Any:
    """The mean of each channel, float32, of shape (1, channels, 1, 1)."""
    import numpy as np

    from cnnvis_caffe.errors import MeanFileError
    from cnnvis_caffe.formats.mean import read_mean

    image = read_mean(path)
    if image.shape[0] != n_channels:
        raise MeanFileError(path, f"has {image.shape[0]} channels, but the network's input has {n_channels}")
    return image.mean(axis=(1, 2), dtype=np.float64).astype(np.float32).reshape(1, -1, 1, 1)


def _pixels(path: str, n_channels: int, height: int, width: int) -> Any:
    """An image as the network takes it, of shape (channels, height, width), uint8."""
    from cnnvis_caffe.errors import DataFileError
    from cnnvis_caffe.formats.images import decode_image, read_bytes, resize_image, with_channels

    try:
        image = with_channels(decode_image(read_bytes(path), None), n_channels)
    except ValueError as error:
        raise DataFileError(path, str(error)) from error
    resized = image if image.shape[:2] == (height, width) else resize_image(image, height, width)
    return resized.reshape(height, width, n_channels).transpose(2, 0, 1)


@click.command(cls=CaffeCommand)
@click.argument("weights", metavar="PRETRAINED_NET_PARAM", type=_file)
@click.argument("model", metavar="FEATURE_EXTRACTION_PROTO", type=_file)
@click.argument("blobs", metavar="BLOB[,BLOB...]")
@click.argument("databases", metavar="DATABASE[,DATABASE...]")
@click.argument("n_batches", metavar="NUM_MINI_BATCHES", type=click.IntRange(1))
@click.argument("kind", metavar="DB_TYPE", type=click.Choice(["lmdb", "leveldb"]))
@click.argument("device", metavar="[CPU|GPU]", type=click.Choice(["CPU", "GPU"]), default="CPU")
@click.argument("device_id", metavar="[DEVICE_ID]", default="0")
@python_layers_option
def extract_features(
    weights: str,
    model: str,
    blobs: str,
    databases: str,
    n_batches: int,
    kind: str,
    device: str,
    device_id: str,
    allow_python_layers: bool,
) -> None:
    """Run a network over its data and write blobs as LMDBs, a record for each image."""
    from contextlib import ExitStack

    from cnnvis_caffe.cli.device import use_device
    from cnnvis_caffe.errors import UnknownNameError
    from cnnvis_caffe.formats import schema
    from cnnvis_caffe.formats.lmdb import LmdbWriter
    from cnnvis_caffe.formats.prototxt import read_network
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.net_weights import copy_from

    if kind != "lmdb":
        raise click.UsageError("a LevelDB can be read but not written; write an LMDB: lmdb")
    names, paths = blobs.split(","), databases.split(",")
    if len(names) != len(paths):
        raise click.UsageError(f"each blob needs its database; got {len(names)} blobs and {len(paths)} databases")
    digits = "".join(character for character in device_id if character.isdigit())  # also DEVICE_ID=0
    use_device(int(digits or 0) if device == "GPU" else None)
    serve_python_layers(allow_python_layers)
    network = read_network(model, allow_unknown=False)
    net = Net(network, schema.TEST, allow_python_layers=allow_python_layers)
    copy_from(net, weights)
    by_name = dict(zip(net.blob_names, net.blobs))
    for name in names:
        if name not in by_name:
            raise UnknownNameError("blob", name, by_name)
    counts = dict.fromkeys(paths, 0)
    with ExitStack() as stack:
        writers = [stack.enter_context(LmdbWriter(path)) for path in paths]
        for _ in range(n_batches):
            net.forward()
            for name, path, writer in zip(names, paths, writers):
                counts[path] += _write_features(writer, by_name[name], counts[path])
    for name, path in zip(names, paths):
        say(f"{path}: features of {counts[path]} images from blob {name}")


def _write_features(writer: Any, blob: Any, first: int) -> int:
    """Write what a blob holds of a batch; return of how many images."""
    import numpy as np

    from cnnvis_caffe.formats.datum import Datum, serialize_datum

    rows = np.array(blob.data, np.float32)
    channels, height, width = (*rows.shape[1:4], 1, 1, 1)[:3]
    for index, row in enumerate(rows.reshape(len(rows), -1)):
        datum = Datum(channels, height, width, b"", float_data=row)
        writer.put(f"{first + index:010d}".encode(), serialize_datum(datum))
    return len(rows)


@click.command(cls=CaffeCommand)
@click.option("--gpu", metavar="ID", help="Accepted as in Caffe; all GPUs are shown.")
def device_query(gpu: str | None) -> None:
    """Show which GPUs are there, and why one cannot be used."""
    from cnnvis_caffe.runtime import backend, devices

    for line in devices.describe(backend.gpus(ask_driver=True)):
        say(line)
