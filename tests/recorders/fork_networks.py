"""Networks with layers of forks that OpenCV 4 can run, for its recording and for the tests."""

from __future__ import annotations

import numpy as np


def layer(kind: str, name: str, bottoms: str, settings: str = "", top: str = "") -> str:
    """A layer as text; bottoms with spaces between."""
    ends = " ".join(f"bottom: '{bottom}'" for bottom in bottoms.split())
    return f"layer {{ name: '{name}' type: '{kind}' {ends} top: '{top or name}' {settings} }}\n"


def conv(name: str, bottom: str, count: int, more: str = "kernel_size: 3 pad: 1") -> str:
    """A convolution with random weights."""
    return layer("Convolution", name, bottom, f"convolution_param {{ num_output: {count} {more} }}")


def head(name: str, bottom: str, n_boxes: int, n_classes: int) -> str:
    """SSD's head on a blob: codes, scores and prior boxes."""
    text = ""
    for part, count in (("loc", 4 * n_boxes), ("conf", n_classes * n_boxes)):
        text += conv(f"{name}_{part}", bottom, count)
        text += layer(
            "Permute", f"{name}_{part}_perm", f"{name}_{part}", "permute_param { order: 0 order: 2 order: 3 order: 1 }"
        )
        text += layer("Flatten", f"{name}_{part}_flat", f"{name}_{part}_perm", "flatten_param { axis: 1 }")
    return text


def ssd(detection: str, prior: str) -> str:
    """A small SSD with two heads and three classes."""
    n_boxes = (4, 6) if "flip: true" in prior else (3, 4)
    return (
        "input: 'data' input_shape { dim: 1 dim: 3 dim: 40 dim: 32 }\n"
        + conv("c1", "data", 8, "kernel_size: 3 pad: 1 stride: 2")
        + layer("ReLU", "r1", "c1", top="c1")
        + layer(
            "Normalize",
            "n1",
            "c1",
            "norm_param { across_spatial: false channel_shared: false scale_filler { value: 5 } }",
        )
        + conv("c2", "n1", 8, "kernel_size: 3 pad: 1 stride: 2")
        + layer("ReLU", "r2", "c2", top="c2")
        + head("one", "n1", n_boxes[0], 3)
        + layer(
            "PriorBox",
            "one_prior",
            "n1 data",
            f"prior_box_param {{ min_size: 8 max_size: 14 aspect_ratio: 2 {prior} }}",
        )
        + head("two", "c2", n_boxes[1], 3)
        + layer(
            "PriorBox",
            "two_prior",
            "c2 data",
            f"prior_box_param {{ min_size: 14 max_size: 22 aspect_ratio: 2 aspect_ratio: 3 {prior} }}",
        )
        + layer("Concat", "loc", "one_loc_flat two_loc_flat", "concat_param { axis: 1 }")
        + layer("Concat", "conf", "one_conf_flat two_conf_flat", "concat_param { axis: 1 }")
        + layer("Concat", "prior", "one_prior two_prior", "concat_param { axis: 2 }")
        + layer("Reshape", "conf_rows", "conf", "reshape_param { shape { dim: 0 dim: -1 dim: 3 } }")
        + layer("Softmax", "conf_soft", "conf_rows", "softmax_param { axis: 2 }")
        + layer("Flatten", "conf_flat", "conf_soft", "flatten_param { axis: 1 }")
        + (
            detection
            and layer(
                "DetectionOutput",
                "found",
                "loc conf_flat prior",
                f"detection_output_param {{ num_classes: 3 {detection} }}",
            )
        )
    )


VARIANCE = "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2"
REGIONS = np.array([[0, 0, 0, 50, 40], [0, 13, 8, 30, 61], [0, 3, 20, 44, 23]], np.float32)
IMAGE = "input: 'x' input_shape { dim: 1 dim: 8 dim: 7 dim: 9 }\n"
BOXES = "input: 'r' input_shape { dim: 3 dim: 5 }\n"

#: Name -> (prototxt, the blob that is compared, further inputs).
NETWORKS: dict[str, tuple[str, str, dict[str, np.ndarray]]] = {
    "ssd_center": (
        ssd(
            "share_location: true background_label_id: 0 code_type: CENTER_SIZE keep_top_k: 20 "
            "confidence_threshold: 0.3 nms_param { nms_threshold: 0.45 top_k: 100 }",
            f"flip: true clip: false {VARIANCE}",
        ),
        "found",
        {},
    ),
    "ssd_corner": (
        ssd(
            "share_location: true background_label_id: 0 code_type: CORNER keep_top_k: 200 confidence_threshold: 0.34 "
            "nms_param { nms_threshold: 0.3 top_k: 40 }",
            f"flip: false clip: true offset: 0.25 {VARIANCE}",
        ),
        "found",
        {},
    ),
    "prior": (ssd("", f"flip: true clip: false step: 4 {VARIANCE}"), "prior", {}),
    "shuffled": (IMAGE + layer("ShuffleChannel", "y", "x", "shuffle_channel_param { group: 2 }"), "y", {}),
    "relu6": (IMAGE + layer("ReLU6", "y", "x"), "y", {}),
    "interp": (IMAGE + layer("Interp", "y", "x", "interp_param { height: 13 width: 5 }"), "y", {}),
    "interp_zoom": (IMAGE + layer("Interp", "y", "x", "interp_param { zoom_factor: 3 }"), "y", {}),
    "roi": (
        IMAGE
        + BOXES
        + layer("ROIPooling", "y", "x r", "roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.125 }"),
        "y",
        {"r": REGIONS},
    ),
    "psroi": (
        IMAGE
        + BOXES
        + layer("PSROIPooling", "y", "x r", "psroi_pooling_param { spatial_scale: 0.125 output_dim: 2 group_size: 2 }"),
        "y",
        {"r": REGIONS},
    ),
}


def first_input(name: str) -> np.ndarray:
    """The numbers that go in first."""
    shape = (1, 3, 40, 32) if "data" in NETWORKS[name][0][:20] else (1, 8, 7, 9)
    return (4 * np.random.default_rng(7).standard_normal(shape)).astype(np.float32)


def weights_like(shape: tuple[int, ...], number: int) -> np.ndarray:
    """Parameters for a blob of some shape."""
    scale = 1.0 if len(shape) == 1 else 0.4
    return (scale * np.random.default_rng(number).standard_normal(shape)).astype(np.float32)
