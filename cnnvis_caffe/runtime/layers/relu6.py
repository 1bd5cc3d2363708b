"""ReLU6: a rectifier that ends at 6."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.elementwise import Elementwise, kept_value


class ReLU6(Elementwise):
    """y = min(max(x, 0) + negative_slope * min(x, 0), 6).

    Notes
    -----
    Follows `src/caffe/layers/relu6_layer.cpp` of MobileNetV2's forks, which read the slope from `relu_param`; some
    have `relu6_param`.
    """

    fork = "MobileNetV2"
    fork_settings = ("relu6_param",)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the slope."""
        own = self.param.HasField("relu6_param")
        self.negative_slope = (self.param.relu6_param if own else self.param.relu_param).negative_slope

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Rectify."""
        # In place, backward still needs what is overwritten here.
        self._x = kept_value(bottoms[0]) if tops[0] is bottoms[0] else None
        x = bottoms[0].value if self._x is None else self._x
        tops[0].value = x.clamp(0, 6) + self.negative_slope * x.clamp(max=0)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Pass the gradient between 0 and 6, times the slope below."""
        if propagate_down[0]:
            x = bottoms[0].value if self._x is None else self._x
            passed = ((x > 0) & (x < 6)).to(x.dtype) + self.negative_slope * (x <= 0)
            bottoms[0].grad = tops[0].grad * passed
