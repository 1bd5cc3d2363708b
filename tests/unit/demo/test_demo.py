"""`cnnvis-caffe demo`: trains once, shows what it made, and says where it cannot."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner

from cnnvis_caffe import demo
from cnnvis_caffe.cli import demo as command_module
from cnnvis_caffe.cli import view
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import Cancelled, MissingDependencyError
from cnnvis_caffe.store import read_analysis


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run the command in an empty folder without a screen."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)

    def call_(*arguments):
        return CliRunner().invoke(group, ["demo", *map(str, arguments)])

    return call_


def test_what_it_makes(demo_folder):
    analysis = read_analysis(demo_folder / demo.ANALYSIS)
    assert [one.iteration for one in analysis.snapshots] == [100, 200, 300, 400, 500, 600]
    assert analysis.data.n_images == 1500
    assert analysis.snapshots[-1].error < 0.01
    assert {curve.name for curve in analysis.curves} >= {"train loss", "test loss", "test accuracy"}
    accuracy = next(curve for curve in analysis.curves if curve.name == "test accuracy")
    assert accuracy.values[-1] > 0.9


def test_the_second_time_nothing_is_trained(demo_folder, monkeypatch):
    monkeypatch.setattr(demo, "_train", None)
    assert demo.make_demo(demo_folder) == demo_folder / demo.ANALYSIS


def test_it_says_what_it_does_also_in_a_pipe(demo_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "make_demo", staged(demo_folder / demo.ANALYSIS))
    words = ["demo", "--folder", str(demo_folder), "--out", str(tmp_path / "a.svg")]
    result = CliRunner().invoke(group, [*words, "--again"])
    assert result.output.startswith("training LeNet ...\nwriting ...\nnetwork    LeNet on 1,500 digits, 600 iterations")
    assert f"analysis   {demo_folder / demo.ANALYSIS}\n" in result.output
    assert "..." not in CliRunner().invoke(group, ["--quiet", *words, "--again"]).output
    assert f"{demo.ANALYSIS}, kept from an earlier run; --again makes it anew\n" in call_again(words)


def staged(result):
    """What makes the demo, with its stages and without the work."""

    def make(folder, *, again, progress):
        for what in ("training LeNet", "writing"):
            progress.start(1, what)
            progress.step()
            progress.done()
        return result

    return make


def call_again(words):
    """Output of the second time."""
    return CliRunner().invoke(group, words).output


def test_the_folder_can_be_moved_and_trained_on(demo_folder, tmp_path, monkeypatch):
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(demo_folder, moved, ignore=shutil.ignore_patterns("lock.mdb"))
    for name in ("solver.prototxt", "train_val.prototxt"):
        assert str(demo_folder) not in (moved / name).read_text()
    for folder, prefix, until in ((tmp_path, "elsewhere/moved/", 603), (moved, "", 606)):
        monkeypatch.chdir(folder)
        state = f"{prefix}snapshots/lenet_iter_{until - 3 if until > 603 else 600}.solverstate"
        words = ["train", "--solver", f"{prefix}solver.prototxt", "--snapshot", state, "--iterations", "3"]
        result = CliRunner().invoke(group, words)
        assert result.exit_code == 0, result.output
        assert (moved / f"snapshots/lenet_iter_{until}.caffemodel").exists()
    assert not (tmp_path / "snapshots").exists()


def test_its_files_work_from_anywhere(demo_folder, call):
    words = ["test", "--model", f"{demo_folder}/train_val.prototxt", "--iterations", "3", "--weights"]
    result = CliRunner().invoke(group, [*words, f"{demo_folder}/snapshots/lenet_iter_600.caffemodel"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_out_writes_picture_and_findings(demo_folder, call, tmp_path, name, begins):
    if not name.endswith("svg"):
        pytest.importorskip("cairocffi")
    result = call("--folder", demo_folder, "--out", name)
    assert result.exit_code == 0, result.output
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert f"picture    {name}\n" in result.output
    assert "LeNet on digits · iter 600 · digits:train: " in result.output
    assert " of unseen digits are right" in result.output


def test_without_a_screen_it_writes_a_picture_and_says_why(demo_folder, call, tmp_path):
    pytest.importorskip("PyQt5")
    result = call("--folder", demo_folder)
    assert result.exit_code == 0, result.output
    assert "no viewer  no window can be opened" in result.output
    assert [path.stem for path in tmp_path.iterdir()] == ["lenet_digits"]


def test_without_qt_too(demo_folder, call, tmp_path, monkeypatch):
    def no_window(*_, **__):
        raise MissingDependencyError("PyQt5", "viewer", "the window")

    monkeypatch.setattr(view.command, "callback", no_window)
    result = call("--folder", demo_folder)
    assert result.exit_code == 0, result.output
    assert 'pip install ".[viewer]"' in result.output
    assert len(list(tmp_path.iterdir())) == 1


def test_with_a_screen_it_opens_the_viewer_and_writes_nothing(demo_folder, call, tmp_path, monkeypatch):
    opened = []

    def window(what, **_):
        opened.append(what)
        raise SystemExit(0)

    monkeypatch.setattr(view.command, "callback", window)
    assert call("--folder", demo_folder).exit_code == 0
    assert opened == [str(demo_folder / demo.ANALYSIS)]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "code", "said"), [("a.gif", 2, ".png, .svg, .pdf, .html"), ("no/a.svg", 1, "there is no folder no")]
)
def test_a_bad_name_is_refused_before_any_work(call, tmp_path, out, code, said):
    result = call("--folder", tmp_path / "demo", "--out", out)
    assert result.exit_code == code
    assert said in result.output
    assert not (tmp_path / "demo").exists()


def test_png_without_cairo_is_refused_before_any_work(call, tmp_path, monkeypatch):
    monkeypatch.setattr(command_module, "_has_cairo", lambda: False)
    result = call("--folder", tmp_path / "demo", "--out", "a.png")
    assert result.exit_code == 1
    assert 'pip install ".[render]"' in result.output
    assert not (tmp_path / "demo").exists()


class Impatient:
    """A progress that cancels at the third step."""

    def __init__(self):
        self.steps = 0

    def start(self, total, what):
        pass

    def step(self, n=1):
        self.steps += n
        if self.steps > 2:
            raise Cancelled

    def done(self):
        pass


def test_what_was_cancelled_counts_for_nothing(demo_folder, tmp_path):
    pytest.importorskip("cv2")
    folder = tmp_path / "demo"
    shutil.copytree(demo_folder, folder, ignore=shutil.ignore_patterns("lock.mdb"))
    with pytest.raises(Cancelled):
        demo.make_demo(folder, again=True, progress=Impatient())
    assert not (folder / demo.ANALYSIS).exists()
