"""The option by which a user lets a network run the code of its Python layers."""

from __future__ import annotations

import click

from cnnvis_caffe.formats.python_code import FLAG

python_layers_option = click.option(
    FLAG, is_flag=True, help="Run the code of the network's Python layers; their modules lie on PYTHONPATH."
)


def serve_python_layers(is_allowed: bool) -> None:
    """Let the modules of Python layers find our runtime by ``import caffe``, where they may be run at all.

    Parameters
    ----------
    is_allowed : bool
    """
    if is_allowed:
        from cnnvis_caffe.engines import serve_layers

        serve_layers("torch")
