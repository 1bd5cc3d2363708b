#!/usr/bin/env python3
"""Record what real Caffe's ``caffe.io`` does to arrays and images.

Run inside real Caffe, with the folder to write to::

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_io.py tests/recorded/cases/pycaffe

Resizing is recorded as it was in 2017: the scikit-image of Debian 11 is kept from smoothing. Images are
read by scikit-image directly, since ``caffe.io.load_image`` passes it an argument that it no longer knows.
"""

from __future__ import annotations

import functools
import sys

import caffe
import numpy as np
import skimage
import skimage.io
import skimage.transform
from io_cases import RESIZES, SHAPE, combinations, image_of, make_transformer, resize_input
from PIL import Image


def record_transformer() -> dict[str, np.ndarray]:
    """Preprocess, and bring back, one image per combination."""
    random = np.random.RandomState(0)
    image = image_of(random)
    transformers = [make_transformer(caffe.io, values) for values in combinations(random)]
    inputs = [transformer.preprocess("data", image.copy()) for transformer in transformers]
    blobs = random.uniform(-100, 100, SHAPE).astype(np.float32)
    return {
        "preprocess": np.stack(inputs),
        "deprocess": np.stack([transformer.deprocess("data", blobs) for transformer in transformers]),
        "deprocess_double": np.stack(
            [transformer.deprocess("data", blobs.astype(np.float64)) for transformer in transformers]
        ),
    }


def record_resize() -> dict[str, np.ndarray]:
    """Resize one image per case."""
    return {
        f"resize_{name}": caffe.io.resize_image(resize_input(name), size, order)
        for name, (_, size, order, _) in RESIZES.items()
    }


def record_mean() -> dict[str, np.ndarray]:
    """Set means of other sizes than the input's."""
    random = np.random.RandomState(1)
    means = {
        "mean_double": random.uniform(0, 255, (3, 16, 16)),
        "mean_float": random.uniform(0, 255, (3, 4, 9)).astype(np.float32),
        "mean_bytes": random.randint(0, 255, (3, 9, 4)).astype(np.uint8),
    }
    recorded = {}
    for name, mean in means.items():
        transformer = caffe.io.Transformer({"data": SHAPE})
        transformer.set_mean("data", mean)
        recorded[name] = mean
        recorded[name + "_resized"] = transformer.mean["data"]
    return recorded


def record_oversample() -> dict[str, np.ndarray]:
    """Cut crops of odd and even sizes."""
    images = np.random.RandomState(2).randint(0, 255, (2, 9, 12, 3)).astype(np.float32)
    sizes = {"odd": (5, 7), "even": (4, 6), "mixed": (9, 5)}
    crops = {f"oversample_{name}": caffe.io.oversample(images, size) for name, size in sizes.items()}
    return {"oversample_images": images, **crops}


def write_images(folder: str) -> list[str]:
    """Write one small image file per kind of pixels."""
    random = np.random.RandomState(3)
    rgb = random.randint(0, 256, (6, 5, 3)).astype(np.uint8)
    smooth = np.tile(np.arange(0, 240, 15, dtype=np.uint8)[:, None, None], (1, 16, 3)) // [1, 2, 3]
    images = {
        "rgb.png": Image.fromarray(rgb),
        "grey.png": Image.fromarray(rgb[:, :, 0]),
        "rgba.png": Image.fromarray(random.randint(0, 256, (6, 5, 4)).astype(np.uint8)),
        "grey_alpha.png": Image.fromarray(rgb[:, :, :2], "LA"),
        "palette.png": Image.fromarray(rgb).convert("P"),
        "bits.png": Image.fromarray(rgb[:, :, 0] > 100),
        "grey16.png": Image.fromarray(random.randint(0, 65536, (6, 5)).astype(np.uint16)),
        "rgb.bmp": Image.fromarray(rgb),
        "smooth.jpg": Image.fromarray(smooth.astype(np.uint8)),
    }
    for name, image in images.items():
        image.save(f"{folder}/{name}")
    return list(images)


def record_images(folder: str) -> dict[str, np.ndarray]:
    """Read the image files as scikit-image does for Caffe."""
    recorded = {}
    for name in write_images(folder):
        image = skimage.img_as_float(skimage.io.imread(f"{folder}/{name}"))
        grey = skimage.img_as_float(skimage.io.imread(f"{folder}/{name}", as_gray=True))
        recorded["image_" + name] = image.astype(np.float32)
        recorded["image_grey_" + name] = grey.astype(np.float32)
    return recorded


def main(folder: str) -> None:
    """Write the recording and the image files into a folder."""
    caffe.io.resize = functools.partial(skimage.transform.resize, anti_aliasing=False)
    np.savez_compressed(
        f"{folder}/io.npz",
        **record_transformer(),
        **record_resize(),
        **record_mean(),
        **record_oversample(),
        **record_images(folder),
    )


if __name__ == "__main__":
    main(sys.argv[1])
