"""The examples at the end of each command's help: every one is run, or at least read where it cannot be."""

from __future__ import annotations

import glob
import shlex
import shutil

import click
import pytest

from cnnvis_caffe.cli.examples import EXAMPLES
from cnnvis_caffe.cli.main import group

#: Only read: they open a window, download, or want a LevelDB.
NOT_RUN = {
    "cnnvis-caffe demo",
    "cnnvis-caffe view",
    "cnnvis-caffe view lenet.cnnvis.h5",
    "cnnvis-caffe view deploy.prototxt --weights lenet.caffemodel --data images/",
    "cnnvis-caffe data mnist databases",
    "cnnvis-caffe data mnist databases --force",
    "cnnvis-caffe data cifar10 databases",
    "cnnvis-caffe data cifar10 databases --force",
    "cnnvis-caffe data export cifar10_test_lmdb cifar10/ --rgb",
    "cnnvis-caffe data convert old_leveldb new_lmdb",
}
OLD_NETWORK = """
name: "old"
input: "data"
input_dim: 1 input_dim: 1 input_dim: 28 input_dim: 28
layers {
  name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 5 }
}
"""


def examples(words):
    """The examples of a command, each as one line of words."""
    return [" ".join(line.split()) for line in EXAMPLES[words].replace("\\\n", " ").strip().split("\n")]


ALL = [example for words in EXAMPLES if words for example in examples(words)]


def walk(context, words=""):
    """Every command with its words."""
    yield words, context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            yield from walk(click.Context(below, parent=context, info_name=name), f"{words} {name}".strip())


def test_every_help_ends_with_two_or_three_examples():
    found = dict(walk(click.Context(group, info_name="cnnvis-caffe")))
    assert set(found) == set(EXAMPLES)
    for words, context in found.items():
        _, _, end = context.get_help().rpartition("\n  Examples:\n")
        commands = " ".join(end.replace("\\\n", " ").split())
        assert commands == " ".join(" ".join(examples(words)).split())
        assert 2 <= len(examples(words)) <= 3
        assert max(map(len, end.split("\n"))) <= 80, words
        assert all(example.startswith(f"cnnvis-caffe {words}".strip()) for example in examples(words))


def words_of(example):
    """The words that the program gets, after the shell."""
    return [name for word in shlex.split(example)[1:] for name in (sorted(glob.glob(word)) or [word])]


@pytest.mark.parametrize("example", sorted(NOT_RUN))
def test_an_example_that_cannot_run_is_read(example, place):
    """Options, choices and numbers are those of the command."""
    assert example in [*ALL, *examples("")]
    context, words = click.Context(group, info_name="cnnvis-caffe"), words_of(example)
    while words and isinstance(context.command, click.Group):
        command = context.command.get_command(context, words.pop(0))
        if isinstance(command, click.Group):
            context = click.Context(command, parent=context)
        else:
            context = command.make_context("", words, parent=context)
    assert not isinstance(context.command, click.Group)


@pytest.mark.parametrize("example", [one for one in ALL if one not in NOT_RUN])
def test_every_example_runs(example, place, call):
    before = {path.name for path in place.iterdir()}
    call(*words_of(example))
    for option in ("--out", "--log"):
        if option in example:
            assert (place / example.split(f"{option} ")[1].split()[0]).stat().st_size > 100
    if example.split()[1] in ("data", "upgrade"):
        assert "mean" in example or {path.name for path in place.iterdir()} > before


@pytest.fixture
def place(files, tmp_path, monkeypatch):
    """A folder of its own with the files that the examples name, to run in."""
    for path in files.iterdir():
        if path.suffix in (".prototxt", ".jsonl", ".csv"):
            shutil.copy(path, tmp_path)
        else:
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def files(demo_folder, repository, tmp_path_factory):
    """What the examples name, made from the demo."""
    pytest.importorskip("cv2")
    from cnnvis_caffe import api
    from cnnvis_caffe.datasets.databases import export_images

    folder = tmp_path_factory.mktemp("examples")
    for part in ("train", "test"):
        shutil.copytree(demo_folder / f"digits_{part}_lmdb", folder / f"digits_{part}_lmdb")
    for name in ("100.caffemodel", "100.solverstate", "100.resume", "600.caffemodel"):
        shutil.copy(demo_folder / f"snapshots/lenet_iter_{name}", folder)
    for name in ("lenet", "old"):
        shutil.copy(folder / "lenet_iter_600.caffemodel", folder / f"{name}.caffemodel")
    for name in ("lenet", "before", "after"):
        shutil.copy(demo_folder / "lenet_digits.cnnvis.h5", folder / f"{name}.cnnvis.h5")
    shutil.copy(demo_folder / "training.jsonl", folder)
    shutil.copy(repository / "prototxt/lenet/deploy.prototxt", folder)
    network = (repository / "cnnvis_caffe/demo/train_val.prototxt").read_text("utf-8")
    (folder / "train_val.prototxt").write_text(network.replace("data/digits", "digits"), "utf-8")
    solver = (repository / "cnnvis_caffe/demo/solver.prototxt").read_text("utf-8")
    (folder / "solver.prototxt").write_text(solver.replace("max_iter: 600", "max_iter: 12"), "utf-8")
    (folder / "old.prototxt").write_text(OLD_NETWORK, "utf-8")
    (folder / "demo").symlink_to(demo_folder)
    (folder / "old_leveldb").mkdir()
    export_images(folder / "digits_test_lmdb", folder / "images", rgb=False)
    shutil.move(folder / "images/images.txt", folder / "list.txt")
    (folder / "parts.csv").write_text("image,part,y0,x0,y1,x1\n0,top,2,8,9,20\n3,top,3,9,10,21\n")
    for number, part in enumerate(("one", "two"), 1):
        api.analyze(
            folder / "train_val.prototxt", folder / "lenet.caffemodel", "digits:test", folder / f"{part}.h5",
            shard=(number, 2), limit=40,
        )  # fmt: skip
    return folder
