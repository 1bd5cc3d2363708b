"""Blobs: shapes, room, live views, sharing."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

from cnnvis_caffe.errors import ShapeError
from cnnvis_caffe.runtime.blob import Blob


def filled(*shape, name="b"):
    """A blob of 0, 1, 2, ... with diffs 100 higher."""
    blob = Blob(shape, name=name)
    blob.data.flat = np.arange(blob.count)
    blob.diff.flat = np.arange(blob.count) + 100
    return blob


def test_shape_and_count():
    blob = Blob((2, 3, 4))
    assert (blob.shape, blob.count, blob.data.shape, blob.diff.shape) == ((2, 3, 4), 24, (2, 3, 4), (2, 3, 4))


def test_single_value_has_no_axes():
    blob = Blob(())
    assert (blob.shape, blob.count, blob.data.shape) == ((), 1, ())


def test_views_are_float32_contiguous_and_writable():
    blob = Blob((2, 3))
    for view in (blob.data, blob.diff):
        assert view.dtype == np.float32 and view.flags.c_contiguous and view.flags.writeable
        assert not view.any()


@pytest.mark.parametrize("part", ["data", "diff"])
def test_views_cannot_be_replaced(part):
    with pytest.raises(AttributeError):
        setattr(Blob((2,)), part, np.zeros(2))


def test_legacy_axes():
    assert [getattr(Blob((2, 3)), axis) for axis in ("num", "channels", "height", "width")] == [2, 3, 1, 1]
    with pytest.raises(ShapeError, match="at most 4"):
        Blob((1, 1, 1, 1, 1)).num  # noqa: B018


@pytest.mark.parametrize(("index", "axis"), [(0, 0), (2, 2), (-1, 2), (-3, 0)])
def test_axis_may_count_from_the_end(index, axis):
    assert Blob((2, 3, 4)).axis(index) == axis


@pytest.mark.parametrize("index", [3, -4])
def test_axis_out_of_range(index):
    with pytest.raises(ShapeError, match=str(index)):
        Blob((2, 3, 4)).axis(index)


@pytest.mark.parametrize("shape", [(-1, 2), (1,) * 33, (2**16, 2**15)])
def test_impossible_shapes(shape):
    with pytest.raises(ShapeError):
        Blob(shape)


def test_most_axes_and_values():
    assert Blob((1,) * 32).count == 1
    assert Blob((2**16, 2**15 - 1)).count == 2**31 - 2**16, "nothing is allocated before the first touch"


def test_blob_without_shape_is_not_touched():
    blob = Blob(name="fresh")
    assert (blob.shape, blob.count) == ((), 0)
    for use in (lambda: blob.data, lambda: blob.diff, lambda: blob.value, lambda: blob.grad):
        with pytest.raises(ShapeError, match="'fresh'"):
            use()


def test_shrinking_keeps_contents_and_place():
    blob = filled(4, 3)
    place = blob.data.ctypes.data
    blob.reshape(2, 3)
    assert blob.data.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert blob.diff.tolist() == [[100, 101, 102], [103, 104, 105]]
    assert blob.data.ctypes.data == place
    blob.reshape(4, 3)
    assert blob.data.ravel().tolist() == list(range(12)), "what was beyond has not been lost"


def test_shrinking_keeps_what_layers_wrote():
    blob = Blob((4, 3))
    blob.value = torch.arange(12.0).reshape(4, 3)
    blob.reshape(2, 3)
    blob.value = torch.zeros(2, 3)
    blob.reshape(4, 3)
    assert blob.data.ravel().tolist() == [0] * 6 + list(range(6, 12))


def test_growing_zeroes_data_and_diff():
    blob = filled(2, 3)
    blob.reshape(3, 3)
    assert not blob.data.any() and not blob.diff.any()


def test_room_is_for_the_largest_shape_ever():
    blob = filled(4, 3)
    blob.reshape(1, 3)
    blob.reshape(2, 6)
    assert blob.data.ravel().tolist() == list(range(12))


def test_view_of_a_blob_that_grows_keeps_its_old_values():
    blob = filled(2, 3)
    view = blob.data
    blob.reshape(3, 3)
    blob.data[...] = 9
    gc.collect()
    assert view.ravel().tolist() == list(range(6))


def test_view_survives_its_blob():
    blob = filled(2, 3)
    view, diff = blob.data, blob.diff
    del blob
    gc.collect()
    assert view.ravel().tolist() == list(range(6))
    assert diff.ravel().tolist() == list(range(100, 106))


def test_view_shows_tensors_that_are_assigned():
    blob = Blob((2, 3))
    view, diff = blob.data, blob.diff
    blob.value = torch.full((2, 3), 4.0)
    blob.grad = torch.full((2, 3), 5.0)
    blob.add_grad(torch.ones(2, 3))
    assert (view == 4).all() and (diff == 6).all()
    blob.clear_diff()
    assert not diff.any()


def test_views_of_data_and_diff_are_apart():
    blob = Blob((2, 3))
    blob.data[...] = 1
    assert not blob.diff.any()
    assert not np.may_share_memory(blob.data, blob.diff)


def test_value_has_the_shape_after_shrinking():
    blob = Blob((4, 3))
    blob.value = torch.arange(12.0).reshape(4, 3)
    blob.reshape(2, 3)
    assert blob.value.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 4, 5), (2, 3, 1, 1), (1, 4, 1, 5)])
def test_channels_last_round_trip(shape):
    blob = filled(*shape)
    tensor = blob.value_channels_last
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert tensor.shape == shape
    assert blob.data.ravel().tolist() == list(range(blob.count))


def test_channels_last_after_shrinking():
    blob = Blob((2, 2, 2, 2))
    blob.value = torch.arange(16.0).reshape(2, 2, 2, 2).to(memory_format=torch.channels_last)
    blob.reshape(1, 2, 2, 2)
    assert blob.data.ravel().tolist() == list(range(8))
    blob.value = torch.arange(8.0).reshape(1, 2, 2, 2).mul(2).to(memory_format=torch.channels_last)
    assert blob.data.ravel().tolist() == list(range(0, 16, 2))


# -- sharing -------------------------------------------------------------------------------------------------------


def test_shared_data_but_not_diff():
    owner, sharer = filled(2, 3), Blob((2, 3))
    sharer.share_data(owner)
    assert sharer.shares_data_with(owner) and not sharer.shares_diff_with(owner)
    sharer.data[0, 0] = 50
    assert owner.data[0, 0] == 50
    assert not sharer.diff.any()


def test_shared_diff_adds_up():
    owner, sharer = Blob((2,)), Blob((2,))
    sharer.share_diff(owner)
    owner.add_grad(torch.ones(2))
    sharer.add_grad(torch.ones(2))
    assert owner.diff.tolist() == sharer.diff.tolist() == [2, 2]


def test_sharers_may_have_other_shapes():
    owner, sharer = filled(2, 3), Blob((3, 2))
    sharer.share_data(owner)
    assert sharer.value.tolist() == [[0, 1], [2, 3], [4, 5]]
    sharer.value = torch.full((3, 2), 7.0)
    assert owner.data.shape == (2, 3) and (owner.data == 7).all()


def test_views_of_both_are_live():
    owner, sharer = filled(2, 3), Blob((2, 3))
    sharer.share_data(owner)
    views = owner.data, sharer.data
    owner.value = torch.full((2, 3), 1.0)
    assert all((view == 1).all() for view in views)
    sharer.value = torch.full((2, 3), 2.0)
    assert all((view == 2).all() for view in views)


def test_view_from_before_the_sharing_keeps_the_old_values():
    owner, sharer = filled(2, 3), filled(2, 3)
    view = sharer.data
    sharer.share_data(owner)
    owner.data[...] = -1
    gc.collect()
    assert view.ravel().tolist() == list(range(6))


def test_sharing_needs_the_same_count():
    with pytest.raises(ShapeError, match="same"):
        Blob((2, 3)).share_data(Blob((2, 2)))
    with pytest.raises(ShapeError, match="same"):
        Blob((2, 3)).share_diff(Blob((2, 2)))


def test_growth_ends_the_sharing():
    owner, sharer = filled(2, 3), Blob((2, 3))
    sharer.share_data(owner)
    sharer.reshape(3, 3)
    sharer.data[...] = 9
    assert owner.data.ravel().tolist() == list(range(6))


def test_version_is_that_of_the_data():
    blob = filled(2, 3)
    version = blob.version
    blob.grad = torch.ones(2, 3)
    assert blob.version == version
    blob.value = torch.ones(2, 3)
    assert blob.version != version
