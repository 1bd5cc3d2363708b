"""Weights in either format."""

from __future__ import annotations

import os

from cnnvis_caffe.errors import CaffemodelError
from cnnvis_caffe.formats import sniff
from cnnvis_caffe.formats.caffemodel import read_caffemodel
from cnnvis_caffe.formats.hdf5 import read_weights_hdf5
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.records.weights import WeightsFile


def read_weights(path: str | os.PathLike[str]) -> WeightsFile:
    """Open a weights file, HDF5 or binary by what it holds, whatever its name.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    WeightsFile

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    CaffemodelError
        If it is damaged or holds no weights.

    Notes
    -----
    ``Net::CopyTrainedLayersFrom`` in ``src/caffe/net.cpp`` chooses the same way, by ``H5Fis_hdf5``.
    """
    if sniff.is_hdf5(MappedFile(path, CaffemodelError).data):
        return read_weights_hdf5(path)
    return read_caffemodel(path)
