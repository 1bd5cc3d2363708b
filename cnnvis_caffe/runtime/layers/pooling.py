"""Pooling: the maximum, the mean or a random pick of each window."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer, is_train
from cnnvis_caffe.runtime.layers import pool as pools
from cnnvis_caffe.runtime.layers.pool import MaximumPlaces, Pool


class Pooling(Layer):
    """Pools over height and width; MAX can show the places of the maxima as a second top.

    Notes
    -----
    Follows `src/caffe/layers/pooling_layer.cpp`. A place is ``row * width + column``, as float32.
    """

    n_tops = (1, 2)
    can_be_in_place = False
    fork_settings = ("pooling_param.ceil_mode",)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read and check the windows."""
        param = self.param.pooling_param
        self.method: int = param.pool
        self.is_max = self.method == schema.PoolingParameter.MAX
        if len(tops) > 1 and not self.is_max:
            raise self.error("only MAX pooling has a second top (the places of the maxima)")
        sized = param.HasField("kernel_size")
        pair = param.HasField("kernel_h"), param.HasField("kernel_w")
        if param.global_pooling:
            if sized or any(pair):
                raise self.error("pooling_param: global_pooling takes the whole image; leave the kernel out")
        elif sized == all(pair):
            # Caffe quirk: kernel_size with only one of the pair is accepted, and kernel_size counts.
            raise self.error("pooling_param: give either kernel_size or both kernel_h and kernel_w")
        stride = self._pair("stride")
        pad = self._pair("pad")
        kernel = (param.kernel_size,) * 2 if sized else (param.kernel_h, param.kernel_w)
        if not param.global_pooling and min(kernel) < 1:
            raise self.error(f"pooling_param: the kernel must be at least 1, got {kernel}")
        if min(stride) < 1:
            raise self.error(f"pooling_param: the stride must be at least 1, got {stride}")
        if param.global_pooling and (any(pad) or stride != (1, 1)):
            raise self.error("pooling_param: global_pooling needs pad 0 and stride 1")
        if any(pad) and self.method == schema.PoolingParameter.STOCHASTIC:
            raise self.error("pooling_param: padding is for MAX and AVE pooling only")
        if any(pad) and (pad[0] >= kernel[0] or pad[1] >= kernel[1]):
            raise self.error(f"pooling_param: the padding {pad} must be smaller than the kernel {kernel}")
        # Forks had ceil_mode before Caffe had round_mode; each rounds down only where the file says so.
        self.pool = Pool(kernel, stride, pad, param.ceil_mode and param.round_mode == schema.PoolingParameter.CEIL)
        self.places: MaximumPlaces | None = None

    def _pair(self, what: str) -> tuple[int, int]:
        """Stride or padding along height and width."""
        param = self.param.pooling_param
        given = param.HasField(f"{what}_h"), param.HasField(f"{what}_w")
        if any(given) and (param.HasField(what) or not all(given)):
            raise self.error(f"pooling_param: give either {what} or both {what}_h and {what}_w")
        if all(given):
            return getattr(param, f"{what}_h"), getattr(param, f"{what}_w")
        return (getattr(param, what),) * 2

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the tops the number of windows."""
        shape = self.image_shape(bottoms[0])
        if self.param.pooling_param.global_pooling:
            self.pool = Pool((shape[2], shape[3]), (1, 1), (0, 0), self.pool.ceil)
        sizes = self.pool.sizes(shape[2:])
        if min(sizes) < 0:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {shape} is too small for windows of {self.pool.kernel}"
            )
        for top in tops:
            top.reshape(*shape[:2], *sizes)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Pool."""
        if not tops[0].count:
            return  # an empty batch, or an image that has become too small for a window
        x = bottoms[0].value
        tops[0].forget_data()
        self.places = None
        if self.is_max and (self.needs_backward or len(tops) > 1):
            tops[0].value, self.places = pools.max_pool_with_places(x, self.pool)
            if len(tops) > 1:
                tops[1].value = self.places.marked().to(x.dtype)
        elif self.is_max:
            tops[0].value = pools.max_pool(x, self.pool)
        elif self.method == schema.PoolingParameter.AVE:
            tops[0].value = pools.average_pool(x, self.pool)
        else:
            # A CPU build of Caffe stops here; a GPU build computes this.
            tops[0].value, self.places = pools.stochastic_pool(x, self.pool, is_train(self))

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give each window's gradient back to its pixels."""
        if not propagate_down[0]:
            return
        if not tops[0].count:
            bottoms[0].clear_diff()
            return
        x, dy = bottoms[0].value, tops[0].grad
        bottoms[0].forget_diff()
        if self.method == schema.PoolingParameter.AVE:
            bottoms[0].grad = pools.average_pool_backward(dy, x, self.pool)
            return
        if len(tops) > 1:
            # Caffe reads the places from the second top, where a script may have changed them.
            places = pools.checked_places(self, pools.places_from(self, tops[1].value, x), dy)
            bottoms[0].grad = pools.scatter(places.kept(dy), places.index, x.shape)
        elif self.is_max:
            if self.places is None:  # after a test, which keeps none; Caffe keeps those of every pass
                _, self.places = pools.max_pool_with_places(x, self.pool)
            bottoms[0].grad = pools.max_pool_backward(self, dy, x, self.places, self.pool)
        else:
            bottoms[0].grad = pools.scatter(dy, pools.checked_places(self, self.places, dy).index, x.shape)
