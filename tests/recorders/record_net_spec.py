#!/usr/bin/env python3
"""Ask real Caffe for the text of the networks in ``net_spec_networks.py``, graphs of some, and message names.

Run inside real Caffe, with the folder to write to. pydot must be there for the graphs, such as from
``pip install --target FOLDER pydot``::

    $CNNVIS_REAL_CAFFE env PYTHONPATH=FOLDER python3 tests/recorders/record_net_spec.py tests/recorded/cases/pycaffe
"""

from __future__ import annotations

import json
import sys
from typing import Any

import caffe
import caffe.coord_map
import caffe.draw
from caffe.proto import caffe_pb2
from net_spec_networks import all_networks, describe_graph

# What generated code imports for itself.
IMPORTED = ("_descriptor", "_message", "_reflection", "_sym_db", "_symbol_database", "enum_type_wrapper")

# network, (rankdir, label_edges, phase, display_lrm)
GRAPHS: list[tuple[str, tuple[Any, ...]]] = [
    ("lenet", ("LR", True, None, False)),
    ("lenet", ("TB", True, None, True)),
    ("lenet", ("BT", False, caffe.TRAIN, True)),
    ("lenet", ("LR", True, caffe.TEST, True)),
    ("in_place_chain", ("LR", True, None, False)),
    ("enums", ("TB", True, None, False)),
    ("message_settings", ("LR", True, None, True)),
]


def graphs(networks: dict[str, Any]) -> list[dict[str, Any]]:
    """Return graphs with the options that gave them."""
    return [
        {
            "network": name,
            "options": options,
            "graph": describe_graph(caffe.draw.get_pydot_graph(networks[name], *options)),
        }
        for name, options in GRAPHS
    ]


def main(folder: str) -> None:
    """Write the recordings into a folder."""
    networks = dict(all_networks(caffe))
    recordings = {
        "net_spec.json": {name: str(network) for name, network in networks.items()},
        "draw.json": graphs(networks),
        "caffe_pb2.json": [
            name for name in dir(caffe_pb2) if name not in IMPORTED and not name.startswith("__")
        ],
    }
    for filename, content in recordings.items():
        with open(f"{folder}/{filename}", "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
