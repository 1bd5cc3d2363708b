"""Python: a layer that a user has written."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence

from cnnvis_caffe.errors import UnsupportedLayerError
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.faces import RawBlobVec
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.python_layer import PythonLayer
from cnnvis_caffe.runtime.vectors import BoolVec


class Python(Layer):
    """Hands everything to an object of the class that python_param names.

    Attributes
    ----------
    instance : PythonLayer
        That object; what its methods raise comes out unchanged.

    Notes
    -----
    Follows `include/caffe/layers/python_layer.hpp` and `GetPythonLayer` in `src/caffe/layer_factory.cpp`. The
    module is found on `sys.path`.
    """

    n_bottoms = (0, None)
    n_tops = (0, None)
    always_reshape = True
    can_be_recorded = False

    def __init__(self, param: object, where: str = "", *, initialize: bool = True) -> None:
        super().__init__(param, where, initialize=initialize)
        if not initialize:
            module, name = self.param.python_param.module, self.param.python_param.layer
            raise UnsupportedLayerError(
                self.name,
                self.type,
                f"{self.where}: class {name!r} of module {module!r} finds the shapes of its tops by "
                "code, which is not run here: the net is only looked at; give the shapes of its tops",
            )
        self.instance = self._find_class()(self.param)

    def _find_class(self) -> type[PythonLayer]:
        """The class that python_param names."""
        param = self.param.python_param
        if "/" in param.module or param.module.startswith("."):
            raise self.error(
                f"python_param.module {param.module!r} is a path; give the name that an import statement has, with its "
                "folder on sys.path (PYTHONPATH)"
            )
        try:
            module = importlib.import_module(param.module)
        except SyntaxError as error:
            raise self.error(
                f"python_param.module {param.module!r} cannot be imported: {error.filename}:{error.lineno}: {error.msg}"
            ) from error
        except (ImportError, ValueError) as error:
            raise self.error(
                f"python_param.module {param.module!r} cannot be imported: {error}; its folder must be on "
                "sys.path (PYTHONPATH)"
            ) from error
        found = getattr(module, param.layer, None)
        if not (inspect.isclass(found) and issubclass(found, PythonLayer)):
            names = [
                name
                for name, item in vars(module).items()
                if inspect.isclass(item) and issubclass(item, PythonLayer) and item is not PythonLayer
            ]
            trouble = "is not there" if found is None else "does not derive from caffe.Layer"
            raise self.error(
                f"python_param.layer {param.layer!r} {trouble}; layers in module {param.module!r}: "
                f"{', '.join(names) or 'none'}"
            )
        return found

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Tell the object what it is and let it make its parameters."""
        self.instance.param_str = self.param.python_param.param_str
        self.instance.phase = self.phase
        self.instance._param_blobs = self.blobs
        self.instance.setup(_seen(bottoms), _seen(tops))

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Let the object shape its tops."""
        self.instance.reshape(_seen(bottoms), _seen(tops))

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Let the object compute; it may use autograd inside."""
        with torch.enable_grad():
            self.instance.forward(_seen(bottoms), _seen(tops))

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Let the object compute gradients."""
        with torch.enable_grad():
            self.instance.backward(_seen(tops), BoolVec.on(list(propagate_down)), _seen(bottoms))


def _seen(blobs: Sequence[Blob]) -> RawBlobVec:
    """Blobs as the object sees them."""
    return RawBlobVec.on(list(blobs))
