"""Run by real Caffe: load the weights in a folder, say what the nets give with them, and write weights of its own.

For every NAME.prototxt in the folder there are NAME.caffemodel, NAME.caffemodel.h5 (unless a name in the net has a
slash) and NAME.npz with the values of the net's inputs. Written are NAME.found.npz with the outputs that both files
gave, NAME.other.caffemodel, NAME.other.caffemodel.h5 and NAME.other.npz with the outputs of these other weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import caffe
import numpy as np

sys.path.append(str(Path(__file__).resolve().parent.parent))

from net_cases import NetCase, load_net  # noqa: E402


def outputs_of(net, inputs):
    """What a net gives."""
    for name, values in inputs.items():
        net.blobs[name].data[...] = values
    net.forward()
    return {name: net.blobs[name].data.copy() for name in net.outputs}


def main() -> None:
    """Do all nets of a folder."""
    caffe.set_mode_cpu()
    folder = Path(sys.argv[1])
    for network in sorted(folder.glob("*.prototxt")):
        base = str(network)[: -len(".prototxt")]
        case = NetCase(network.stem, network.read_text())
        with np.load(base + ".npz") as file:
            inputs = dict(file)
        found = {}
        for ending in (".caffemodel", ".caffemodel.h5"):
            if Path(base + ending).exists():
                net = load_net(caffe, case)
                net.copy_from(base + ending)
                found.update((f"{ending}:{name}", values) for name, values in outputs_of(net, inputs).items())
        np.savez(base + ".found.npz", **found)
        net = load_net(caffe, case)
        random = np.random.RandomState(5)  # noqa: NPY002 - its stream never changes
        for blobs in net.params.values():
            for blob in blobs:
                blob.data[...] = random.uniform(0.1, 0.6, blob.data.shape)
        net.save(base + ".other.caffemodel")
        if Path(base + ".caffemodel.h5").exists():
            net.save_hdf5(base + ".other.caffemodel.h5")
        np.savez(base + ".other.npz", **outputs_of(net, inputs))


if __name__ == "__main__":
    main()
