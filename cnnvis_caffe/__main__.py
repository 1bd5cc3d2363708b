"""Lets `python -m cnnvis_caffe` stand for `cnnvis-caffe`."""

from __future__ import annotations

from cnnvis_caffe.cli.main import main

main()
