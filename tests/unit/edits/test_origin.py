"""A session says which analysis it was saved on, and finds it again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from cnnvis_caffe.edits import kinds as e
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.origin import differences, find_analysis, origin_of
from cnnvis_caffe.edits.sessions import check_session, is_session_file, misfits, read_session, save_session
from cnnvis_caffe.errors import SessionError
from tests.helpers.analyses import make_analysis


@pytest.fixture(scope="module")
def lenet():
    return make_analysis("lenet", n_snapshots=2)


def history_of(*edits):
    history = History()
    for edit in edits:
        history.apply(edit)
    return history


@pytest.fixture
def saved(tmp_path, lenet):
    """A session in a folder beside that of its analysis, of which only the name counts here."""
    for folder in ("analyses", "sessions"):
        (tmp_path / "here" / folder).mkdir(parents=True)
    file = tmp_path / "here/analyses/digits.cnnvis.h5"
    file.write_bytes(b"")
    path = tmp_path / "here/sessions/moved neurons"
    save_session(path, history_of(e.MoveNeuron("conv1", 3)), replace(lenet, path=str(file)))
    return path


def test_a_session_names_its_analysis_from_its_own_folder_and_from_the_root(saved):
    table = json.loads(saved.read_text())
    assert table["analysis"]["path"] == "../analyses/digits.cnnvis.h5"
    assert table["analysis"]["absolute_path"] == str(saved.parents[1] / "analyses/digits.cnnvis.h5")
    assert table["analysis"]["title"] == "lenet" and len(table["analysis"]["checksum"]) == 64
    assert table["version"] == 1  # programs of version 1.0 read it


def test_the_analysis_is_found_where_it_was_and_where_both_were_moved_to(saved, tmp_path):
    origin = read_session(saved).origin
    was = str(tmp_path / "here/analyses/digits.cnnvis.h5")
    assert find_analysis(origin, saved) == was
    alone = tmp_path / "alone.json"
    shutil.copy(saved, alone)
    assert find_analysis(origin, alone) == was
    (tmp_path / "here").rename(tmp_path / "there")
    assert find_analysis(origin, alone) == ""
    moved = tmp_path / "there/sessions/moved neurons"
    assert find_analysis(read_session(moved).origin, moved) == str(tmp_path / "there/analyses/digits.cnnvis.h5")


def test_a_session_that_does_not_say_is_looked_up_by_its_name(tmp_path):
    (tmp_path / "a.cnnvis.h5").write_bytes(b"")
    assert find_analysis(None, tmp_path / "a.cnnvis.json") == str(tmp_path / "a.cnnvis.h5")
    assert find_analysis(None, tmp_path / "a.json") == str(tmp_path / "a.cnnvis.h5")
    assert find_analysis(None, tmp_path / "b.json") == ""


def test_another_place_is_the_same_analysis_and_other_numbers_are_not(lenet):
    origin = origin_of(lenet)
    assert differences(origin, origin_of(replace(lenet, path="/elsewhere/x.cnnvis.h5"))) == ()
    last = replace(lenet.snapshots[-1], loss=9.0)
    other = replace(lenet, snapshots=(*lenet.snapshots[:-1], last))
    assert differences(origin, origin_of(other)) == (
        "its numbers: weights, classes or preparation of the images differ",
    )
    found = differences(origin, origin_of(replace(lenet, data=replace(lenet.data, source="mnist:train"))))
    assert found == (f"images: {lenet.data.source}, here mnist:train",)
    deep = make_analysis("deep", n_snapshots=3)
    found = differences(origin, origin_of(deep))
    assert found[0] == "network: lenet, here deep" and any(text.startswith("snapshots: ") for text in found)
    assert found[-1] == "the network has other layers or numbers of neurons"


def test_all_that_does_not_fit_is_named(lenet):
    history = history_of(e.MoveNeuron("conv11", 3), e.MoveNeuron("conv1", 99), e.ChooseClasses((3, 12)))
    found = misfits(history, lenet)
    assert len(found) == 3 and found[1:] == (
        "layer 'conv1' has 20 neurons, there is no 99",
        "there are 10 classes, there is no 12",
    )
    deep = make_analysis("deep", n_snapshots=1)
    with pytest.raises(SessionError, match=r"\(and 2 more\).*another network.*than 'lenet': it was saved on deep"):
        check_session(history, lenet, "a.json", origin_of(deep))
    assert check_session(history_of(e.ChooseTheme("dark")), lenet, "a.json", origin_of(deep))[0].startswith("network")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"n_images": "many"}, "n_images must be a number"), ({"snapshots": [1]}, "snapshots must be a list of texts"),
     ({"path": None}, "path must be a text")],
)  # fmt: skip
def test_a_damaged_origin_is_one_error(saved, change, message):
    table = json.loads(saved.read_text())
    table["analysis"].update(change)
    saved.write_text(json.dumps(table))
    with pytest.raises(SessionError, match=message):
        read_session(saved)


def test_a_session_is_known_by_its_content(saved, tmp_path):
    assert saved.suffix == "" and is_session_file(saved)
    other = tmp_path / "x.json"
    other.write_text('{"format": "something"}')
    assert not is_session_file(other) and not is_session_file(tmp_path / "none") and not is_session_file(tmp_path)
