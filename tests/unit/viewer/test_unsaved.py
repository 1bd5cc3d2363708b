"""What is asked before edits are lost, and what is found again after a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from helpers.plain_session import plain_session

from cnnvis_caffe.edits import kinds as e
from cnnvis_caffe.edits.sessions import read_session, save_session
from cnnvis_caffe.errors import SessionError
from cnnvis_caffe.files.temporary import has_ended, process_mark
from cnnvis_caffe.viewer.model.file_names import named_like, sessions_of, with_recent
from cnnvis_caffe.viewer.model.recovery import RecoveryFile, leftovers
from cnnvis_caffe.viewer.model.session_opening import plan_session
from cnnvis_caffe.viewer.model.unsaved import UnsavedEdits

MOVE = e.MoveNeuron("conv1", 3)
PICTURES = "Pictures (*.svg *.png)"
SESSIONS = "Sessions (*.cnnvis.json *.json)"


@pytest.fixture
def unsaved(session, tmp_path):
    """Edits of a session on the small analysis."""
    return UnsavedEdits(session, RecoveryFile(str(tmp_path / "recovery")))


def test_edits_are_unsaved_until_they_are_taken_back_saved_or_discarded(session, unsaved, tmp_path):
    session.apply(e.ChooseTheme("dark"))
    session.go_to_snapshot(0)
    assert not unsaved.exist  # one key does them again
    session.apply(MOVE)
    assert unsaved.exist
    session.undo()
    assert not unsaved.exist
    session.redo()
    unsaved.save(str(tmp_path / "a.json"))
    assert not unsaved.exist and unsaved.path == str(tmp_path / "a.json") == unsaved.suggested_path
    session.undo()
    assert not unsaved.exist  # nothing to lose
    session.apply(e.MoveNeuron("conv1", 4))
    assert unsaved.exist
    unsaved.discard()
    assert not unsaved.exist
    session.apply(MOVE)
    session.open(session.analysis)
    assert not unsaved.exist and unsaved.path == ""


def test_edits_that_cannot_be_saved_stay_unsaved(session, unsaved, tmp_path):
    session.apply(MOVE)
    with pytest.raises(SessionError):
        unsaved.save(str(tmp_path / "no folder/a.json"))
    assert unsaved.exist and unsaved.path == ""


def test_the_question_names_the_last_edits(session, unsaved):
    for neuron in range(3):
        session.apply(e.MoveNeuron("conv1", neuron))
    session.apply(e.ChooseFacet("activations"))
    session.apply(e.ChooseTheme("dark"))
    text, details = unsaved.question()
    assert text == "Save the edits of lenet?"
    assert details.endswith("; Move neuron 2 of conv1; Move neuron 1 of conv1, and 1 edit before.")


def test_a_new_session_lies_beside_its_analysis(lenet, tmp_path):
    for path, expected in (("x/a.cnnvis.h5", "x/a.cnnvis.json"), ("x/a.h5", "x/a.cnnvis.json")):
        session = plain_session(replace(lenet, path=path))
        unsaved = UnsavedEdits(session, RecoveryFile(str(tmp_path)))
        assert unsaved.suggested_path == expected


def ended_process():
    """The mark of a process of this machine that is gone."""
    code = "from cnnvis_caffe.files.temporary import process_mark; print(process_mark())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_what_a_crash_leaves_is_offered_once_and_what_a_window_writes_is_not(session, unsaved, tmp_path):
    folder = str(tmp_path / "recovery")
    unsaved.keep()
    assert not os.path.exists(folder)  # nothing to keep
    session.apply(MOVE)
    unsaved.keep()
    (name,) = os.listdir(folder)
    assert name.startswith(process_mark()) and leftovers(folder) == []
    os.rename(os.path.join(folder, name), os.path.join(folder, name.replace(process_mark(), ended_process())))
    with open(os.path.join(folder, f"{ended_process()}.damaged.cnnvis.json"), "w") as file:
        file.write("{")
    (found,) = leftovers(folder)
    assert found.saved.history.view == session.view
    text, details = found.question
    assert "edits of lenet were saved. Restore them?" in text
    assert "1 edit of " in details and "Move neuron 3 of conv1" in details
    found.remove()
    assert leftovers(folder) == []


def test_the_recovery_file_goes_when_all_is_saved(session, unsaved, tmp_path):
    folder = tmp_path / "recovery"
    for end in (lambda: unsaved.save(str(tmp_path / "a.json")), unsaved.discard, session.undo):
        session.apply(e.MoveNeuron("conv1", len(session.history.edits)))
        unsaved.keep()
        assert len(os.listdir(folder)) == 1
        end()
        unsaved.keep()
        assert os.listdir(folder) == []


def test_restored_edits_are_unsaved(session, unsaved):
    session.apply(MOVE)
    history = session.history
    session.open(session.analysis, history)
    assert not unsaved.exist
    unsaved.count_as_unsaved()
    assert unsaved.exist


def test_a_process_that_wrote_before_the_machine_started_has_ended(tmp_path):
    path = tmp_path / "x"
    path.write_text("")
    assert not has_ended(process_mark(), path) and has_ended(ended_process(), path)
    assert not has_ended("00000000-1", path)  # another machine's: nobody knows
    os.utime(path, (1, 1))
    assert has_ended(process_mark(), path) and has_ended("00000000-1", path)


def saved_on(tmp_path, analysis, *edits):
    """A session file saved on an analysis with a file."""
    session = plain_session(analysis)
    for edit in edits:
        session.apply(edit)
    path = str(tmp_path / "work.json")
    save_session(path, session.history, analysis)
    return read_session(path)


def test_a_session_is_opened_where_it_belongs_or_asked_about(lenet, deep, tmp_path):
    file = tmp_path / "lenet.cnnvis.h5"
    mine = replace(lenet, path=str(file))
    saved = saved_on(tmp_path, mine, MOVE)
    assert plan_session(saved, mine).question == "" == plan_session(saved, mine).open_path
    with pytest.raises(SessionError, match=f"{file}, which is not there"):
        plan_session(saved, None)
    with pytest.raises(SessionError, match="another network"):
        plan_session(saved, deep)
    file.write_bytes(b"")
    assert plan_session(saved, None).open_path == str(file)
    plan = plan_session(saved, deep)
    assert plan.question == "work.json was saved on another analysis: lenet.cnnvis.h5."
    assert plan.open_path == str(file) and not plan.can_use_here
    assert "network: lenet, here deep" in plan.details and "does not fit: " in plan.details
    other = replace(lenet, data=replace(lenet.data, source="mnist:train"))
    plan = plan_session(saved, other)
    assert plan.can_use_here and plan.details == f"images: {lenet.data.source}, here mnist:train"


@pytest.mark.parametrize(
    ("typed", "kind", "written"),
    [
        ("a", PICTURES, "a.svg"),
        ("a", "PNG (*.png)", "a.png"),
        ("lenet 1.5", PICTURES, "lenet 1.5.svg"),
        ("a.PNG", PICTURES, "a.PNG"),
        ("a.jpg", PICTURES, "a.jpg"),
        ("a.", PICTURES, "a.svg"),
        ("a", SESSIONS, "a.cnnvis.json"),
        ("a.cnnvis", SESSIONS, "a.cnnvis.json"),
        ("a.json", SESSIONS, "a.json"),
        ("a.v2", SESSIONS, "a.v2.cnnvis.json"),
        ("a", "All files (*)", "a"),
    ],
)
def test_endings_are_added(typed, kind, written):
    assert named_like(typed, kind) == written


def test_sessions_of_an_analysis_the_newest_first(tmp_path):
    paths = [str(tmp_path / name) for name in ("one.json", "two.json", "gone.json")]
    pairs = []
    for path in paths:
        pairs = with_recent(pairs, path, str(tmp_path / "a.h5"))
    pairs = with_recent(pairs, paths[0], str(tmp_path / "a.h5"))
    pairs = with_recent(pairs, str(tmp_path / "other.json"), str(tmp_path / "b.h5"))
    for name in ("one.json", "two.json", "other.json"):
        (tmp_path / name).write_text("")
    assert sessions_of(pairs, str(tmp_path / "a.h5")) == paths[:2]
    assert sessions_of(pairs, "") == []
