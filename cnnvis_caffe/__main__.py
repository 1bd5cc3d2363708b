"""Lets `python -m cnnvis_caffe` stand for `cnnvis-caffe`."""

from __future__ import annotations

from importlib import import_module

from cnnvis_caffe.processes import leave_current_folder

leave_current_folder()  # before anything else is imported
import_module("cnnvis_caffe.cli.main").main()
