"""HDF5Data: batches of rows of HDF5 datasets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.errors import CnnvisError, LayerError
from cnnvis_caffe.formats.hdf5_data import read_arrays, read_file_list
from cnnvis_caffe.runtime import backend, ranks
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer, is_train
from cnnvis_caffe.runtime.layers.prefetch import error_maker
from cnnvis_caffe.runtime.shuffle import LibcRandom


class HDF5Data(Layer):
    """Shows the rows of the datasets that have the names of its tops, file after file, and begins again at the end.

    Notes
    -----
    Follows `src/caffe/layers/hdf5_data_layer.cpp`. A file is held as a whole. Caffe shuffles by the C library's
    `rand`, which no random seed reaches; ours gives the order of the first such layer in a new process. Solvers that
    train together deal out the rows in turn.
    """

    n_bottoms = (0, 0)
    n_tops = (1, None)
    reads_files = True
    deals_by_rank = True

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the list and its first file; shape the tops."""
        param = self.param.hdf5_data_param
        if self.param.HasField("transform_param"):
            raise self.error("has a transform_param, but does not transform; transform the arrays in the file")
        if param.batch_size < 1:
            raise self.error(f"batch_size must be given and at least 1, got {param.batch_size}")
        try:
            self._files = read_file_list(param.source)
        except CnnvisError as error:
            raise self.error(str(error)) from error
        if not self._files:
            raise self.error(f"{param.source}: names no HDF5 files")
        self._shuffles: bool = param.shuffle
        self._random = LibcRandom()
        self._share = ranks.share(is_train(self))
        self._file_order = np.arange(len(self._files))
        if self._shuffles:
            self._file_order = self._random.shuffled(self._file_order)
        self._file = self._row = 0
        self._names = [top.name for top in tops]
        self._load_file()
        for top, array in zip(tops, self._arrays):
            top.reshape(param.batch_size, *array.shape[1:])

    def _load_file(self) -> None:
        """Read the current file."""
        path = self._files[self._file_order[self._file]]
        try:
            self._arrays = read_arrays(path, self._names)
        except CnnvisError as error:
            raise self.error(f"{self.param.hdf5_data_param.source}: {error}") from error
        self._order = np.arange(len(self._arrays[0]))
        if self._shuffles:
            self._order = self._random.shuffled(self._order)

    def error(self, message: str) -> LayerError:
        """Return an error that says which layer is meant; without its data a net can still be looked at."""
        return error_maker(self)(message)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Leave the shapes as they were set up."""

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Show the next rows."""
        batch_size: int = self.param.hdf5_data_param.batch_size
        batches = [np.empty((batch_size, *top.shape[1:]), np.float32) for top in tops]
        filled = passed = 0
        while passed < batch_size * self._share.step:
            read = self._order[self._row : self._row + batch_size * self._share.step - passed]
            rows = read[(self._share.start - passed) % self._share.step :: self._share.step]
            for top, batch, array in zip(tops, batches, self._arrays):
                if array.shape[1:] != top.shape[1:]:
                    raise self.shape_error(
                        f"{self._files[self._file_order[self._file]]}: rows of dataset {top.name!r} have shape "
                        f"{array.shape[1:]}, but those of the first file {top.shape[1:]}"
                    )
                np.take(array, rows, axis=0, out=batch[filled : filled + len(rows)])
            filled += len(rows)
            passed += len(read)
            self._advance(len(read))
        for top, batch in zip(tops, batches):
            top.value = torch.from_numpy(batch).to(backend.device())

    def _advance(self, n: int) -> None:
        """Go on by some rows of the current file, and into the next at its end."""
        self._row += n
        if self._row < len(self._order):
            return
        self._row = 0
        if len(self._files) > 1:
            self._file += 1
            if self._file == len(self._files):
                self._file = 0
                if self._shuffles:
                    self._file_order = self._random.shuffled(self._file_order)
            self._load_file()
        if self._shuffles:
            # Caffe quirk: a file that has just been read is shuffled a second time.
            self._order = self._random.shuffled(self._order)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Has nothing below it."""

    def get_position(self) -> dict:
        """Return the place in the data behind the last rows that were shown.

        Returns
        -------
        dict
            Integers and arrays, for `set_position`.
        """
        position: dict = {"file": self._file, "row": self._row}
        if self._shuffles:
            state = self._random.get_state()
            position.update(file_order=self._file_order, order=self._order, shuffle_random=state)
        return position

    def set_position(self, position: dict) -> None:
        """Show next what follows a place.

        Parameters
        ----------
        position : dict
            What `get_position` returned.

        Raises
        ------
        LayerError
            If the data have no such place.
        """
        n_files = len(position.get("file_order", self._files))
        if position["file"] >= len(self._files) or n_files != len(self._files):
            raise self.error("the list of files has changed; the place in it cannot be found again")
        if self._shuffles:
            self._file_order = np.asarray(position["file_order"])
        self._file = position["file"]
        self._load_file()
        if self._shuffles:
            if len(position["order"]) != len(self._order):
                raise self.error("a file has more or fewer rows than it had; the place in it cannot be found again")
            self._order = np.asarray(position["order"])
            self._random.set_state(position["shuffle_random"])
        self._row = position["row"]
