"""Draw small images of circles, crosses and triangles, as files in a folder for each class.

    python examples/make_shapes.py shapes              # grey, white on black
    python examples/make_shapes.py --colour shapes     # circles are red, crosses green, triangles blue

writes shapes/train/circle/00.png and so on: 100 images of each class for training, 40 for testing, 28 by 28 pixels.
Place, size, angle and brightness differ; there is some noise. Each run draws the same ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

SIZE = 28
IMAGES = {"train": 100, "test": 40}


def draw(kind: str, random: np.random.Generator) -> np.ndarray:
    """One image, (28, 28) uint8."""
    image = np.zeros((SIZE, SIZE), np.uint8)
    centre, radius = random.uniform(10, 18, 2), random.uniform(6, 9)
    grey, turn = int(random.uniform(150, 255)), random.uniform(0, 360)
    if kind == "circle":
        cv2.circle(image, tuple(centre.round().astype(int).tolist()), round(radius), grey, 2)
    elif kind == "triangle":
        cv2.polylines(image, [corners(centre, radius, turn + np.array([0, 120, 240]))], True, grey, 2)
    else:
        for angle in (turn, turn + 90):
            cv2.polylines(image, [corners(centre, radius, angle + np.array([0, 180]))], False, grey, 2)
    noise = random.normal(0, 12, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def corners(centre: np.ndarray, radius: float, degrees: np.ndarray) -> np.ndarray:
    """Points around a centre, (n, 2) int32."""
    angles = np.radians(degrees)
    return (centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)).round().astype(np.int32)


def main() -> None:
    folder = Path(sys.argv[-1])
    random = np.random.default_rng(0)
    for part, n_images in IMAGES.items():
        for channel, kind in zip("rgb", ("circle", "cross", "triangle")):
            target = folder / part / kind
            target.mkdir(parents=True, exist_ok=True)
            for number in range(n_images):
                image = draw(kind, random)
                if "--colour" in sys.argv[1:]:
                    image = np.stack([image if channel == one else image // 4 for one in "bgr"], axis=-1)
                cv2.imwrite(str(target / f"{number:02}.png"), image)


if __name__ == "__main__":
    main()
