"""The examples at the end of each command's help."""

from __future__ import annotations

import textwrap

import click

#: By the words of the command. `lenet.caffemodel` and so on stand for the user's own files.
EXAMPLES = {
    "": r"""
        cnnvis-caffe demo
        cnnvis-caffe inspect deploy.prototxt --weights lenet.caffemodel
        cnnvis-caffe render lenet.cnnvis.h5 --out picture.png
    """,
    "ablate": r"""
        cnnvis-caffe ablate --solver solver.prototxt --folder variants \
            --without conv2 --iterations 20 --out errors.png
        cnnvis-caffe ablate --solver solver.prototxt --folder variants \
            --variant "without conv2" --variant "width ip1=50" --iterations 20
        cnnvis-caffe ablate --solver solver.prototxt --folder variants \
            --width ip1=50 --keep-weights lenet.caffemodel --write-only
    """,
    "analyze": r"""
        cnnvis-caffe analyze --model train_val.prototxt --data digits:test \
            --weights lenet_iter_*.caffemodel --log training.jsonl \
            --out lenet.cnnvis.h5
        cnnvis-caffe analyze --model deploy.prototxt --weights lenet.caffemodel \
            --data images/ --scale 0.00390625 --out images.cnnvis.h5
    """,
    "colour-shape": r"""
        cnnvis-caffe colour-shape digits:test --layer conv2 \
            --model deploy.prototxt --weights lenet.caffemodel --out shape.png
        cnnvis-caffe colour-shape digits:test --layer conv1 --parts 2 \
            --model deploy.prototxt --weights lenet.caffemodel --csv shape.csv
    """,
    "compare": r"""
        cnnvis-caffe compare lenet.cnnvis.h5@100 lenet.cnnvis.h5@600
        cnnvis-caffe compare before.cnnvis.h5 after.cnnvis.h5 --out compare.png
    """,
    "correspondence": r"""
        cnnvis-caffe correspondence digits:test --parts parts.csv \
            --model deploy.prototxt --weights lenet.caffemodel --out parts.png
        cnnvis-caffe correspondence digits:test --parts parts.csv \
            --model deploy.prototxt --weights lenet.caffemodel --json
    """,
    "data": r"""
        cnnvis-caffe data digits databases
        cnnvis-caffe data convert images/ images_lmdb --gray --shuffle
    """,
    "data cifar10": r"""
        cnnvis-caffe data cifar10 databases
        cnnvis-caffe data cifar10 databases --force
    """,
    "data convert": r"""
        cnnvis-caffe data convert images/ images_lmdb --gray --shuffle
        cnnvis-caffe data convert images/ small_lmdb --resize-width 28 \
            --resize-height 28
        cnnvis-caffe data convert old_leveldb new_lmdb
    """,
    "data digits": r"""
        cnnvis-caffe data digits databases
        cnnvis-caffe data digits databases --force
    """,
    "data export": r"""
        cnnvis-caffe data export digits_test_lmdb digits/
        cnnvis-caffe data export cifar10_test_lmdb cifar10/ --rgb
    """,
    "data images": r"""
        cnnvis-caffe data images list.txt images_lmdb --root images/
        cnnvis-caffe data images list.txt images_lmdb --root images/ --gray --force
    """,
    "data mean": r"""
        cnnvis-caffe data mean digits_train_lmdb
        cnnvis-caffe data mean digits_train_lmdb mean.binaryproto
    """,
    "data mnist": r"""
        cnnvis-caffe data mnist databases
        cnnvis-caffe data mnist databases --force
    """,
    "demo": r"""
        cnnvis-caffe demo
        cnnvis-caffe demo --folder demo --out picture.png
    """,
    "deploy": r"""
        cnnvis-caffe deploy lenet.caffemodel --out deploy.prototxt
        cnnvis-caffe deploy train_val.prototxt --weights lenet.caffemodel \
            --out deploy.prototxt --input-shape data=1,1,28,28
    """,
    "explain": r"""
        cnnvis-caffe explain digits:test --at 3 --model deploy.prototxt \
            --weights lenet.caffemodel --out explained.png
        cnnvis-caffe explain digits:test --model deploy.prototxt \
            --weights lenet.caffemodel --neuron conv2:7 \
            --method deconvnet --method guided --out neuron.svg
    """,
    "export": r"""
        cnnvis-caffe export lenet.cnnvis.h5 mean --layers conv2 --out mean.csv
        cnnvis-caffe export lenet.cnnvis.h5 neurons --classes 3,8 --out neurons.csv
        cnnvis-caffe export lenet.cnnvis.h5 patches --layers conv1 --out patches.png
    """,
    "features": r"""
        cnnvis-caffe features lenet.cnnvis.h5 --layer conv2 --out features.png
        cnnvis-caffe features lenet.cnnvis.h5 --layer conv2 --neurons 3,5 \
            --evolution --out evolution.png
    """,
    "findings": r"""
        cnnvis-caffe findings lenet.cnnvis.h5
        cnnvis-caffe findings lenet.cnnvis.h5 --severe --limit dead_severe=0.1
        cnnvis-caffe findings lenet.cnnvis.h5 --snapshot 100 --json
    """,
    "inspect": r"""
        cnnvis-caffe inspect train_val.prototxt
        cnnvis-caffe inspect deploy.prototxt --weights lenet.caffemodel
        cnnvis-caffe inspect deploy.prototxt --input-shape data=1,1,56,56
    """,
    "invariance": r"""
        cnnvis-caffe invariance digits:test --model deploy.prototxt \
            --weights lenet.caffemodel --out invariance.png
        cnnvis-caffe invariance digits:test --at 3 --model deploy.prototxt \
            --weights lenet.caffemodel \
            --transformation rotation --amounts 0,15,30,45 --csv turned.csv
    """,
    "maximize": r"""
        cnnvis-caffe maximize --layer conv2 --model deploy.prototxt \
            --weights lenet.caffemodel --steps 20 --out made.png
        cnnvis-caffe maximize --layer ip2 --neurons 3,8 --blur 1 --jitter 2 \
            --model deploy.prototxt --weights lenet.caffemodel --steps 20 --json
    """,
    "merge": r"""
        cnnvis-caffe merge one.h5 two.h5 --out both.cnnvis.h5
        cnnvis-caffe merge one.h5 two.h5 --data digits:test --out both.cnnvis.h5
    """,
    "occlude": r"""
        cnnvis-caffe occlude digits:test --at 3 --model deploy.prototxt \
            --weights lenet.caffemodel --out hidden.png
        cnnvis-caffe occlude digits:test --model deploy.prototxt \
            --weights lenet.caffemodel --size 6 --stride 2 --fill black --json
    """,
    "predict": r"""
        cnnvis-caffe predict deploy.prototxt lenet.caffemodel images/
        cnnvis-caffe predict deploy.prototxt lenet.caffemodel images/ \
            --oversample --image-dims 32,32 --out images.csv
        cnnvis-caffe predict lenet.caffemodel images/ --top 3 --json
    """,
    "render": r"""
        cnnvis-caffe render lenet.cnnvis.h5 --out picture.png
        cnnvis-caffe render lenet.cnnvis.h5 --classes 3,8 --theme dark \
            --out classes.svg
        cnnvis-caffe render lenet.cnnvis.h5 --chart loss --out training.html
    """,
    "test": r"""
        cnnvis-caffe test --model train_val.prototxt --weights lenet.caffemodel
        cnnvis-caffe test --model train_val.prototxt \
            --weights lenet.caffemodel --iterations 3
    """,
    "time": r"""
        cnnvis-caffe time --model train_val.prototxt --iterations 10
        cnnvis-caffe time --model deploy.prototxt --weights lenet.caffemodel \
            --phase test
    """,
    "train": r"""
        cnnvis-caffe train --solver solver.prototxt --log training.jsonl
        cnnvis-caffe train --solver solver.prototxt --weights lenet.caffemodel
        cnnvis-caffe train --solver solver.prototxt \
            --snapshot lenet_iter_100.solverstate --iterations 10
    """,
    "transfer": r"""
        cnnvis-caffe transfer --model deploy.prototxt --weights lenet.caffemodel \
            --data digits:train --test digits:test --out transfer.png
        cnnvis-caffe transfer --model deploy.prototxt --random-weights \
            --data digits:train --test digits:test --per-class 5,20 --json
    """,
    "upgrade": r"""
        cnnvis-caffe upgrade old.prototxt new.prototxt
        cnnvis-caffe upgrade old.caffemodel new.caffemodel
    """,
    "view": r"""
        cnnvis-caffe view
        cnnvis-caffe view lenet.cnnvis.h5
        cnnvis-caffe view deploy.prototxt --weights lenet.caffemodel --data images/
    """,
}


def give_examples(command: click.Command, words: str = "") -> None:
    """Put examples at the end of the help of a command, and of the commands below it.

    Parameters
    ----------
    command : click.Command
    words : str, optional
        How it is called after `cnnvis-caffe`, such as ``data mnist``.
    """
    lines = textwrap.indent(textwrap.dedent(EXAMPLES.get(words, "")).strip(), "  ")
    # click leaves the lines of a paragraph alone that starts with \b.
    command.epilog = f"\b\nExamples:\n{lines}" if lines else None
    for name, below in getattr(command, "commands", {}).items():
        give_examples(below, f"{words} {name}".strip())
