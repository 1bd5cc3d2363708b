"""The parameters of a net: who owns them, who shares them, how fast they learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.blob import Blob

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.net import Net


class ParamTable:
    """All parameters of a net in the order of its layers.

    Attributes
    ----------
    all : list of Blob
        Every parameter blob of every layer.
    places : list of tuple of int
        (layer index, index in the layer) of each.
    owners : list of int
        For each, the index into `all` of the blob whose memory it uses, or -1 if it owns its memory.
    learnable : list of Blob
        The blobs that own their memory.
    learnable_ids : list of int
        For each of `all`, the index into `learnable` of its owner.
    lr_mults, decay_mults : list of float
        For each of `learnable`.
    display_names : list of list of str
        For each layer: the names of its parameters, or their numbers.

    Notes
    -----
    Follows `Net::AppendParam` and `Net::ShareWeights` in `src/caffe/net.cpp`.
    """

    def __init__(self, net: Net) -> None:
        self.all: list[Blob] = []
        self.places: list[tuple[int, int]] = []
        self.owners: list[int] = []
        self.learnable: list[Blob] = []
        self.learnable_ids: list[int] = []
        self.lr_mults: list[float] = []
        self.decay_mults: list[float] = []
        self.display_names: list[list[str]] = []
        self._lr_is_given: list[bool] = []
        self._decay_is_given: list[bool] = []
        self._id_by_name: dict[str, int] = {}
        for layer_index, layer in enumerate(net.layers):
            specs = layer.param.param
            self.display_names.append([])
            for index, blob in enumerate(layer.blobs):
                spec = specs[index] if index < len(specs) else schema.ParamSpec()
                self.display_names[-1].append(spec.name or str(index))
                self.all.append(blob)
                self.places.append((layer_index, index))
                if spec.name in self._id_by_name:
                    self._share(net, spec, self._id_by_name[spec.name])
                else:
                    self._own(spec)
        for blob, owner in zip(self.all, self.owners):
            if owner >= 0:
                blob.share_data(self.all[owner])
                blob.share_diff(self.all[owner])

    def _own(self, spec: Any) -> None:
        """The newest parameter has memory of its own."""
        if spec.name:
            self._id_by_name[spec.name] = len(self.all) - 1
        self.owners.append(-1)
        self.learnable_ids.append(len(self.learnable))
        self.learnable.append(self.all[-1])
        self.lr_mults.append(spec.lr_mult)
        self.decay_mults.append(spec.decay_mult)
        self._lr_is_given.append(spec.HasField("lr_mult"))
        self._decay_is_given.append(spec.HasField("decay_mult"))

    def _share(self, net: Net, spec: Any, owner: int) -> None:
        """The newest parameter has a name that was seen before: it uses that one's memory."""
        blob, owner_blob = self.all[-1], self.all[owner]
        layer = net.layers[self.places[-1][0]]
        permissive = spec.share_mode == schema.ParamSpec.PERMISSIVE
        fits = blob.count == owner_blob.count if permissive else blob.shape == owner_blob.shape
        if not fits:
            owner_name = net.layer_names[self.places[owner][0]]
            wanted = "the same number of values" if permissive else "the same shape (or share_mode: PERMISSIVE)"
            raise layer.shape_error(
                f"cannot share parameter {spec.name!r} of shape {owner_blob.shape}, owned by layer {owner_name!r}, "
                f"as its own has shape {blob.shape}; sharing needs {wanted}"
            )
        self.owners.append(owner)
        index = self.learnable_ids[owner]
        self.learnable_ids.append(index)
        self._agree(layer, spec, "lr_mult", self.lr_mults, self._lr_is_given, index)
        self._agree(layer, spec, "decay_mult", self.decay_mults, self._decay_is_given, index)

    @staticmethod
    def _agree(layer: Any, spec: Any, field: str, values: list[float], given: list[bool], index: int) -> None:
        """Whoever gives a multiplier first decides; a different second one is an error."""
        if not spec.HasField(field):
            return
        value = getattr(spec, field)
        if given[index] and value != values[index]:
            raise LayerError(
                layer.name,
                f"{layer.where}: shared parameter {spec.name!r} has {field} {value}, but {values[index]} was given "
                "before; give the same, or leave one out",
            )
        values[index], given[index] = value, True
