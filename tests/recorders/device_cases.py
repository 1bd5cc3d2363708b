"""A small training run on two devices, the same under real Caffe and under ours. Runs on Debian 11's Python, too."""

from __future__ import annotations

from pathlib import Path

import lmdb
import numpy as np

N_DEVICES, N_STEPS, BATCH_SIZE, N_RECORDS = 2, 5, 3, 13  # 30 records are read: the data begin again, in other shares

NET = """name: "shared"
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { scale: 0.01 mirror: MIRROR }
        data_param { source: "FOLDER" backend: LMDB batch_size: SIZE } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
        convolution_param { num_output: 3 kernel_h: 2 kernel_w: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "fixed" type: "Scale" bottom: "conv" top: "fixed" param { lr_mult: 0 } scale_param { axis: 1 } }
layer { name: "ip" type: "InnerProduct" bottom: "fixed" top: "ip"
        inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "NET" base_lr: 0.1 momentum: 0.9 weight_decay: 0.01 lr_policy: "fixed" random_seed: 5 max_iter: 100
clip_gradients: 0.5 snapshot_prefix: "NET" snapshot_after_train: false
"""


def write_files(folder: str, batch_size: int = BATCH_SIZE, mirror: bool = True) -> str:
    """Write data, net and solver into a folder; return the solver's path."""
    database = Path(folder, "db")
    if not database.exists():
        random = np.random.RandomState(3)
        environment = lmdb.open(str(database), map_size=1 << 20)
        with environment.begin(write=True) as transaction:
            for index in range(N_RECORDS):
                pixels = random.randint(0, 256, (2, 6, 5)).astype(np.uint8)
                transaction.put(b"%04d" % index, datum(pixels, index % 4))
        environment.close()
    net = Path(folder, f"net_{batch_size}.prototxt")
    text = NET.replace("FOLDER", str(database)).replace("SIZE", str(batch_size))
    net.write_text(text.replace("MIRROR", "true" if mirror else "false"))
    solver = Path(folder, f"solver_{batch_size}.prototxt")
    solver.write_text(SOLVER.replace("NET", str(net)))
    return str(solver)


def datum(pixels: np.ndarray, label: int) -> bytes:
    """Serialize a Datum whose sizes are below 128, which one byte holds."""
    sizes = b"".join(bytes([8 * field, size]) for field, size in zip((1, 2, 3), pixels.shape))
    return sizes + b"\x22" + bytes([pixels.size]) + pixels.tobytes() + b"\x28" + bytes([label])
