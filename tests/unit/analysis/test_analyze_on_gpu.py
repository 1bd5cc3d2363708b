"""`analyze --device cuda` finds what the CPU finds, whole, in shards and resumed, with the memory that there is."""

from __future__ import annotations

import contextlib

import pytest
from helpers.full_gpu import nearly_full
from test_analyze import StopAfter, analyze, assert_equal

from cnnvis_caffe import pipeline
from cnnvis_caffe.errors import Cancelled, DeviceError, DeviceMemoryError

pytestmark = pytest.mark.gpu

#: Top images and boxes are the same; sums are added in another order there.
TOLERANCE = dict(rtol=2e-4, atol=1e-5)


@pytest.fixture(scope="module")
def on_the_cpu(small, tmp_path_factory):
    """The whole analysis, by the CPU."""
    return analyze(small, tmp_path_factory.mktemp("cpu") / "a")


def test_the_whole_is_the_cpus(on_the_cpu, small, tmp_path, gpu):
    assert_equal(analyze(small, tmp_path / "a", device="cuda"), on_the_cpu, **TOLERANCE)


def test_shards_are_the_cpus(on_the_cpu, small, tmp_path, gpu):
    parts = [tmp_path / f"part{number}" for number in range(3)]
    for number, part in enumerate(parts, 1):
        assert analyze(small, part, device="cuda", shard=(number, 3)) is None
    assert_equal(pipeline.merge(parts, tmp_path / "a"), on_the_cpu, **TOLERANCE)


def test_an_interrupted_one_is_gone_on_with(on_the_cpu, small, tmp_path, gpu):
    with pytest.raises(Cancelled):
        analyze(small, tmp_path / "a", device="cuda", progress=StopAfter(96))
    assert_equal(analyze(small, tmp_path / "a", device="cuda", resume=True), on_the_cpu, **TOLERANCE)


def test_shards_of_both_devices_are_put_together(on_the_cpu, small, tmp_path, gpu):
    parts = [tmp_path / "gpu", tmp_path / "cpu"]
    analyze(small, parts[0], device="cuda", shard=(1, 2))
    analyze(small, parts[1], device="cpu", shard=(2, 2))
    assert_equal(pipeline.merge(parts, tmp_path / "a"), on_the_cpu, **TOLERANCE)


def test_a_full_gpu_gets_smaller_batches(on_the_cpu, small, tmp_path, gpu, caplog):
    with nearly_full(600_000):
        found = analyze(small, tmp_path / "a", device="cuda", batch=128)
    assert_equal(found, on_the_cpu, **TOLERANCE)
    (said,) = [one.getMessage() for one in caplog.records if "too many for the GPU" in one.getMessage()]
    assert int(found.provenance["batch"]) in (8, 16, 32, 64)
    assert said.startswith("128 images at once are too many for the GPU (")
    assert int(said.rpartition("; going on with ")[2]) in (8, 16, 32, 64)
    assert "needs" in said and "are free" in said


def test_memory_that_ends_in_the_middle_costs_no_image(on_the_cpu, small, tmp_path, gpu, caplog):
    """Somebody else takes it: what was summed up since the last state is summed up again."""
    with contextlib.ExitStack() as stack:

        class Fill(StopAfter):
            def step(self, n=1):
                super().step(n)
                if self.left < 10**6 - 100 and not stack.__dict__.get("is_full"):
                    stack.is_full = True
                    stack.enter_context(nearly_full(40_000))

        found = analyze(small, tmp_path / "a", device="cuda", batch=64, progress=Fill(10**6))
    assert_equal(found, on_the_cpu, **TOLERANCE)
    assert int(found.provenance["batch"]) < 64


def test_one_image_that_does_not_fit_is_one_error(small, tmp_path, gpu):
    with nearly_full(3_000), pytest.raises(DeviceMemoryError) as error:
        analyze(small, tmp_path / "a", device="cuda")
    message = str(error.value)
    assert message.startswith(small.train_val) and "\n" not in message
    assert "one image at a time: " in message and " on the GPU, where " in message and " are free; " in message
    assert "--device cpu" in message and "set_mode_cpu" not in message
    assert not list(tmp_path.iterdir())


def test_the_batch_follows_the_memory_that_is_free(on_the_cpu, small, tmp_path, gpu):
    with nearly_full(2_000_000):
        found = analyze(small, tmp_path / "a", device="cuda", batch=None)
    assert int(found.provenance["batch"]) < 256
    assert_equal(found, on_the_cpu, **TOLERANCE)


def test_a_gpu_that_is_not_there(small, tmp_path, gpu):
    from cnnvis_caffe.runtime import backend

    with pytest.raises(DeviceError, match="GPU 77 cannot be used: 0 to "):
        backend.require_gpu(77)
    with pytest.raises(DeviceError, match="GPU -1 cannot be used: 0 to "):
        backend.set_device(-1)
