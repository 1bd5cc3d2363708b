# ruff: noqa: UP031 - as the other recorders, for the Python of a real Caffe
"""Records what networks of other tasks than one class of many answer, by real pycaffe and plain loops.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_tasks.py

Writes tests/recorded/nets/tasks/{labels,score,numbers,pixels}.npz. Nothing of cnnvis_caffe is used.
"""
from __future__ import annotations

import tempfile
from pathlib import Path

import caffe
import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "recorded" / "nets" / "tasks"
N, SCALE = 26, 1 / 64
LAYERS = ("conv", "relu", "score")
BODY = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 5 kernel_size: 3 pad: 1 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "relu" }
"""
DENSE = """layer { name: "score" type: "InnerProduct" bottom: "relu" top: "score"
        inner_product_param { num_output: %d } }
"""
WIDE = """layer { name: "score" type: "Convolution" bottom: "relu" top: "score"
        convolution_param { num_output: 4 kernel_size: 1 } }
"""
LOSS = 'layer { name: "loss" type: "%s" bottom: "score" bottom: "label" top: "loss" %s }\n'
#: Network without its data, and the shape of a label.
TASKS = {
    "labels": (BODY + DENSE % 3 + LOSS % ("SigmoidCrossEntropyLoss", ""), (3,)),
    "score": (BODY + DENSE % 1 + LOSS % ("SigmoidCrossEntropyLoss", ""), (1,)),
    "numbers": (BODY + DENSE % 2 + LOSS % ("EuclideanLoss", ""), (2,)),
    "pixels": (BODY + WIDE + LOSS % ("SoftmaxWithLoss", "loss_param { ignore_label: 255 }"), (1, 9, 7)),
}


def source(name, shape):
    """An Input layer."""
    dims = " ".join("dim: %d" % n for n in shape)
    return 'layer { name: "%s" type: "Input" top: "%s" input_param { shape { %s } } }\n' % (name, name, dims)


def build(body, label, n):
    """A net for n images."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write("force_backward: true\n" + source("data", (n, 3, 9, 7)) + source("label", (n,) + label) + body)
        file.flush()
        return caffe.Net(file.name, caffe.TEST)


def precision(scores, answers):
    """Mean over the yes answers of the precision down to their score."""
    order = np.argsort(-scores, kind="stable")
    right = answers[order] == 1
    return np.mean([right[: i + 1].mean() for i in np.flatnonzero(right)])


def area(scores, answers):
    """Share of pairs of yes and no in the right order."""
    return np.mean([(y > n) + 0.5 * (y == n) for y in scores[answers == 1] for n in scores[answers == 0]])


def belongs(task, labels, i, column):
    """Whether an image belongs to a column, by the definitions."""
    if task == "labels":
        return labels[i, column] == 1
    if task == "score":
        return labels[i, 0] == column
    if task == "numbers":
        return labels[i, column] > labels[:, column].astype(np.float64).mean()
    return (labels[i] == column).any()


def measures(task, scores, labels):
    """What is judged, by column where there are several."""
    if task in ("labels", "score"):
        flat = scores.reshape(N, -1)
        columns = range(flat.shape[1])
        return {
            "average precision": [precision(flat[:, c], labels[:, c]) for c in columns],
            "area under ROC curve": [area(flat[:, c], labels[:, c]) for c in columns],
            "error": np.mean((flat >= 0) != labels),
        }
    if task == "numbers":
        off = scores.reshape(N, -1).astype(np.float64) - labels
        return {"rms error": np.sqrt((off ** 2).mean(0)), "mean absolute error": np.abs(off).mean(0)}
    answers, right = scores.argmax(1), labels[:, 0]
    known = right < 4
    overlap = []
    for c in range(4):
        both = ((answers == c) & (right == c)).sum()
        overlap.append(both / (((answers == c) & known).sum() + (right == c).sum() - both))
    return {"intersection over union": overlap, "error": (answers != right)[known].mean()}


def record(task, seed):
    """Write everything of one task."""
    body, shape = TASKS[task]
    random = np.random.RandomState(seed)
    images = random.randint(0, 256, (N, 3, 9, 7)).astype(np.uint8)
    if task == "numbers":
        labels = random.normal(0, 3, (N,) + shape).astype(np.float32)
    elif task == "pixels":
        labels = random.choice([0, 1, 2, 3, 255], (N,) + shape, p=[0.6, 0.2, 0.05, 0.05, 0.1]).astype(np.float32)
        labels[: N // 2][labels[: N // 2] == 3] = 0
    else:
        labels = (random.uniform(size=(N,) + shape) < 0.4).astype(np.float32)
    whole, one = build(body, shape, N), build(body, shape, 1)
    saved = {}
    for layer, blobs in whole.params.items():
        for i, blob in enumerate(blobs):
            values = random.normal(0, 0.3 if layer == "conv" else 0.1, blob.data.shape).astype(np.float32)
            saved["param/%s/%d" % (layer, i)] = blob.data[...] = one.params[layer][i].data[...] = values
    inputs = images.astype(np.float32) * np.float32(SCALE)
    whole.blobs["data"].data[...] = inputs
    whole.blobs["label"].data[...] = labels
    saved["loss"] = float(whole.forward()["loss"])
    scores = whole.blobs["score"].data.copy()
    n_columns = 2 if task == "score" else scores.shape[1]
    for layer in LAYERS:
        n = whole.blobs[layer].data.shape[1]
        mean, contribution = np.zeros((n, n_columns)), np.zeros((n, n_columns))
        count = np.zeros(n_columns)
        for i in range(N):
            one.blobs["data"].data[0] = inputs[i]
            one.forward()
            for c in range(n_columns):
                if not belongs(task, labels, i, c):
                    continue
                diff = np.zeros_like(one.blobs["score"].data)
                if task == "score":
                    diff[0, 0] = 1 if c else -1
                elif task == "pixels":
                    diff[0, c] = labels[i, 0] == c
                else:
                    diff[0, c] = 1
                one.blobs["score"].diff[...] = diff
                one.backward(start="score")
                values = one.blobs[layer].data[0].reshape(n, -1).astype(np.float64)
                mean[:, c] += values.mean(1)
                contribution[:, c] += (values * one.blobs[layer].diff[0].reshape(n, -1)).sum(1)
                count[c] += 1
        saved["mean/" + layer] = (mean / count).astype(np.float32)
        saved["contribution/" + layer] = (contribution / count).astype(np.float32)
    for name, value in measures(task, scores, labels).items():
        saved["measure/" + name] = np.asarray(value, np.float64)
    kept = labels.astype(np.float32 if task == "numbers" else np.uint8)
    np.savez_compressed(FOLDER / (task + ".npz"), images=images, labels=kept, count=count, body=np.array(body), **saved)


if __name__ == "__main__":
    caffe.set_mode_cpu()
    FOLDER.mkdir(exist_ok=True)
    for number, name in enumerate(TASKS):
        record(name, 11 + number)
