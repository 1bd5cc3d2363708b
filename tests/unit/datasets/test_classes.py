"""Labels of a data source and classes of a network: names, numbers, groups."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.datasets.class_names import find_class_names, match_names, read_class_names
from cnnvis_caffe.datasets.classes import fit_to_classes
from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.records.annotations import Annotations, of_classes, of_numbers

SYNSETS = ("n01440764 tench, Tinca tinca", "n02012849 crane", "n03126707 crane", "n02123045 tabby, tabby cat")


def test_files_of_names(tmp_path):
    (tmp_path / "synset_words.txt").write_text("\n".join(SYNSETS) + "\n")
    assert read_class_names(tmp_path / "synset_words.txt") == SYNSETS
    (tmp_path / "labels.txt").write_text("0 plane\n1: car\n\n2\tbird\n", encoding="utf-8-sig")
    assert read_class_names(tmp_path / "labels.txt") == ("plane", "car", "bird")
    (tmp_path / "numbers.txt").write_text("3 of clubs\n7 of hearts\n")
    assert read_class_names(tmp_path / "numbers.txt") == ("3 of clubs", "7 of hearts")
    model = str(tmp_path / "deploy.prototxt")
    assert find_class_names([model], 3) == (("plane", "car", "bird"), str(tmp_path / "labels.txt"))
    assert find_class_names([model], 4)[0] == SYNSETS
    assert find_class_names([model, ""], 5) == ((), "")


def test_what_names_a_class():
    assert match_names(["n02123045", "tabby cat", "Tabby_Cat", "Tinca-tinca", "n02012849 crane"], SYNSETS) == [
        3, 3, 3, 0, 1,
    ]  # fmt: skip
    assert match_names(["crane", "dog"], SYNSETS) == [-1, -1], "two classes are called crane"


def test_folders_with_names_of_classes_are_these():
    found, note = fit_to_classes(of_classes(np.array([0, 1, 1]), ("tabby", "tench")), 4, SYNSETS)
    assert (found.values.tolist(), found.names, note) == ([3, 0, 0], SYNSETS, "")


@pytest.mark.parametrize(("n_classes", "names"), [(2, ()), (2, ("x", "y")), (5, tuple("vwxyz"))])
def test_other_folders_are_groups(n_classes, names):
    found, note = fit_to_classes(of_classes(np.array([0, 2, 1]), ("one", "three", "two")), n_classes, names, "photos")
    assert (found.kind, found.groups.tolist(), found.group_names) == ("none", [0, 2, 1], ("one", "three", "two"))
    assert "its 3 folders or names (one, three, two) are " in note and "groups, not labels" in note


def test_words_are_classes_by_their_names_alone():
    words = Annotations("none", 3, groups=np.array([1, 0, 1]), group_names=("tabby", "tench"))
    assert fit_to_classes(words, 4, SYNSETS)[0].values.tolist() == [0, 3, 0]
    found, note = fit_to_classes(words, 2)
    assert (found.kind, found.groups.tolist()) == ("none", [1, 0, 1])
    assert "its 2 folders or names (tabby, tench) are other names" in note


def test_fewer_folders_are_the_first_classes_where_no_names_are_known():
    found, note = fit_to_classes(of_classes(np.array([0, 1]), ("a", "b")), 3)
    assert (found.values.tolist(), found.kind) == ([0, 1], "class")
    assert note == "a, b taken for the classes 0 to 1, by their order; name all 3 classes (--classes)"


def test_numbers_of_folders_are_classes_where_one_is_missing():
    found, note = fit_to_classes(of_classes(np.array([0, 1, 2, 2]), ("0", "7", "9")), 10)
    assert (found.values.tolist(), found.names, note) == ([0, 7, 9, 9], tuple("0123456789"), "")
    whole, _ = fit_to_classes(of_classes(np.arange(11), tuple(sorted(map(str, range(11))))), 11)
    assert whole.names[2] == "10", "all of them are numbered in byte order, as by data convert"


def test_what_cannot_be_meant():
    with pytest.raises(DataFileError, match="has a folder 'b', which is none of the named classes, while others are"):
        fit_to_classes(of_classes(np.array([0, 1]), ("crane", "b")), 2, ("crane", "tench"))
    with pytest.raises(DataFileError, match="list: has labels up to 7, but the network gives scores for 3 classes"):
        fit_to_classes(of_classes(np.array([0, 7])), 3, (), "list")
    numbers = of_numbers(np.array([[0.5], [7]], np.float32))
    assert fit_to_classes(numbers, 3) == (numbers, "")


def test_several_labels_are_told_from_numbers():
    assert of_numbers(np.array([[1, 0], [0, 0]])).kind == "several"
    yes_or_no = of_numbers(np.array([[1, -1], [-1, np.nan]]))
    assert yes_or_no.kind == "several"
    np.testing.assert_array_equal(yes_or_no.values, [[1, 0], [0, np.nan]])
    assert of_numbers(np.array([[1, -1], [0, 1]])).kind == "numbers", "0 and -1 are two kinds of no"
    assert of_numbers(np.array([[1], [0]])).kind == "numbers"
    assert of_numbers(np.array([[np.nan, np.nan]])).kind == "numbers"
