"""Places of everything in an analysis file, and how names become names of HDF5.

::

    /                                attributes format, schema_version, title
    /nodes                           JSON: the nodes of the network
    /provenance                      JSON: versions, engine, files, times
    /data                            attributes source, n_images, channel_order, input_name, preprocessing; since tasks
                                     are known also task, column, columns, score_name, columns_are_scores
    /data/class_names                JSON
    /data                            attribute scale, and mean (channels or 1, h, w) float32 where there is one: what is
                                     done to the pixels; older files do not say
    /data                            attribute item, "clip" or "pair", where that is what is counted
    /data/preparation                JSON: a PreparationTrial, where the usual ways to prepare images were tried
    /data/class_count                (c,) int64
    /data/input_shape                (3,) int64
    /images/index, class             (m,) int64
    /images/pictures/...             their pictures
    /curves/<i>                      attributes name, unit, source; iterations, values
    /debug/layers                    JSON: names of the rows
    /debug/<quantity>                (layers, snapshots) float64
    /snapshots/<iteration>           attributes position, label, iteration, path, sha256, loss, error
        layers/<name>/activation     mean, peak, maximum, active_share (n, c); overall_mean, variance, minimum,
                                     overall_maximum (n,); all float32
        layers/<name>/top            image (n, k) int64, response (n, k), position (n, k, 2), box_px (n, k, 4)
        layers/<name>/contribution   (n, c); contribution_all likewise where it was asked for
        layers/<name>/similarity, correlation
                                     upper triangle, row by row, (n (n + 1) / 2,) int16 in units of 1/10000
        layers/<name>/scale          (n,) float32
        layers/<name>/thumbnail      (n,) int32: which picture of the snapshot's, -1 for none
        connections/<from>--<to>     weight, abs_weight, gradient, abs_gradient (n_to, n_from) float32;
                                     abs_weight is left out where it is |weight|, abs_gradient likewise
        pictures/...                 thumbnails, each once
        measures                     JSON: name, unit and is_better_high of each measure; where there are any
        measure_values               (m, 2, k + 1) float64: of each measure the values and what guessing gives; over
                                     all data, and by class
        confusion                    (k, k) float64: how often a class (row) is named as another (column)
        cell_images                  (m, 3) int64: class, answer and index of images of each cell of the confusion
        cell_leads                   (m,) float32: how far the answer's score is ahead
        layers/<name>/kernels        (n, channels, h, w) float32: weights of convolutions that read the images
        layers/<name>/weight_counts  (bins,) int64: histogram of the weights
        layers/<name>/weight_range   (2,) float64: its ends
    /layers, /connections            those of the last snapshot

Pictures are ``bytes`` (uint8), PNG or JPEG files one behind the other, and ``offsets`` (n + 1,) int64.
JSON is UTF-8 in a dataset of uint8. In names of groups "/" is written %2F; attributes have the plain name.
"""

from __future__ import annotations

FORMAT = "cnnvis_caffe analysis"
VERSION = 1

ACTIVATION = ("mean", "peak", "maximum", "active_share")
OVERALL = ("overall_mean", "variance", "minimum", "overall_maximum")
#: Name in the file, attribute of `LayerFeatures`, type, further axes.
TOP = (
    ("image", "top_image", "<i8", ()),
    ("response", "top_response", "<f4", ()),
    ("position", "top_position", "<i4", (2,)),
    ("box_px", "top_box", "<i4", (4,)),
)
DEBUG = ("mean_abs_weight", "mean_abs_gradient", "relative_change", "last_update", "dead_share")

#: Similarities and correlations lie in [-1, 1]; four decimals are enough for them.
TRIANGLE_UNITS = 10_000
TRIANGLE_NAN = -32768


def escape(name: str) -> str:
    """Return a name that HDF5 takes for one of a group.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        "/" is %2F, "%" is %25, and so on for what HDF5 cannot have.
    """
    if set(name) == {"."}:  # the group itself, and nothing that HDF5 would make
        return "%2E" * len(name)
    data = name.encode("utf-8", "surrogateescape").replace(b"%", b"%25").replace(b"/", b"%2F").replace(b"\0", b"%00")
    try:
        return data.decode("utf-8") or "%"
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in data)


def connection_key(source: str, target: str) -> str:
    """Return the name of the group of a connection."""
    return f"{escape(source)}--{escape(target)}"
