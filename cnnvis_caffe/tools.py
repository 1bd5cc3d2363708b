"""Caffe's tools by their own names and flags: ``python -m cnnvis_caffe.tools convert_imageset ROOT LIST DB``."""

from __future__ import annotations

from cnnvis_caffe.cli.caffe_tools import main

if __name__ == "__main__":
    main()
