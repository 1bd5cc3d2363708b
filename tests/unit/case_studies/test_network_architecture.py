from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from helpers.analyses import make_analysis, with_snapshot

from case_studies.network_architecture import observations, readings, report
from case_studies.network_architecture.paper import NETS
from cnnvis_caffe.formats.prototxt import read_network, read_solver


@pytest.fixture()
def results(tmp_path):
    """Files of runs as a study leaves them, with the errors of three seeds for LeNet and none for DeepLeNet."""
    for net in NETS:
        for seed in (1, 2, 3) if net != "deep_lenet" else ():
            result = {
                "test_error": 0.008 + 0.001 * seed,
                "train_loss": 0.006 + 0.0001 * seed,
                "test_loss": 0.028 + 0.001 * seed,
                "seconds": 60.0,
            }
            (tmp_path / f"{net}_seed_{seed}.json").write_text(json.dumps(result))
    return tmp_path


def test_tables_hold_every_run_and_say_what_was_not_tried(results):
    text = report.markdown(report.collect(results))
    assert "| LeNet | 2 | 0.87 | 1.00 ± 0.10 | 3 | reproduced |" in text
    assert "| DeepLeNet | 8 | 1.00 | – | 0 | not attempted |" in text
    assert "| LeNet ×4 | 0.87 | 1.00 ± 0.10 | reproduced | 5.93e-03 | 6.20e-03 ± 1.00e-04 | close |" in text
    assert "Training took 15 minutes" in text


def test_drift_is_what_moved_beyond_its_error(results):
    before = report.expected(report.collect(results))
    assert report.drift(report.collect(results), before) == [
        f"deep_lenet {quantity}: no value to compare" for quantity in report.KEYS
    ]
    for seed in (1, 2, 3):
        path = results / f"lenet_seed_{seed}.json"
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "test_error": result["test_error"] + 0.01}))
    (line,) = (line for line in report.drift(report.collect(results), before) if line.startswith("lenet error"))
    assert line.startswith("lenet error: 2, expected 1 ±")


def test_redundant_neurons_have_a_partner_and_live():
    analysis = make_analysis("lenet")
    similarity = np.eye(20, dtype=np.float32)
    similarity[3, 7] = similarity[7, 3] = 0.96
    similarity[4, 9] = similarity[9, 4] = 0.9995
    analysis = with_snapshot(analysis, similarity={**analysis.snapshots[-1].similarity, "conv1": similarity})
    assert observations.redundant_neurons(analysis, "conv1") == {"redundant": [4, 2, 2], "n_neurons": 20}


def test_without_mnist_it_says_in_one_line_what_to_get_and_where_to_put_it(repository, tmp_path):
    # Whatever is downloaded goes through a proxy that is not there.
    environment = {
        **os.environ, "CNNVIS_DATA_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(repository),
        "https_proxy": "http://127.0.0.1:9",
    }  # fmt: skip
    command = [sys.executable, "-m", "case_studies.network_architecture.run", "--quick", "--work", str(tmp_path)]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("network_architecture: mnist/train-images-idx3-ubyte.gz is not here and cannot be down")
    assert line.endswith(f"and put them into {tmp_path}/mnist")
    assert len(line) < 400


def layers_of(name, folder):
    """Types and names of a reading's layers, as far as the first pooling."""
    solver = read_solver(readings.write(readings.READINGS[name], folder)).message
    assert solver.max_iter == readings.ITERATIONS
    layers = [layer for layer in read_network(solver.net).message.layer if layer.type != "Data"]
    return layers[: [layer.type for layer in layers].index("Pooling")]


def test_readings_change_what_they_say(tmp_path):
    each = layers_of("deep_lenet", tmp_path)
    assert [layer.type for layer in each] == ["Convolution", "ReLU"] * 4
    stack = layers_of("relu_after_stack", tmp_path)
    assert [layer.name for layer in stack] == ["conv1-1", "conv1-2", "conv1-3", "conv1-4", "relu1-4"]
    added = layers_of("lenet_relu", tmp_path)
    assert [(layer.name, layer.type, list(layer.top)) for layer in added] == [
        ("conv1", "Convolution", ["conv1"]),
        ("relu_conv1", "ReLU", ["conv1"]),
    ]
    param = layers_of("kernel_3_no_padding", tmp_path)[0].convolution_param
    assert (list(param.kernel_size), list(param.pad)) == ([3], [0])
    filler = layers_of("gaussian", tmp_path)[0].convolution_param.weight_filler
    assert (filler.type, round(filler.std, 6)) == ("gaussian", 0.01)


def reading(error, share, loss=0.05):
    """What is left of a reading's training."""
    shares = {"positive_weights": {"all": 0.5}, "positive_kernels": {"all": share}}
    return {"test_error": error, "test_loss": loss, "diverged": None, **shares}


def test_the_closest_reading_is_worse_than_lenet_and_mostly_positive():
    found = {name: reading(0.010, 0.5) for name in readings.READINGS}
    assert readings.verdict(found).startswith("**No reading shows both")
    found["msra"] = reading(0.011, 0.5)
    found["kernel_3"] = reading(0.009, 0.7)
    text = readings.verdict(found)
    assert text.startswith("**No reading shows both")
    assert "positive in the reading «3×3, padding 1» (70%)" in text
    assert "(1.00%): «filler msra» (1.10%)." in text
    found["kernel_3"] = reading(0.012, 0.7)
    assert readings.verdict(found).startswith("**Closest to the paper: «3×3, padding 1»**")
    del found["gaussian"]
    assert readings.verdict(found) == "No verdict yet: 8 of 9 readings are trained."
