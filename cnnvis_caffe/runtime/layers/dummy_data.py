"""DummyData: blobs that fillers fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer

_LEGACY_FIELDS = ("num", "channels", "height", "width")


class DummyData(Layer):
    """Fills its tops: constants once, when the net is built, anything else before every forward.

    Notes
    -----
    Follows `src/caffe/layers/dummy_data_layer.cpp`. What is not constant is zero until the first forward.
    """

    n_bottoms = (0, 0)
    n_tops = (1, None)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Shape the tops and fill the constant ones."""
        param = self.param.dummy_data_param
        fillers = list(param.data_filler) or [schema.FillerParameter(type="constant", value=0)]
        self.fillers = self._one_per_top(fillers, "data_filler", len(tops))
        for top, shape in zip(tops, self._shapes_of_tops(len(tops))):
            top.reshape(*shape)
        if self.initialize:
            self._fill(tops, constant=True)

    def _shapes_of_tops(self, n_tops: int) -> list[tuple[int, ...]]:
        """Shapes from `shape`, or from the four fields of old."""
        param = self.param.dummy_data_param
        if not any(len(getattr(param, field)) for field in _LEGACY_FIELDS):
            return [tuple(shape.dim) for shape in self._one_per_top(list(param.shape), "shape", n_tops)]
        if param.shape:
            raise self.error("dummy_data_param has both shape and num, channels, height or width; give shape only")
        columns = [self._one_per_top(list(getattr(param, field)), field, n_tops) for field in _LEGACY_FIELDS]
        return list(zip(*columns))

    def _one_per_top(self, values: list[Any], field: str, n_tops: int) -> list[Any]:
        """Use a single value for all tops."""
        if len(values) not in (1, n_tops):
            raise self.error(
                f"dummy_data_param has {len(values)} {field} for {n_tops} tops; give one, or one for each top"
            )
        return values * n_tops if len(values) == 1 else values

    def _fill(self, tops: Sequence[Blob], constant: bool) -> None:
        """Fill those tops whose filler is, or is not, of type constant."""
        for top, filler in zip(tops, self.fillers):
            if (filler.type == "constant") == constant:
                self.fill(top, filler)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Leave the shapes as they were set up."""

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Draw anew."""
        self._fill(tops, constant=False)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Has nothing below it."""
