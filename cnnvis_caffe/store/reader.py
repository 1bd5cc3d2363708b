"""Reading an analysis file: what is large is read when it is asked for."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, overload

import numpy as np

from cnnvis_caffe.errors import StoreError, StoreVersionError, UnknownNameError
from cnnvis_caffe.records.analysis import (
    Analysis,
    CellImages,
    Connections,
    Curve,
    DataSummary,
    LayerDebug,
    LayerFeatures,
    Node,
    Snapshot,
    WeightCounts,
)
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.records.preparation import PreparationTrial
from cnnvis_caffe.store import schema
from cnnvis_caffe.store.h5 import OpenFile
from cnnvis_caffe.store.migration import migrate
from cnnvis_caffe.store.pictures import StoredPictures
from cnnvis_caffe.store.schema import connection_key, escape

_WHAT = "analysis file; `cnnvis-caffe analyze` makes one"
#: What was read last is kept, up to this many bytes.
_CACHE_BYTES = 128 << 20

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def read_analysis(path: str | os.PathLike[str]) -> Analysis:
    """Open an analysis file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Analysis
        Its mappings read from the file when they are asked, and raise StoreError where it is damaged. The file
        stays open as long as the analysis is in use.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    StoreError
        If it is not an analysis file, or is damaged.
    StoreVersionError
        If it is of a newer version.
    """
    file = OpenFile(os.fspath(path), _WHAT)
    if not file.is_of_format(schema.FORMAT):
        raise StoreError(file.path, "", f"is an HDF5 file, but no {_WHAT}")
    version = file.attribute("/", "schema_version", int)
    if version > schema.VERSION or version < 1:
        raise StoreVersionError(
            file.path,
            "schema_version",
            f"is {version}, but this program reads versions 1 to {schema.VERSION}; update the program",
        )
    if version < schema.VERSION:
        migrate(file, version)
    return _AnalysisReader(file).analysis()


class _Cache:
    """The values that were read last."""

    def __init__(self, n_bytes: int) -> None:
        self._left = n_bytes
        self._values: OrderedDict[Any, tuple[Any, int]] = OrderedDict()

    def get(self, key: Any, read: Callable[[], Any]) -> Any:
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key][0]
        value = read()
        size = _size(value)
        self._values[key] = value, size
        self._left -= size
        while self._left < 0 and len(self._values) > 1:
            _, (_, freed) = self._values.popitem(last=False)
            self._left += freed
        return value


def _size(value: Any) -> int:
    """Bytes of the arrays in a value."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (StoredFeatures, StoredConnections)):
        return 0  # its arrays are kept one by one
    return sum(_size(getattr(value, item.name)) for item in fields(value)) if is_dataclass(value) else 0


class Lazy(Mapping[_Key, _Value]):
    """A mapping whose values are read when they are asked for.

    Parameters
    ----------
    file : OpenFile
    cache : _Cache
    kind : str
        What tells its values from those of other mappings.
    keys : iterable
    read : callable
        Gives the value of a key.
    """

    def __init__(
        self, file: OpenFile, cache: _Cache, kind: str, keys: Iterable[_Key], read: Callable[[_Key], _Value]
    ) -> None:
        self._file, self._cache, self._kind, self._read = file, cache, kind, read
        self._keys = dict.fromkeys(keys)

    def __getitem__(self, key: _Key) -> _Value:
        if key not in self._keys:
            if isinstance(key, str):
                raise UnknownNameError(f"layer in the {self._kind}", key, map(str, self._keys))
            raise KeyError(key)
        with self._file.lock:
            value: _Value = self._cache.get((self._kind, key), lambda: self._read(key))
            return value

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"<{self._kind} of {len(self)} in {self._file.path}>"


