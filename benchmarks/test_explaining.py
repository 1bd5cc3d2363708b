"""Explanations are those of Captum, on the same nets written by hand in PyTorch: `make benchmark`."""

from __future__ import annotations

import pytest

pytest.importorskip("captum")

from benchmarks.explaining import both, check, pairs


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["lenet", "cifar10_full", "caffenet", "googlenet"])
def test_explanations_are_captums(name):
    with both(name) as (subject, net, images):
        found = []
        for what, ours, theirs in pairs(name, subject, net, images):
            check(what, name, ours(), theirs(), images)
            found.append(what)
    assert len(found) == 5
