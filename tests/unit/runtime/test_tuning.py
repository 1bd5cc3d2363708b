"""Settings of the process for training."""

from __future__ import annotations

import ctypes
import os
from types import SimpleNamespace

from cnnvis_caffe.runtime.tuning import tune_for_training


def test_a_setting_of_the_user_stays(monkeypatch):
    calls = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=lambda *values: calls.append(values)))
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    tune_for_training()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    assert calls == [(-1, 1 << 30), (-3, 32 << 20)]
    monkeypatch.delenv("GOMP_SPINCOUNT")
    tune_for_training()
    assert os.environ["GOMP_SPINCOUNT"] == "10000"


def test_a_system_without_the_function_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    tune_for_training()
