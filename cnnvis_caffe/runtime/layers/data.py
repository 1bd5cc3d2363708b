"""Data: batches from a database of datums."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.database import Cursor, Database, Record, open_database
from cnnvis_caffe.formats.datum import Datum, RawLayout, parse_datum
from cnnvis_caffe.runtime import ranks
from cnnvis_caffe.runtime.layer import is_train
from cnnvis_caffe.runtime.layers.prefetch import BatchSource, PrefetchingLayer
from cnnvis_caffe.runtime.layers.staging import RawBatch
from cnnvis_caffe.runtime.layers.transform import DataTransformer
from cnnvis_caffe.runtime.setup_log import say

logger = logging.getLogger(__name__)


class Data(PrefetchingLayer):
    """Shows the images of an LMDB or LevelDB in the order of their keys, and begins again at the end.

    Notes
    -----
    Follows `src/caffe/layers/data_layer.cpp`. The images of a batch are as large as its first one; rand_skip and
    what stands in data_param of old (scale, mean_file, crop_size, mirror) count for nothing. Solvers that train
    together deal out the images in turn.
    """

    n_tops = (1, 2)
    deals_by_rank = True

    def open_source(self, fail: Callable[[str], LayerError]) -> tuple[BatchSource, tuple[int, ...]]:
        """Open the database and look at its first image."""
        param = self.param.data_param
        batch_size = self.batch_size(param.batch_size)
        backend = schema.DataParameter.DB.Name(param.backend)
        database = open_database(param.source, backend)
        if self.initialize:
            say("Opened %s %s", backend.lower(), param.source)
        source = _DatabaseSource(database, batch_size, ranks.share(is_train(self)), self.transformer, fail)
        return source, (batch_size, *source.first_shape())


class _DatabaseSource(BatchSource):
    """Batches of datums."""

    def __init__(
        self,
        database: Database,
        batch_size: int,
        share: slice,
        transformer: DataTransformer,
        fail: Callable[[str], LayerError],
    ) -> None:
        self._database = database
        self._batch_size = batch_size
        self._share = share
        self._transformer = transformer
        self._fail = fail
        self._cursor: Cursor | None = None
        self._after = b""
        self._layout: RawLayout | None = None
        self._warned = False
        self._raw_shape: tuple[int, int, int] | None = None
        # Of the images that a GPU keeps, in the order in which they were read: keys and labels.
        self._keys: list[bytes] = []
        self._labels: list[float] = []
        self._n_read = 0
        self._are_all_raw = True

    def first_shape(self) -> tuple[int, int, int]:
        """The shape of the first image once it is transformed."""
        cursor = self._database.cursor()
        try:
            record = cursor.take(1)[0]
            pixels = self._pixels(record, self._parse(record))
            if pixels.dtype == np.uint8:
                self._raw_shape = pixels.shape
            return self._transformer.output_shape(pixels.shape)
        finally:
            cursor.close()

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """Read and transform the next batch."""
        records, last = self._take()
        try:
            return self._load_alike(records) or self._load_one_by_one(records)
        finally:
            self._after = last

    def _take(self) -> tuple[list[Record], bytes]:
        """The next records, and the key behind which the next batches of all solvers begin."""
        if self._cursor is None:
            self._cursor = self._database.cursor(self._after)
        records = self._cursor.take(self._batch_size * self._share.step)
        return records[self._share], bytes(records[-1][0])

    @property
    def raw_shape(self) -> tuple[int, int, int] | None:
        """Shape of the first image if it is of bytes."""
        return self._raw_shape

    @property
    def n_records(self) -> int:
        """Number of records; 0 where each pass has others of them, because several solvers share them."""
        return len(self._database) if self._share.step == 1 else 0

    def load_raw(self, keeps: bool) -> RawBatch | tuple[np.ndarray, np.ndarray]:
        """Read the next batch and draw what is to be done with it."""
        keeps = keeps and self._are_all_raw and self.n_records > 0
        if keeps and len(self._keys) >= self.n_records:
            return self._load_again()
        records, last = self._take()
        try:
            alike = self._read_alike(records)
            if alike is None or alike[0].shape[1:] != self._raw_shape:
                self._are_all_raw = False
                return self._load_alike(records) or self._load_one_by_one(records)
            pixels, labels = alike
            self._transformer.output_shape(pixels.shape[1:])  # refuses what does not fit
            rows = (self._n_read + np.arange(len(records))) % len(self._database)
            if keeps:
                self._keys += [bytes(key) for key, _ in records]
                self._labels += labels.tolist()
                self._n_read += len(records)
            return RawBatch(pixels, labels, rows, self._transformer.draw(len(records), *pixels.shape[2:]))
        finally:
            self._after = last

    def _load_again(self) -> RawBatch:
        """The next batch of images that the GPU has."""
        self.close()
        rows = (self._n_read + np.arange(self._batch_size)) % self.n_records
        self._n_read += self._batch_size
        self._after = self._keys[rows[-1]]
        assert self._raw_shape is not None
        draws = self._transformer.draw(len(rows), *self._raw_shape[1:])
        return RawBatch(None, np.array([self._labels[row] for row in rows], np.float32), rows, draws)

    def _read_alike(self, records: list[Record]) -> tuple[np.ndarray, np.ndarray] | None:
        """Pixels and labels of a batch whose datums are all plain bytes of one size."""
        values = [value for _, value in records]
        if self._layout is None or self._layout.shape is None:
            self._layout = self._read(records[0], RawLayout)
        alike = self._layout.read(values)
        if alike is None:
            self._layout = self._read(records[0], RawLayout)
            alike = self._layout.read(values)
            if alike is None:
                return None
        self._warn_of_force()
        return alike

    def _load_alike(self, records: list[Record]) -> tuple[np.ndarray, np.ndarray] | None:
        """Load a batch in one go if all its datums are plain bytes of one size."""
        alike = self._read_alike(records)
        if alike is None:
            return None
        pixels, labels = alike
        shape = self._transformer.output_shape(pixels.shape[1:])
        out = np.empty((len(records), *shape), np.float32)
        self._transformer.apply(pixels, out)
        return out, labels

    def _load_one_by_one(self, records: list[Record]) -> tuple[np.ndarray, np.ndarray]:
        """Load a batch of encoded images, of floats, or of images that differ in size before they are cropped."""
        labels = np.empty(len(records), np.float32)
        out: np.ndarray | None = None
        for index, record in enumerate(records):
            datum = self._parse(record)
            pixels = self._pixels(record, datum)
            shape = self._transformer.output_shape(pixels.shape)
            if out is None:
                out = np.empty((len(records), *shape), np.float32)
            elif shape != out.shape[1:]:
                raise self._fail(
                    f"{_at(self._database, record)} gives values of shape {shape}, but the first image of its batch "
                    f"{out.shape[1:]}; images that differ need a crop_size, or batch_size 1"
                )
            self._transformer.apply(pixels[np.newaxis], out[index : index + 1])
            labels[index] = datum.label
        assert out is not None
        return out, labels

    def _parse(self, record: Record) -> Datum:
        """Read the datum of a record."""
        return self._read(record, parse_datum)

    def _pixels(self, record: Record, datum: Datum) -> np.ndarray:
        """The image of a datum."""
        transformer = self._transformer
        if not datum.encoded:
            self._warn_of_force()
        elif transformer.force_both:
            raise self._fail("transform_param has both force_color and force_gray; give one of them")
        return self._read(record, lambda _: datum.pixels(transformer.color))

    def _read(self, record: Record, read: Callable[[Any], Any]) -> Any:
        """Read something from a record; an error says from which."""
        try:
            return read(record[1])
        except ValueError as error:
            raise self._fail(f"{_at(self._database, record)} {error}") from error

    def _warn_of_force(self) -> None:
        """Say once that plain pixels stay as they are."""
        if not self._warned and (self._transformer.color is not None or self._transformer.force_both):
            logger.warning("%s", self._fail("force_color and force_gray are for encoded images; these are not"))
            self._warned = True

    def position(self) -> dict:
        """Return the key of the last record that was read."""
        return {"after": self._after.hex(), **self._transformer.position()}

    def go_to(self, position: dict) -> None:
        """Go on behind a key."""
        self._after = bytes.fromhex(position["after"])
        self._keys, self._labels, self._n_read, self._are_all_raw = [], [], 0, True
        self._transformer.go_to(position)

    def close(self) -> None:
        """Let go of the database."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None


def _at(database: Database, record: Record) -> str:
    """Name a record."""
    return f"{database.path}: the record with key {bytes(record[0]).decode('utf-8', 'backslashreplace')!r}"
