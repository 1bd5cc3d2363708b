"""Where values are, and that a view that was handed out shows the newest ones."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.memory import BOTH, HOST, TENSOR, ZERO, Memory


def counting(*shape):
    """A tensor of 0, 1, 2, ..."""
    return torch.arange(float(np.prod(shape))).reshape(shape)


def test_untouched_memory_is_zero_and_takes_no_room():
    memory = Memory(6)
    assert memory.where == ZERO
    assert memory.array().tolist() == [0] * 6
    assert memory.where == HOST


def test_array_is_flat_float32_contiguous_and_writable():
    array = Memory(6).array()
    assert array.shape == (6,)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous and array.flags.writeable


def test_tensor_is_the_memory_itself():
    memory = Memory(6)
    tensor = counting(2, 3)
    memory.write(tensor)
    assert memory.where == TENSOR
    assert memory.read((2, 3)) is tensor
    assert memory.array().ctypes.data == tensor.data_ptr()


def test_tensor_of_another_shape_shows_the_same_values():
    memory = Memory(6)
    memory.write(counting(2, 3))
    assert memory.read((3, 2)).tolist() == [[0, 1], [2, 3], [4, 5]]


def test_view_taken_before_shows_what_is_written_later():
    memory = Memory(6)
    view = memory.array()
    memory.write(counting(2, 3))
    assert view.tolist() == [0, 1, 2, 3, 4, 5]
    memory.add(counting(2, 3))
    assert view.tolist() == [0, 2, 4, 6, 8, 10]
    memory.zero()
    assert view.tolist() == [0] * 6


def test_part_of_a_view_keeps_the_view_live():
    memory = Memory(6)
    part = memory.array().reshape(2, 3)[1, ::2]
    gc.collect()
    memory.write(counting(2, 3))
    assert part.tolist() == [3, 5]


def test_writes_through_a_view_are_read():
    memory = Memory(6)
    memory.write(counting(2, 3))
    view = memory.array()
    view[:] = 7
    assert memory.read((2, 3)).tolist() == [[7] * 3] * 2
    view[0] = 8
    assert memory.read((2, 3))[0, 0] == 8


def test_views_are_all_the_same_memory():
    memory = Memory(6)
    assert np.may_share_memory(memory.array(), memory.array())


def test_view_survives_the_memory():
    memory = Memory(3)
    memory.write(counting(3))
    view = memory.array()
    del memory
    gc.collect()
    assert view.tolist() == [0, 1, 2]


def test_without_a_view_a_written_tensor_is_not_copied():
    memory = Memory(6)
    memory.array()
    tensor = counting(2, 3)
    memory.write(tensor)
    assert memory.read((2, 3)) is tensor


def test_version_changes_with_the_values():
    memory = Memory(6)
    versions = [memory.version]
    memory.write(counting(6))
    versions.append(memory.version)
    memory.add(counting(6))
    versions.append(memory.version)
    memory.zero()
    versions.append(memory.version)
    memory.array()[0] = 1
    versions.append(memory.version)
    assert len(set(versions)) == len(versions) and None not in versions


def test_version_stays_while_nothing_is_written():
    memory = Memory(6)
    memory.write(counting(6))
    version = memory.version
    memory.read((6,))
    memory.read((2, 3))
    assert memory.version == version


def test_version_is_unknown_while_a_view_can_change_the_values():
    memory = Memory(6)
    view = memory.array()
    assert memory.version is None
    del view
    assert memory.version is not None


def test_channels_last_and_back():
    memory = Memory(24)
    values = counting(1, 4, 2, 3)
    memory.write(values.clone())
    tensor = memory.read_channels_last((1, 4, 2, 3))
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(tensor, values)
    assert memory.read((1, 4, 2, 3)) is tensor, "the conversion is kept for the next reader"
    assert memory.array().tolist() == list(range(24))


def test_plain_order_is_kept_for_the_next_reader():
    memory = Memory(24)
    memory.write(counting(2, 3, 2, 2).contiguous(memory_format=torch.channels_last))
    plain = memory.read_plain((2, 3, 2, 2))
    assert plain.is_contiguous()
    assert plain.flatten().tolist() == list(range(24))
    assert memory.read((2, 3, 2, 2)) is plain


def test_forgotten_values_are_gone_and_their_room_is_free():
    memory = Memory(6)
    memory.write(counting(2, 3))
    version = memory.version
    memory.forget()
    assert memory.tensor is None
    assert memory.version != version
    memory.write(counting(3, 2))
    assert memory.array().tolist() == [0, 1, 2, 3, 4, 5]


def test_what_is_seen_or_may_be_seen_again_is_not_forgotten():
    seen = Memory(6)
    view = seen.array()
    view[:] = 7
    seen.forget()
    assert view.tolist() == seen.read((6,)).tolist() == [7] * 6
    shrunk = Memory(6)
    shrunk.array()[:] = 7
    shrunk.write(counting(2))
    shrunk.forget()
    assert shrunk.array().tolist() == [0, 1, 7, 7, 7, 7]


def test_channels_last_does_not_go_behind_a_view():
    memory = Memory(24)
    view = memory.array()
    memory.write(counting(1, 4, 2, 3))
    tensor = memory.read_channels_last((1, 4, 2, 3))
    view[5] = -1
    assert tensor.flatten()[5] == 5, "a conversion is a copy then"
    assert memory.read((1, 4, 2, 3)).flatten()[5] == -1


def test_tensor_in_channels_last_is_taken_as_it_is():
    memory = Memory(24)
    tensor = counting(1, 4, 2, 3).to(memory_format=torch.channels_last)
    memory.write(tensor)
    assert memory.read((1, 4, 2, 3)) is tensor
    assert memory.array().tolist() == list(range(24))


@pytest.mark.parametrize("leased", [False, True])
def test_values_beyond_a_smaller_tensor_stay(leased):
    """A blob that shrinks and grows back shows them again."""
    memory = Memory(6)
    view = memory.array() if leased else None
    memory.write(counting(2, 3))
    for _ in range(2):
        memory.write(torch.full((2, 2), 9.0))
    assert memory.array().tolist() == [9] * 4 + [4, 5]
    assert view is None or view.tolist() == [9] * 4 + [4, 5]


def test_values_beyond_a_smaller_tensor_stay_zero():
    memory = Memory(6)
    memory.array()[:] = 1
    memory.zero()
    memory.write(counting(4))
    assert memory.array().tolist() == [0, 1, 2, 3, 0, 0]


def test_add_to_zero_takes_the_tensor():
    memory = Memory(6)
    tensor = counting(6)
    memory.add(tensor)
    assert memory.read((6,)) is tensor


# -- the rule of the head, on a device that has memory of its own --------------------------------------------------


@pytest.mark.gpu
def test_gpu_reads_what_the_cpu_wrote(on_gpu):
    memory = Memory(6)
    memory.array()[:] = 3
    tensor = memory.read((2, 3))
    assert tensor.device == on_gpu
    assert tensor.tolist() == [[3] * 3] * 2
    assert memory.where == BOTH


@pytest.mark.gpu
def test_cpu_reads_what_the_gpu_wrote(on_gpu):
    memory = Memory(6)
    memory.write(counting(2, 3).to(on_gpu))
    assert memory.where == TENSOR
    assert memory.array().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.gpu
def test_view_is_brought_up_to_date_when_it_is_asked_for_again(on_gpu):
    """As in Caffe, where data are copied from the GPU when `data` is looked at."""
    memory = Memory(6)
    view = memory.array()
    memory.write(counting(6).to(on_gpu))
    again = memory.array()
    assert again.tolist() == view.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.gpu
def test_writes_through_a_fresh_view_are_seen_on_the_gpu(on_gpu):
    memory = Memory(6)
    memory.write(counting(6).to(on_gpu))
    memory.array()[1] = 10
    assert memory.read((6,)).tolist() == [0, 10, 2, 3, 4, 5]


@pytest.mark.gpu
def test_gpu_channels_last_and_back(on_gpu):
    memory = Memory(24)
    memory.array()[:] = np.arange(24)
    tensor = memory.read_channels_last((1, 4, 2, 3))
    assert tensor.device == on_gpu and tensor.is_contiguous(memory_format=torch.channels_last)
    assert memory.array().tolist() == list(range(24))


@pytest.mark.gpu
def test_change_of_mode_brings_the_values_along(on_gpu):
    memory = Memory(6)
    memory.write(counting(6).to(on_gpu))
    backend.set_mode_cpu()
    tensor = memory.read((6,))
    assert tensor.device.type == "cpu" and tensor.tolist() == [0, 1, 2, 3, 4, 5]
    backend.set_mode_gpu()
    assert memory.read((6,)).device == on_gpu
