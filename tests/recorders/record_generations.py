"""Write one net's weights in all generations of the format, and what real Caffe computes with them.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_generations.py

Reads v0.prototxt, v1.prototxt and v2.prototxt in tests/recorded/nets/generations; writes v0.caffemodel,
v1.caffemodel, v2.caffemodel, v2.caffemodel.h5 and outputs.npz there. Fails if any text with any weights gives other
outputs than another.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")

import caffe  # noqa: E402
import numpy as np  # noqa: E402
from caffe.proto import caffe_pb2  # noqa: E402
from google.protobuf import text_format  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "recorded" / "nets" / "generations"


def old_weights(generation: str, arrays: dict[str, list[np.ndarray]]) -> bytes:
    """A net of an old generation with its blobs, whose shapes had always four axes then."""
    network = text_format.Parse((FOLDER / f"{generation}.prototxt").read_text(), caffe_pb2.NetParameter())
    for connection in network.layers:
        layer = connection.layer if generation == "v0" else connection
        for array in arrays.get(layer.name, []):
            shape = (1,) * (4 - array.ndim) + array.shape
            sizes = dict(zip(("num", "channels", "height", "width"), shape))
            layer.blobs.add(data=array.ravel().tolist(), **sizes)
    return network.SerializeToString()


def main() -> None:
    """Write everything."""
    caffe.set_mode_cpu()
    random = np.random.RandomState(3)  # noqa: NPY002 - its stream never changes
    net = caffe.Net(str(FOLDER / "v2.prototxt"), caffe.TEST)
    for blobs in net.params.values():
        for blob in blobs:
            blob.data[...] = random.uniform(-0.5, 0.5, blob.data.shape)
    net.save(str(FOLDER / "v2.caffemodel"))
    net.save_hdf5(str(FOLDER / "v2.caffemodel.h5"))
    arrays = {name: [blob.data.copy() for blob in blobs] for name, blobs in net.params.items()}
    for generation in ("v0", "v1"):
        (FOLDER / f"{generation}.caffemodel").write_bytes(old_weights(generation, arrays))

    data = random.standard_normal(net.blobs["data"].data.shape).astype(np.float32)
    outputs = []
    for text in ("v0", "v1", "v2"):
        for weights in ("v0.caffemodel", "v1.caffemodel", "v2.caffemodel", "v2.caffemodel.h5"):
            other = caffe.Net(str(FOLDER / f"{text}.prototxt"), str(FOLDER / weights), caffe.TEST)
            outputs.append(other.forward(data=data)["prob"].copy())
            assert (outputs[-1] == outputs[0]).all(), (text, weights)
    np.savez_compressed(FOLDER / "outputs.npz", data=data, prob=outputs[0])
    print(f"{len(outputs)} combinations: {outputs[0].tolist()}")


if __name__ == "__main__":
    main()