class _Stored:
    """An array of a record that is read when it is asked for; what is set on the record itself comes first."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, record: Any, _: type | None = None) -> Any:
        return record._read(self._name)


class StoredFeatures(LayerFeatures):
    """Features of a node: a picture needs two of their arrays; each is read when it is asked for."""

    _read: Callable[[str], np.ndarray | None]


class StoredConnections(Connections):
    """What joins the neurons of two nodes, likewise."""

    _read: Callable[[str], np.ndarray | None]


_Record = TypeVar("_Record", StoredFeatures, StoredConnections)


def _stored(kind: type[_Record], read: Callable[[str], np.ndarray | None]) -> _Record:
    """Make a record from what gives an array by its name."""
    record = kind.__new__(kind)
    object.__setattr__(record, "_read", read)
    return record


for _kind in (StoredFeatures, StoredConnections):
    for _item in fields(_kind):
        setattr(_kind, _item.name, _Stored(_item.name))


class StoredThumbnails(Sequence[np.ndarray]):
    """The strongest patches of a node's neurons, decoded when they are asked for."""

    def __init__(self, pictures: StoredPictures, numbers: np.ndarray) -> None:
        self._pictures, self._numbers = pictures, numbers.tolist()

    @overload
    def __getitem__(self, which: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, which: slice) -> tuple[np.ndarray, ...]: ...
    def __getitem__(self, which: int | slice) -> np.ndarray | tuple[np.ndarray, ...]:
        if isinstance(which, slice):
            return tuple(map(self._pictures.read, self._numbers[which]))
        return self._pictures.read(self._numbers[which])

    def __len__(self) -> int:
        return len(self._numbers)


class _Named(dict[str, LayerDebug]):
    """A dict that lists near names for one that it does not have."""

    def __missing__(self, key: str) -> LayerDebug:
        raise UnknownNameError("layer in the debugging information", key, self)


