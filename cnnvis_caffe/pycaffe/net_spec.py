"""The module ``caffe.net_spec``: networks written in Python.

`layers` makes layers and `params` gives the values of their enums::

    n = NetSpec()
    n.data = layers.Input(shape=dict(dim=[1, 1, 28, 28]))
    n.conv1 = layers.Convolution(n.data, num_output=20, kernel_size=5)
    n.pool1 = layers.Pooling(n.conv1, pool=params.Pooling.MAX, kernel_size=2, stride=2)
    print(n.to_proto())

Keywords of a layer are fields of its own settings (``convolution_param`` for Convolution) where there is
such a field, else fields of `LayerParameter`. Keywords that end in ``param`` are always the latter, which
is how types without settings of their own are configured: ``layers.Deconvolution(x,
convolution_param=dict(num_output=2))``.

The text of what comes out is that of ``python/caffe/net_spec.py``, to the byte.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.errors import UnknownBlobError
from cnnvis_caffe.pycaffe.proto import caffe_pb2


def param_name_dict() -> dict[str, str]:
    """Return the settings that belong to each layer type.

    Returns
    -------
    dict of str to str
        ``{"InnerProduct": "inner_product", ...}``: message names without "Parameter", and the names of
        their fields in `LayerParameter` without "_param". Some are no layer types, such as
        "Transformation".
    """
    return {
        field.message_type.name[: -len("Parameter")]: field.name[: -len("_param")]
        for field in caffe_pb2.LayerParameter.DESCRIPTOR.fields
        if field.name.endswith("_param")
    }


def to_proto(*tops: Top) -> Any:
    """Return the network that computes some tops, with names made up for all blobs.

    Parameters
    ----------
    *tops : Top
        What to compute.

    Returns
    -------
    caffe_pb2.NetParameter
    """
    return _network(tops, {})


def _network(tops: Any, names: dict[Top | Function, str]) -> Any:
    """Return the network that computes some tops, and complete the names of tops and layers."""
    layers: dict[Function, Any] = {}
    autonames: Counter[str] = Counter()
    for top in tops:
        top._to_proto(layers, names, autonames)
    network = caffe_pb2.NetParameter()
    network.layer.extend(layers.values())
    return network


def assign_proto(proto: Any, name: str, val: Any) -> None:
    """Set a field of a message from plain Python values.

    Parameters
    ----------
    proto : message
        Changed.
    name : str
        Field.
    val : Any
        A dict sets the fields of a message, a list extends a repeated field, a single value or dict for a
        repeated field is one element.

    Raises
    ------
    AttributeError
        If the message, or one inside it, has no such field.
    """
    field = getattr(proto, name)
    if hasattr(field, "extend"):
        elements = val if isinstance(val, list) else [val]
        if elements and isinstance(elements[0], dict):
            for element in elements:
                _assign_all(field.add(), element)
        else:
            field.extend(elements)
    elif isinstance(val, dict):
        _assign_all(field, val)
    else:
        setattr(proto, name, val)


def _assign_all(proto: Any, values: dict[str, Any]) -> None:
    """Set several fields of a message."""
    for name, value in values.items():
        assign_proto(proto, name, value)


class Top:
    """One output of a layer.

    Parameters
    ----------
    fn : Function
        The layer.
    n : int
        Which of its outputs, from 0.
    """

    def __init__(self, fn: Function, n: int) -> None:
        self.fn = fn
        self.n = n

    def to_proto(self) -> Any:
        """Return the network that computes this output, with names made up for all blobs."""
        return to_proto(self)

    def _to_proto(self, layers: dict[Function, Any], names: dict[Any, str], autonames: Counter[str]) -> None:
        """Add this top's layer, and all that it needs, to the layers."""
        self.fn._to_proto(layers, names, autonames)


