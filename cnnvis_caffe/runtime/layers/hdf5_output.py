"""HDF5Output: writes two blobs into an HDF5 file."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.formats.hdf5_data import is_hdf5_file, write_arrays
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer

logger = logging.getLogger(__name__)


class HDF5Output(Layer):
    """Writes its bottoms as the datasets ``data`` and ``label``, in four axes.

    Notes
    -----
    Follows `src/caffe/layers/hdf5_output_layer.cpp`. Caffe empties the file when the net is built and closes it when
    the net goes; ours is there, whole, after the forward pass. What is to be written is logged first, and a file that
    is there and is not an HDF5 file is not replaced.
    """

    n_bottoms = (2, 2)
    n_tops = (0, 0)
    can_be_recorded = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Look whether the file can be written."""
        self._path: str = self.param.hdf5_output_param.file_name
        self._written = False
        folder = os.path.dirname(self._path) or "."
        if self.initialize and (not self._path or os.path.isdir(self._path) or not os.access(folder, os.W_OK)):
            raise self.error(f"hdf5_output_param.file_name {self._path!r} cannot be written")
        if self.initialize:
            self._check_target()
            replaces = ", in place of the HDF5 file that is there" if os.path.exists(self._path) else ""
            logger.warning("%s: will write %s%s", self.where, self._path, replaces)

    def _check_target(self) -> None:
        """Raise if something else than an HDF5 file is where the file is to be."""
        if os.path.lexists(self._path) and not is_hdf5_file(self._path):
            raise self.error(
                f"hdf5_output_param.file_name {self._path!r} is there and is not an HDF5 file; it is not replaced: "
                "name another file"
            )

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Has nothing to shape."""

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Write the file."""
        if self._written:
            # Caffe aborts here: the datasets are in the file already.
            raise self.error(f"has written {self._path} already; it can be written only once for each net")
        data, labels = bottoms
        if data.num != labels.num:
            raise self.shape_error(
                f"has {data.num} rows of {data.name!r} and {labels.num} of {labels.name!r}; "
                "the two numbers must be equal"
            )
        arrays = {
            name: blob.data.reshape(blob.num, blob.channels, blob.height, blob.width)
            for name, blob in (("data", data), ("label", labels))
        }
        self._check_target()
        try:
            write_arrays(self._path, arrays)
        except CnnvisError as error:
            raise self.error(str(error)) from error
        self._written = True

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Leave the gradients of the bottoms alone."""
