"""InfogainLoss: softmax loss in which every class counts by a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.errors import CnnvisError, FileFormatError
from cnnvis_caffe.formats.blobproto import read_blob
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.wire import WireError
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.loss import LOG_THRESHOLD, LabelledLoss


class InfogainLoss(LabelledLoss):
    """loss = -sum(H[label, c] * log(max(softmax(x)[c], 1e-20))) / normalizer.

    Notes
    -----
    Follows `src/caffe/layers/infogain_loss_layer.cpp`. H is the third bottom, or comes from a BlobProto file.
    A second top shows the probabilities.
    """

    n_bottoms = (2, 3)
    n_tops = (1, 2)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read loss_param and, without a third bottom, the matrix."""
        if self.param.loss_param.HasField("normalize"):
            raise self.error("does not know loss_param.normalize; use normalization: VALID or BATCH_SIZE")
        self.setup_labels()
        self._probabilities = Blob(name=f"{self.name} probabilities")
        self._matrix: Blob | None = None
        if len(bottoms) < 3 and self.initialize:
            self._matrix = self._read_matrix()

    def _read_matrix(self) -> Blob:
        """H from the file that `source` names."""
        path = self.param.infogain_loss_param.source
        if not path:
            raise self.error("has no matrix; give infogain_loss_param.source, or the matrix as third bottom")
        try:
            file = MappedFile(path, FileFormatError)
            array = read_blob(file, 0, file.size).data
        except (CnnvisError, WireError) as failure:
            raise self.error(f"infogain_loss_param.source {path!r} cannot be read: {failure}") from failure
        blob = Blob(array.shape, name=path)
        blob.data[...] = array
        return blob

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find the classes and check the size of the matrix."""
        super().reshape(bottoms, tops)
        self.reshape_labels(bottoms, self.param.infogain_loss_param.axis)
        matrix = bottoms[2] if len(bottoms) > 2 else self._matrix
        if matrix is not None and matrix.count != self.n_classes**2:
            raise self.shape_error(
                f"infogain matrix {matrix.name!r} of shape {matrix.shape} has {matrix.count} values; for "
                f"{self.n_classes} classes it needs {self.n_classes} x {self.n_classes}"
            )
        self._probabilities.reshape(*bottoms[0].shape)
        if len(tops) > 1:
            tops[1].reshape(*bottoms[0].shape)

    def _rows(self, bottoms: Sequence[Blob], labels: Any) -> tuple[Any, Any]:
        """The matrix's row for each label, as (n_outer, n_classes, n_inner), and the row's sum."""
        blob = bottoms[2] if len(bottoms) > 2 else self._matrix
        assert blob is not None
        matrix = blob.value.reshape(self.n_classes, self.n_classes)
        return matrix[labels].transpose(1, 2), matrix.sum(1)[labels].unsqueeze(1)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Sum the weighted logarithms."""
        self._probabilities.value = torch.softmax(bottoms[0].value, self.class_axis)
        labels, counted = self.labels(bottoms[1])
        rows, _ = self._rows(bottoms, labels)
        logarithms = self._probabilities.value.reshape(rows.shape).clamp(min=LOG_THRESHOLD).log()
        losses = -(rows * logarithms).sum(1)
        if counted is not None:
            losses.masked_fill_(~counted, 0)
        tops[0].value = losses.sum() / self.normalizer(counted)
        if len(tops) > 1:
            tops[1].share_data(self._probabilities)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give p * sum(H[label]) - H[label]."""
        self.refuse_gradients(propagate_down, "labels", "matrix")
        if not propagate_down[0]:
            return
        labels, counted = self.labels(bottoms[1])
        rows, sums = self._rows(bottoms, labels)
        dx = self._probabilities.value.reshape(rows.shape) * sums - rows
        if counted is not None:
            dx.masked_fill_(~counted.unsqueeze(1), 0)
        bottoms[0].grad = dx.mul_(tops[0].grad / self.normalizer(counted)).view(bottoms[0].shape)