class _AnalysisReader:
    """Makes the records of one file."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._cache = _Cache(_CACHE_BYTES)
        self._pools: dict[Any, StoredPictures] = {}

    def analysis(self) -> Analysis:
        file = self._file
        self._nodes = self._read_nodes()
        self._by_name = {node.name: node for node in self._nodes}
        data = self._data()
        self._n_classes = data.n_classes
        debug = self._debug()
        names = file.names("snapshots")
        if not names:
            raise StoreError(file.path, "snapshots", "is empty")
        if len(debug) != len(names):
            raise StoreError(file.path, "debug", f"is not for {len(names)} snapshots")
        order = sorted(names, key=lambda name: file.attribute(f"snapshots/{name}", "position", int))
        # Columns of /debug are in the order of the snapshots.
        snapshots = tuple(self._snapshot(name, debug[i]) for i, name in enumerate(order))
        images, classes = self._images()
        provenance = file.json("provenance")
        if not isinstance(provenance, dict):
            raise StoreError(file.path, "provenance", "is not a table")
        return Analysis(
            title=file.attribute("/", "title", str),
            nodes=self._nodes,
            data=data,
            snapshots=snapshots,
            images=images,
            image_class=classes,
            curves=self._curves(),
            provenance={str(key): str(value) for key, value in provenance.items()},
            path=file.path,
            preparation=self._preparation(),
        )

    def _preparation(self) -> PreparationTrial | None:
        """The ways to prepare images that were tried; None where none was, and in older files."""
        key = "data/preparation"
        if not self._file.has(key):
            return None
        found = self._file.json(key)
        if not isinstance(found, dict):
            raise StoreError(self._file.path, key, "is not a table")
        trial: PreparationTrial = self._record(key, lambda: PreparationTrial.from_json(found))
        return trial

    def _read_nodes(self) -> tuple[Node, ...]:
        rows = self._list("nodes")
        nodes: tuple[Node, ...] = self._record("nodes", lambda: tuple(map(_node, rows)))
        names = {node.name for node in nodes}
        if len(names) < len(nodes):
            raise StoreError(self._file.path, "nodes", "has two nodes of one name")
        return nodes

    def _data(self) -> DataSummary:
        file = self._file
        names = self._list("data/class_names")
        shape = file.array("data/input_shape", "<i8", (3,)).tolist()
        return self._record(
            "data",
            lambda: DataSummary(
                source=file.attribute("data", "source", str),
                n_images=file.attribute("data", "n_images", int),
                class_names=tuple(map(str, names)),
                class_count=file.array("data/class_count", "<i8", (len(names),)),
                channel_order=file.attribute("data", "channel_order", str),
                input_name=file.attribute("data", "input_name", str),
                input_shape=(shape[0], shape[1], shape[2]),
                preprocessing=file.attribute("data", "preprocessing", str),
                mean=file.array("data/mean", "<f4", (None, None, None)) if file.has("data/mean") else None,
                **self._task(),
            ),
        )

    def _task(self) -> dict[str, Any]:
        """What the network answers and the scale of its images, where the file says it."""
        file = self._file
        with file.reading("data"):
            there = set(file.group("data").attrs)
        names = [name for name in ("task", "column", "columns", "score_name", "item") if name in there]
        found: dict[str, Any] = {name: file.attribute("data", name, str) for name in names}
        if "columns_are_scores" in there:
            found["columns_are_scores"] = bool(file.attribute("data", "columns_are_scores", int))
        if "scale" in there:
            found["scale"] = file.attribute("data", "scale", float)
        return found

    def _measures(self, key: str) -> tuple[Measure, ...]:
        """How right the answers of a snapshot are; empty where nobody measured."""
        if not self._file.has(f"{key}/measures"):
            return ()
        rows = self._list(f"{key}/measures")
        values = self._file.array(f"{key}/measure_values", "<f8", (len(rows), 2, None))
        return self._record(f"{key}/measures", lambda: tuple(map(_measure, rows, values)))

    def _confusion(self, key: str) -> np.ndarray | None:
        """What is named as what, where somebody counted."""
        if not self._file.has(f"{key}/confusion"):
            return None
        n, _ = self._file.check(f"{key}/confusion", "<f8", (None, None))
        return self._file.array(f"{key}/confusion", "<f8", (n, n))

    def _cell_images(self, key: str) -> CellImages | None:
        """Images of each cell, in files that have them."""
        if not self._file.has(f"{key}/cell_images"):
            return None
        rows = self._file.array(f"{key}/cell_images", "<i8", (None, 3))
        lead = self._file.array(f"{key}/cell_leads", "<f4", (len(rows),))
        row, column, image = (np.ascontiguousarray(values) for values in rows.T)
        return self._record(f"{key}/cell_images", lambda: CellImages(row, column, image, lead))  # type: ignore[no-any-return]

    def _weight_counts(self, key: str) -> WeightCounts:
        counts = self._file.array(f"{key}/weight_counts", "<i8", (None,))
        low, high = self._file.array(f"{key}/weight_range", "<f8", (2,)).tolist()
        return self._record(f"{key}/weight_counts", lambda: WeightCounts(low, high, counts))  # type: ignore[no-any-return]

    def _list(self, key: str) -> list[Any]:
        """A list in JSON."""
        found = self._file.json(key)
        if not isinstance(found, list):
            raise StoreError(self._file.path, key, "is not a list")
        return found

    def _record(self, key: str, make: Callable[[], Any]) -> Any:
        """Make a record; what it does not accept is damage."""
        try:
            return make()
        except (TypeError, ValueError, AttributeError, OverflowError, KeyError) as error:
            raise StoreError(self._file.path, key, str(error)) from error

    def _images(self) -> tuple[Mapping[int, np.ndarray], Mapping[int, int]]:
        file = self._file
        indices = file.array("images/index", "<i8", (None,))
        classes = file.array("images/class", "<i8", indices.shape)
        numbers = file.array("images/picture", "<i8", indices.shape)
        file.group("images/pictures")
        pictures = StoredPictures(file, "images/pictures")
        places = dict(zip(indices.tolist(), numbers.tolist()))
        images = Lazy(file, self._cache, "images", places, lambda index: pictures.read(places[index]))
        return images, dict(zip(indices.tolist(), classes.tolist()))

    def _curves(self) -> tuple[Curve, ...]:
        file = self._file
        return tuple(self._curve(f"curves/{number}") for number in range(len(file.names("curves"))))

    def _curve(self, key: str) -> Curve:
        file = self._file
        iterations = file.array(f"{key}/iterations", "<i8", (None,))
        values = file.array(f"{key}/values", "<f8", iterations.shape)
        name, unit, source = (file.attribute(key, item, str) for item in ("name", "unit", "source"))
        return Curve(name, unit, iterations, values, source)

    def _debug(self) -> list[dict[str, LayerDebug]]:
        """By snapshot, in their order."""
        file = self._file
        layers = self._list("debug/layers")
        known = file.array("debug/known", "|u1", (len(layers), None))
        tables = {quantity: file.array(f"debug/{quantity}", "<f8", known.shape) for quantity in schema.DEBUG}
        return [
            {
                str(layer): LayerDebug(**{name: float(table[row, column]) for name, table in tables.items()})
                for row, layer in enumerate(layers)
                if known[row, column]
            }
            for column in range(known.shape[1])
        ]

    def _snapshot(self, name: str, debug: dict[str, LayerDebug]) -> Snapshot:
        file = self._file
        key = f"snapshots/{name}"
        layers = set(file.names(f"{key}/layers"))
        links = set(file.names(f"{key}/connections"))
        places = {node.name: f"{key}/layers/{escape(node.name)}" for node in self._nodes if escape(node.name) in layers}
        joined = {
            node.name: f"{key}/connections/{connection_key(node.sources[0], node.name)}"
            for node in self._nodes
            if node.sources and connection_key(node.sources[0], node.name) in links
        }
        inside = {node: set(file.names(place)) for node, place in places.items()}
        pictures = self._pictures(f"{key}/pictures")

        def lazy(kind: str, member: str, read: Callable[[str, str], Any]) -> Lazy:
            found = [node for node in places if member in inside[node]]
            return Lazy(file, self._cache, f"{kind} of {name}", found, lambda node: read(node, places[node]))

        def read_thumbnails(node: str, place: str) -> StoredThumbnails:
            numbers = file.array(f"{place}/thumbnail", "<i4", (self._by_name[node].n_neurons,))
            pictures.check(numbers)
            return StoredThumbnails(pictures, numbers)

        group = file.group(key)
        with file.reading(key):
            has_iteration = "iteration" in group.attrs
        return Snapshot(
            label=file.attribute(key, "label", str),
            iteration=file.attribute(key, "iteration", int) if has_iteration else None,
            path=file.attribute(key, "path", str),
            sha256=file.attribute(key, "sha256", str),
            loss=file.attribute(key, "loss", float),
            error=file.attribute(key, "error", float),
            features=lazy("features", "activation", self._features),
            similarity=lazy("similarity", "similarity", self._similarity),
            correlation=lazy("correlation", "correlation", self._correlation),
            connections=Lazy(
                file, self._cache, f"connections of {name}", joined, lambda node: self._connections(node, joined[node])
            ),
            scale=lazy(
                "scale",
                "scale",
                lambda node, place: file.array(f"{place}/scale", "<f4", (self._by_name[node].n_neurons,)),
            ),
            debug=_Named(debug),
            thumbnails=lazy("thumbnails", "thumbnail", read_thumbnails),
            measures=self._measures(key),
            confusion=self._confusion(key),
            cell_images=self._cell_images(key),
            kernels=lazy(
                "kernels",
                "kernels",
                lambda node, place: file.array(
                    f"{place}/kernels", "<f4", (self._by_name[node].n_neurons, None, None, None)
                ),
            ),
            weight_counts=lazy("weight counts", "weight_counts", lambda node, place: self._weight_counts(place)),
        )

    def _pictures(self, key: str) -> StoredPictures:
        """The pictures of a group, which may be that of several snapshots."""
        group = self._file.group(key).identity
        if group not in self._pools:
            self._pools[group] = StoredPictures(self._file, key)
        return self._pools[group]

    def _features(self, name: str, key: str) -> LayerFeatures:
        """Features whose arrays are there and have the right shapes; what is in them is read later."""
        file, n, c = self._file, self._by_name[name].n_neurons, self._n_classes
        k = file.check(f"{key}/top/image", "<i8", (n, None))[1]
        places: dict[str, tuple[str, str, tuple[int, ...]]] = {}
        for item in schema.ACTIVATION:
            places[item] = f"{key}/activation/{item}", "<f4", (n, c)
        for item in schema.OVERALL:
            places[item] = f"{key}/activation/{item}", "<f4", (n,)
        for item, attribute, dtype, more in schema.TOP:
            places[attribute] = f"{key}/top/{item}", dtype, (n, k, *more)
        places["contribution"] = f"{key}/contribution", "<f4", (n, c)
        if file.has(f"{key}/contribution_all"):
            places["contribution_all"] = f"{key}/contribution_all", "<f4", (n, c)
        for place in places.values():
            file.check(*place)

        def read(item: str) -> np.ndarray | None:
            return self._kept(key, item, lambda: file.array(*places[item])) if item in places else None

        return _stored(StoredFeatures, read)

    def _similarity(self, name: str, key: str) -> np.ndarray:
        return self._triangle(name, f"{key}/similarity")

    def _correlation(self, name: str, key: str) -> np.ndarray:
        return self._triangle(name, f"{key}/correlation")

    def _triangle(self, name: str, key: str) -> np.ndarray:
        n = self._by_name[name].n_neurons
        return unpack_triangle(self._file.array(key, "<i2", (n * (n + 1) // 2,)), n)

    def _connections(self, name: str, key: str) -> Connections:
        file, n = self._file, self._by_name[name].n_neurons
        shape = file.check(f"{key}/weight", "<f4", (n, None))
        there = {item.name for item in fields(Connections) if file.has(f"{key}/{item.name}")}
        for item in there:
            file.check(f"{key}/{item}", "<f4", shape)

        def read(item: str) -> np.ndarray | None:
            if item in there:
                return self._kept(key, item, lambda: file.array(f"{key}/{item}", "<f4", shape))
            signed = read(item[len("abs_") :]) if item.startswith("abs_") else None
            return None if signed is None else self._kept(key, item, lambda: np.abs(signed))

        return _stored(StoredConnections, read)

    def _kept(self, key: str, item: str, read: Callable[[], np.ndarray]) -> np.ndarray:
        """An array of a record, from the cache if it is there."""
        with self._file.lock:
            array: np.ndarray = self._cache.get((key, item), read)
            return array


def unpack_triangle(packed: np.ndarray, n: int) -> np.ndarray:
    """Return the symmetric matrix of an upper triangle.

    Parameters
    ----------
    packed : ndarray of shape (n (n + 1) / 2,), int16
    n : int

    Returns
    -------
    ndarray of shape (n, n), float32
    """
    values = packed.astype(np.float32) / schema.TRIANGLE_UNITS
    values[packed == schema.TRIANGLE_NAN] = np.nan
    matrix = np.empty((n, n), np.float32)
    rows, columns = np.triu_indices(n)
    matrix[rows, columns] = values
    matrix[columns, rows] = values
    return matrix


def _measure(row: Any, values: np.ndarray) -> Measure:
    """A measure of what JSON says of it, and its values (2, k + 1)."""
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in ("name", "unit")):
        raise ValueError("a measure has no name or no unit")
    if not values.shape[1]:
        raise ValueError("a measure has no value over all data")
    (overall, *_), (guess, *_) = values
    return Measure(
        row["name"], row["unit"], float(overall), float(guess), values[0, 1:].copy(), values[1, 1:].copy(),
        bool(row.get("is_better_high")),
    )  # fmt: skip


def _node(row: Any) -> Node:
    """A node of what JSON says of it; a later program may know more."""
    if not isinstance(row, dict):
        raise ValueError("a node is not a table")
    values = {}
    for item in fields(Node):
        if item.name in row:
            value = _tuples(row[item.name])
            if not _NODE_TYPES[str(item.type)](value):
                raise ValueError(f"{item.name!r} of a node is {value!r:.60}; it should be {item.type}")
            values[item.name] = value
    node = Node(**values)
    if node.kind == "sum" and len(node.coefficients) != len(node.sources):
        raise ValueError(f"node {node.name!r} sums {len(node.sources)} nodes by {len(node.coefficients)} coefficients")
    return node


def _is_size(value: Any) -> bool:
    """Whether a value is a number of things."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _is_number(value: Any) -> bool:
    """Whether a value is a number of any kind."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")


def _all(fits: Callable[[Any], bool], n: int | None = None) -> Callable[[Any], bool]:
    """What tells whether a value is a tuple of values that fit."""
    return lambda value: isinstance(value, tuple) and n in (None, len(value)) and all(map(fits, value))


def _is_text(value: Any) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


_LARGEST = 1 << 31
#: By the types of the fields of `Node`.
_NODE_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "int": _is_size,
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "tuple[str, ...]": _all(_is_text),
    "tuple[int, ...]": _all(_is_size),
    "tuple[float, ...]": _all(_is_number),
    "tuple[int, int]": _all(_is_size, 2),
}


def _tuples(value: Any) -> Any:
    """Lists of JSON as tuples of records."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
