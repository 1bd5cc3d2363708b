"""The pretended GPU refuses what a real one refuses, and computes the rest."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from helpers.pretended_gpu import pretended_gpu

MEGABYTE = 10**6


@pytest.fixture()
def device():
    """A small one."""
    if torch.cuda.is_available():
        pytest.skip("there is a real GPU: nothing needs to be pretended")
    with pretended_gpu(MEGABYTE) as device, torch.no_grad():
        yield device


def counting(*shape):
    """0, 1, 2, ... on the GPU."""
    return torch.arange(float(np.prod(shape))).reshape(shape).cuda()


# -- what it computes ----------------------------------------------------------------------------------------------


def test_tensors_say_that_they_are_there(device):
    made = [torch.zeros(2, device="cuda"), torch.tensor([1], device="cuda:0"), torch.tensor(1, device="cuda")]
    made += [torch.arange(0, 6, 2, device="cuda"), torch.arange(3, device="cuda"), torch.eye(2, 3, device="cuda")]
    assert made[-2].tolist() == [0, 1, 2]
    for x in (*made, counting(2, 3), torch.as_tensor([1], device=torch.device("cuda")), torch.ones(1).to("cuda")):
        assert x.is_cuda and x.device == torch.device("cuda", 0)
    assert not torch.zeros(2).is_cuda


def test_values_are_those_of_the_cpu(device):
    x = counting(2, 3)
    assert (x[1, 1:] * 2 + 1).tolist() == [9, 11]
    assert x.sum().item() == 15 and float(x.max()) == 5 and bool((x < 6).all())
    assert (x + torch.tensor(1.0))[0].tolist() == [1, 2, 3], "a single value may come from the CPU"
    assert x[torch.tensor([1])].tolist() == [[3, 4, 5]], "and indices"
    assert torch.nn.functional.conv2d(counting(1, 1, 2, 3), counting(1, 1, 2, 1)).tolist() == [[[[3, 4, 5]]]]


def test_views_share_memory_and_writing_in_place_keeps_the_tensor(device):
    x = counting(2, 3)
    x.view(-1)[0] = 7
    assert x.add_(1) is x
    assert x.tolist() == [[8, 2, 3], [4, 5, 6]]
    assert torch.add(x, 1, out=x) is x
    (total,) = torch._foreach_add([x], 1)
    assert total.is_cuda and total[0, 0].item() == 10
    torch._foreach_mul_([total, x], 2)
    torch._foreach_copy_([x], [torch.ones(2, 3)])
    assert total[0, 0].item() == 20 and x[0, 0].item() == 1


def test_a_thread_sees_the_same_gpu(device):
    found = []

    def work():
        with torch.no_grad():
            found.append((torch.ones(3, device="cuda") + torch.arange(3.0).cuda()).tolist())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [[1, 2, 3]]


def names_of(owner):
    """What a module or class holds of its own."""
    return dict(vars(owner))


def test_it_leaves_nothing_behind():
    if torch.cuda.is_available():
        pytest.skip("there is a real GPU: nothing needs to be pretended")
    before = names_of(torch.cuda), names_of(torch), names_of(torch.Tensor)
    for _ in range(2):
        with pretended_gpu():
            assert torch.cuda.is_available() and torch.zeros(2).cuda().tolist() == [0, 0]
        assert not torch.cuda.is_available() and torch.cuda.device_count() == 0
        with pytest.raises(Exception, match="CUDA"):
            torch.zeros(2, device="cuda")
    after = names_of(torch.cuda), names_of(torch), names_of(torch.Tensor)
    assert after == before
    x = torch.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


# -- what it refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + torch.zeros(2, 3),
        lambda x: torch.zeros(2, 3) + x,
        lambda x: torch.add(x, 1, out=torch.zeros(2, 3)),
        lambda x: torch.where(torch.zeros(2, 3) > 0, x, 0.0),
        lambda x: torch.stack([x.sum(), torch.tensor(1.0)]),
        lambda x: torch.cat([x, torch.zeros(2, 3)]),
        lambda x: torch.zeros(2, 3)[x[0].long()],
        lambda x: x.gather(1, torch.zeros(2, 1, dtype=torch.int64)),
        lambda x: torch._foreach_add_([x], [torch.zeros(2, 3)]),
    ],
)
def test_no_operation_takes_tensors_of_both_devices(device, mix):
    with pytest.raises(RuntimeError, match="device|cpu"):
        mix(counting(2, 3))


def test_numpy_needs_the_values_on_the_cpu(device):
    x = counting(2, 3)
    for take in (x.numpy, lambda: np.asarray(x), lambda: np.float32(x[0, 0]) * x.sum().numpy()):
        with pytest.raises(TypeError, match="numpy"):
            take()
    assert x.cpu().numpy().tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "multiply",
    [
        lambda n: n @ n.T,
        lambda n: torch.mv(n, n[0]),
        lambda n: torch.dot(n[0], n[0]),
        lambda n: torch.bmm(n[None], n.T[None]),
        lambda n: torch.nn.functional.conv2d(n[None, None], n[None, None]),
        lambda n: torch.nn.functional.max_pool2d(n[None, None], 2),
    ],
)
def test_whole_numbers_have_no_products(device, multiply):
    assert multiply(counting(2, 3)) is not None
    with pytest.raises(RuntimeError, match="not implemented for 'Int64'|not implemented for 'Long'"):
        multiply(counting(2, 3).long())


def test_what_only_a_cpu_has_is_refused(device):
    with pytest.raises(NotImplementedError, match="CUDA"):
        torch.histogram(counting(6), 3)
    with pytest.raises(NotImplementedError, match="CUDA"):
        counting(2, 3).to_mkldnn()


def test_memory_ends(device):
    x = torch.empty(150_000, device="cuda")
    assert torch.cuda.memory_allocated() == 600_000 and torch.cuda.mem_get_info() == (400_000, MEGABYTE)
    view = x[10:]
    assert torch.cuda.memory_allocated() == 600_000, "a view takes none"
    with pytest.raises(torch.cuda.OutOfMemoryError, match=r"Tried to allocate 0\.57 MiB.* 0\.38 MiB is free"):
        torch.empty(150_000, device="cuda")
    with pytest.raises(torch.cuda.OutOfMemoryError):
        x * 2
    del x
    assert torch.cuda.memory_allocated() == 600_000
    del view
    assert torch.cuda.memory_allocated() == 0 and torch.cuda.max_memory_allocated() == 600_000


def test_copies_that_nobody_waits_for_arrive_late(device):
    x = counting(2, 3)
    there = x.to("cpu", non_blocking=True)
    assert there.isnan().all()
    x.zero_()
    event = torch.cuda.Event()
    event.record()
    event.synchronize()
    assert there.tolist() == [[0, 1, 2], [3, 4, 5]]
    plain, pinned = torch.empty(2, 3), torch.empty(2, 3, pin_memory=True)
    assert pinned.is_pinned() and pinned[1].is_pinned() and not plain.is_pinned()
    plain.copy_(x, non_blocking=True)
    pinned.copy_(x, non_blocking=True)
    assert plain.tolist() == [[0] * 3] * 2, "memory that is not pinned is waited for"
    assert pinned.isnan().all()


def test_memory_that_a_copy_reads_is_left_alone(device):
    pinned = torch.zeros(3).pin_memory()
    x = pinned.to("cuda", non_blocking=True)
    torch.cuda.synchronize()
    pinned.fill_(1)
    x.copy_(pinned, non_blocking=True)
    pinned.fill_(2)
    with pytest.raises(AssertionError, match="pinned memory was written"):
        torch.cuda.synchronize()


# -- graphs --------------------------------------------------------------------------------------------------------


def test_a_graph_computes_when_it_is_replayed(device):
    x, total = counting(2, 3), torch.zeros(2, 3, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        double = x * 2
        total.add_(double)
    assert total.sum().item() == 0 and double.isnan().all(), "nothing has been computed yet"
    graph.replay()
    assert double.tolist() == [[0, 2, 4], [6, 8, 10]]
    x.fill_(1)
    graph.replay()
    assert total.tolist() == [[2, 4, 6], [8, 10, 12]]


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: x.to("cpu", non_blocking=True),
        lambda x: x.copy_(torch.zeros(2, 3)),
        lambda x: torch.zeros(3).cuda(),
        lambda x: torch.tensor([1.0], device="cuda"),
        lambda x: x.nonzero(),
        lambda x: x[x > 1],
        lambda x: torch.equal(x, x),
        lambda x: torch.cuda.synchronize(),
        lambda x: torch.cuda.current_stream().synchronize(),
        lambda x: torch.cuda.Event().synchronize(),
    ],
)
def test_nobody_waits_while_a_graph_is_recorded(device, wait):
    x = counting(2, 3)
    graph = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"), torch.cuda.graph(graph):
        x.add_(1)
        wait(x)
    assert x[0, 0].item() == 0, "what was there before is there again"
    with pytest.raises(RuntimeError, match="broken off"):
        graph.replay()


def test_one_graph_is_recorded_at_a_time(device):
    with pytest.raises(RuntimeError, match="recorded already"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        torch.cuda.CUDAGraph().capture_begin()


def test_a_replay_needs_the_memory_that_was_recorded(device):
    x, y = counting(2, 3), torch.zeros(2, 3, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y.copy_(x)
        del x
    with pytest.raises(AssertionError, match="let go"):
        graph.replay()


def test_memory_of_a_graph_is_taken_while_there_is_the_graph(device):
    x = counting(2, 3)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        x.copy_(x * 2)
    assert torch.cuda.memory_allocated() == 48
    del graph
    assert torch.cuda.memory_allocated() == 24


# -- random numbers ------------------------------------------------------------------------------------------------


def test_the_gpu_has_random_numbers_of_its_own(device):
    torch.manual_seed(3)
    of_the_cpu = torch.get_rng_state()
    torch.cuda.manual_seed(3)
    state = torch.cuda.get_rng_state()
    first, second = torch.rand(4, device="cuda").tolist(), torch.rand(4, device="cuda").tolist()
    assert first != second
    torch.cuda.set_rng_state(state)
    assert torch.empty(4, device="cuda").uniform_().tolist() == first
    assert torch.equal(torch.get_rng_state(), of_the_cpu)


def test_a_recording_draws_nothing_and_a_replay_does(device):
    torch.cuda.manual_seed(3)
    draws = [torch.rand(4, device="cuda").tolist() for _ in range(2)]
    torch.cuda.manual_seed(3)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        x = torch.rand(4, device="cuda")
    found = []
    for _ in range(2):
        graph.replay()
        found.append(x.tolist())
    assert found == draws


# -- counts --------------------------------------------------------------------------------------------------------


def test_it_counts_what_it_is_asked_for(device):
    x = torch.zeros(2, 3).cuda()
    device.counts.reset()
    y = x * 2
    y.add_(1)
    assert (device.counts.operations, device.counts.waits) == (2, 0)
    y.sum().item()
    assert (device.counts.waits, device.counts.bytes_there, device.counts.bytes_back) == (1, 0, 4)
    y.copy_(torch.ones(2, 3))
    assert (device.counts.waits, device.counts.bytes_there) == (2, 24), "memory that can be moved is waited for"
    y.cpu()
    assert (device.counts.waits, device.counts.bytes_back) == (3, 28)
    torch.zeros(2, 3, dtype=torch.uint8).cuda()
    assert device.counts.bytes_there == 30
    y.copy_(torch.ones(2, 3).pin_memory(), non_blocking=True)
    assert (device.counts.waits, device.counts.bytes_there) == (4, 54)
    torch.cuda.synchronize()
    assert dict(device.counts.waited_for) == {
        "aten._local_scalar_dense.default": 1, "copy there": 2, "copy back": 1, "synchronize": 1,
    }  # fmt: skip


def test_a_replay_counts_once(device):
    x = counting(2, 3)
    graph = torch.cuda.CUDAGraph()
    device.counts.reset()
    with torch.cuda.graph(graph):
        x.add_(1).mul_(2)
    assert (device.counts.operations, device.counts.replays) == (0, 0)
    graph.replay()
    graph.replay()
    assert (device.counts.operations, device.counts.replays, device.counts.waits) == (0, 2, 0)