class Function:
    """A layer: its type, its inputs and its settings.

    Parameters
    ----------
    type_name : str
        Layer type.
    inputs : sequence of Top
        Bottoms.
    params : dict
        Keywords; ``ntop`` (number of tops, 1 by default) and ``in_place`` (tops are the bottoms) are taken
        out.

    Attributes
    ----------
    ntop, in_place : int, bool
        As given.
    tops : tuple of Top
        Outputs.

    Raises
    ------
    TypeError
        If an input is not a `Top`, such as the tuple that a layer with two tops gives.
    """

    def __init__(self, type_name: str, inputs: Any, params: dict[str, Any]) -> None:
        self.type_name = type_name
        for index, candidate in enumerate(inputs):
            if not isinstance(candidate, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(candidate)})")
        self.inputs = inputs
        self.params = params
        self.ntop = params.pop("ntop", 1)
        self.in_place = params.pop("in_place", False)
        self.tops = tuple(Top(self, n) for n in range(self.ntop))

    def _to_proto(self, layers: dict[Function, Any], names: dict[Any, str], autonames: Counter[str]) -> None:
        """Add this layer to the layers, after those that it needs."""
        # A stack of our own: nets are deeper than Python may recurse.
        pending = [self]
        while pending:
            fn = pending[-1]
            missing = next((top.fn for top in fn.inputs if top.fn not in layers), None)
            if missing is not None:
                pending.append(missing)
                continue
            pending.pop()
            if fn not in layers:
                layers[fn] = fn._layer(layers, names, autonames)

    def _layer(self, layers: dict[Function, Any], names: dict[Any, str], autonames: Counter[str]) -> Any:
        """Return this layer's message; the layers that it needs are there."""
        layer = caffe_pb2.LayerParameter()
        layer.type = self.type_name
        layer.bottom.extend([layers[top.fn].top[top.n] for top in self.inputs])
        if self.in_place:
            layer.top.extend(layer.bottom)
        else:
            layer.top.extend([self._name(top, names, autonames) for top in self.tops])
        layer.name = self._name(self.tops[0] if self.tops else self, names, autonames)
        for keyword, value in self.params.items():
            self._assign(layer, keyword, value)
        return layer

    def _name(self, item: Top | Function, names: dict[Any, str], autonames: Counter[str]) -> str:
        """Return the name of a top, or of a layer without tops; made up if it has none: Convolution1."""
        if item not in names:
            autonames[self.type_name] += 1
            names[item] = f"{self.type_name}{autonames[self.type_name]}"
        return names[item]

    def _assign(self, layer: Any, keyword: str, value: Any) -> None:
        """Set a keyword in the layer's own settings, or in the layer itself if it has no such setting."""
        settings = _param_names.get(self.type_name)
        if settings is not None and not keyword.endswith("param"):
            try:
                assign_proto(getattr(layer, settings + "_param"), keyword, value)
                return
            except AttributeError:
                pass  # not one of the settings
        assign_proto(layer, keyword, value)


class UnknownTopError(UnknownBlobError, AttributeError):  # type: ignore[misc]  # both have a `name`
    """A name that no top of a `NetSpec` has; a `KeyError`, as in Caffe, that `hasattr` understands."""


class NetSpec:
    """A network under construction: tops become its blobs by being assigned to attributes.

    ``n.conv1 = layers.Convolution(...)`` names the blob and its layer; ``n["a/b"] = ...`` takes any name.
    Tops that are needed but not assigned get names made up from their type.

    Attributes
    ----------
    tops : OrderedDict of str to Top
        All assigned tops in order.
    """

    def __init__(self) -> None:
        super().__setattr__("tops", OrderedDict())

    def __setattr__(self, name: str, value: Any) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str) -> Any:
        tops = vars(self).get("tops", {})  # not there yet while a copy is being made
        if name not in tops:
            raise UnknownTopError(name, tops)
        return tops[name]

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __getitem__(self, item: str) -> Any:
        return self.__getattr__(item)

    def to_proto(self) -> Any:
        """Return the network that computes all assigned tops.

        Returns
        -------
        caffe_pb2.NetParameter
        """
        return _network(self.tops.values(), {top: name for name, top in self.tops.items()})


class Layers:
    """Makes layers by type: ``layers.ReLU(bottom, in_place=True)``.

    Any type name will do. A call gives the layer's `Top`, a tuple of them with ``ntop=2`` and more, and the
    `Function` itself with ``ntop=0``.
    """

    def __getattr__(self, name: str) -> Callable[..., Function | Top | tuple[Top, ...]]:
        if name.startswith("__"):
            raise AttributeError(name)  # what Python's own machinery asks of every object is not a layer type

        def layer_fn(*args: Top, **kwargs: Any) -> Function | Top | tuple[Top, ...]:
            fn = Function(name, args, kwargs)
            if fn.ntop == 0:
                return fn
            return fn.tops[0] if fn.ntop == 1 else fn.tops

        return layer_fn


class Parameters:
    """Gives the values of enums by layer type: ``params.Pooling.MAX`` is that of `PoolingParameter`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(caffe_pb2, name + "Parameter")


_param_names = param_name_dict()
layers = Layers()
params = Parameters()
