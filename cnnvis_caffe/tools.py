"""Caffe's tools by their own names and flags: ``python -m cnnvis_caffe.tools convert_imageset ROOT LIST DB``."""

from __future__ import annotations

from importlib import import_module

from cnnvis_caffe.processes import leave_current_folder

if __name__ == "__main__":
    leave_current_folder()  # before anything else is imported
    import_module("cnnvis_caffe.cli.caffe_tools").main()
