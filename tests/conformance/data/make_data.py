"""Write the databases, images, lists and arrays in this folder, which the cases of the data layers read.

    python tests/conformance/data/make_data.py

The cases are recorded and compared from the repository's root, so the paths in lists begin there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import h5py
import numpy as np

from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import write_mean

HERE = Path(__file__).resolve().parent
FROM_ROOT = "tests/conformance/data"
HEIGHT, WIDTH = 6, 7


def pixels(random, height=HEIGHT, width=WIDTH, channels=3):
    """An image, channels last."""
    return random.integers(0, 256, (height, width, channels), np.uint8)


def smooth(height, width, shift):
    """An image without sharp edges, of which JPEG keeps most."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin(x / (3 + c) + shift) * np.cos(y / (4 + c)) for c in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def raw(image, label):
    """A datum of plain pixels."""
    height, width, channels = image.shape
    return serialize_datum(Datum(channels, height, width, image.transpose(2, 0, 1).tobytes(), label))


def encoded(image, label, extension):
    """A datum that holds an image file."""
    return serialize_datum(Datum(0, 0, 0, cv2.imencode(f".{extension}", image)[1].tobytes(), label, None, True))


def write_lmdb(name, records):
    """Write one database; records is a list of (key, value)."""
    shutil.rmtree(HERE / name, ignore_errors=True)
    with LmdbWriter(HERE / name) as writer:
        for key, value in records:
            writer.put(key.encode(), value)


def numbered(values):
    """Keys as Caffe's converters write them."""
    return [(f"{index:08d}", value) for index, value in enumerate(values)]


def write_databases(random):
    images = [pixels(random) for _ in range(7)]
    write_lmdb("raw_lmdb", numbered(raw(image, 10 * label) for label, image in enumerate(images)))
    order = [5, 2, 6, 0, 3, 1, 4]
    keyed = [(f"{1000 * index}", raw(images[index], index)) for index in order]
    write_lmdb("unordered_lmdb", keyed)
    # Without a label; the datum is then serialised by hand.
    write_lmdb("unlabelled_lmdb", numbered(raw(image, 0)[:-2] for image in images[:3]))
    large = [raw(image, 200 * label - 300) for label, image in enumerate(images[:4])]
    write_lmdb("odd_labels_lmdb", numbered(large))
    floats = []
    for label in range(3):
        values = random.standard_normal(3 * HEIGHT * WIDTH).astype(np.float32)
        floats.append(serialize_datum(Datum(3, HEIGHT, WIDTH, b"", label, values)))
    write_lmdb("float_lmdb", numbered(floats))
    greys = [pixels(random, channels=1) for _ in range(3)]
    write_lmdb("grey_lmdb", numbered(raw(image, label) for label, image in enumerate(greys)))
    write_lmdb("png_lmdb", numbered(encoded(image, label, "png") for label, image in enumerate(images[:4])))
    mixed = [images[0], greys[0], images[1], greys[1]]
    write_lmdb("mixed_png_lmdb", numbered(encoded(image, label, "png") for label, image in enumerate(mixed)))
    waves = [smooth(16, 24, shift) for shift in range(3)]
    write_lmdb("jpeg_lmdb", numbered(encoded(image, label, "jpg") for label, image in enumerate(waves)))
    varied = [pixels(random, HEIGHT + index, 2 * WIDTH - index) for index in range(5)]
    write_lmdb("varied_lmdb", numbered(raw(image, label) for label, image in enumerate(varied)))
    mean = np.mean([image.astype(np.float32) for image in images], axis=0).transpose(2, 0, 1)
    write_mean(HERE / "mean.binaryproto", mean)
    write_mean(HERE / "mean_square.binaryproto", random.uniform(0, 255, (3, 11, 11)).astype(np.float32))


def write_images(random):
    names = []
    for index in range(6):
        name = f"image {index}.png" if index == 3 else f"image_{index}.png"
        cv2.imwrite(str(HERE / name), pixels(random))
        names.append(name)
    cv2.imwrite(str(HERE / "grey.png"), pixels(random, channels=1))
    cv2.imwrite(str(HERE / "wide.png"), pixels(random, 9, 14))
    cv2.imwrite(str(HERE / "large.png"), smooth(40, 50, 1))
    cv2.imwrite(str(HERE / "wave.jpg"), smooth(16, 24, 0.5))
    lines = [f"{name} {label}" for label, name in enumerate(names)]
    write_text("images.txt", "\n".join(lines) + "\n")
    write_text("images_from_root.txt", "\n".join(f"{FROM_ROOT}/{line}" for line in lines))
    write_text("labels.txt", "image_0.png -3\nimage_1.png 12x\nimage_2.png x\nimage_4.png +7\n")
    write_text("sizes.txt", "large.png 0\nwide.png 1\nimage_0.png 2\n")
    write_text("kinds.txt", "grey.png 0\nwave.jpg 1\nimage_0.png 2\n")
    write_text("missing_image.txt", "nowhere.png 0\nimage_0.png 1\n")
    write_text("empty.txt", "")


def write_windows():
    write_text(
        "windows.txt",
        """# 0
large.png
3
40
50
4
1 0.9 5 4 24 33
2 0.7 30 2 49 20
0 0.1 0 0 9 14
0 0.3 11 20 44 39
# 1
wide.png
3
9
14
3
3 1 2 1 11 7
5 0.55 0 0 13 8
4 0.2 3 3 8 5
""",
    )


def write_arrays(random):
    def write(name, **arrays):
        with h5py.File(HERE / name, "w") as file:
            for key, array in arrays.items():
                file.create_dataset(key, data=array, track_times=False)

    ramp = np.arange(3 * 2 * 5, dtype=np.float32).reshape(3, 2, 5)
    write("first.h5", data=ramp, label=np.arange(3, dtype=np.float32), extra=np.full((3, 1), 7, np.int8))
    more = np.concatenate([ramp, ramp[:1]]) + 1000
    extra = random.integers(-9, 9, (4, 1)).astype(np.int64)
    write("second.h5", data=more.astype(np.float64), label=np.arange(100, 104, dtype=np.int32), extra=extra)
    write("uneven.h5", data=ramp, label=np.arange(4, dtype=np.float32), extra=np.zeros((3, 1), np.float32))
    write("ten.h5", data=np.arange(10, dtype=np.float32).reshape(10, 1), label=np.arange(10, dtype=np.uint8))
    for name, files in (
        ("one_file.txt", ["first"]),
        ("two_files.txt", ["first", "second"]),
        ("three_files.txt", ["second", "first", "second"]),
        ("uneven.txt", ["uneven"]),
        ("ten.txt", ["ten"]),
        ("missing_file.txt", ["nowhere"]),
    ):
        write_text(name, "".join(f"{FROM_ROOT}/{file}.h5\n" for file in files))


def write_text(name, text):
    (HERE / name).write_text(text, "utf-8")


def main():
    random = np.random.default_rng(20)
    write_databases(random)
    write_images(random)
    write_windows()
    write_arrays(random)


if __name__ == "__main__":
    main()
