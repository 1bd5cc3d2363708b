"""Lists and CSV tables of images in the forms that data sets have."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.datasets.annotate import annotate
from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.image_table import read_image_table


def read(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return read_image_table(tmp_path / name)


def test_several_labels_as_celeba_writes_them(tmp_path):
    table = read(tmp_path, "list_attr.txt", "2\nBald Smiling Young\n000001.jpg  -1  1  1\n000002.jpg   1 -1  1\n")
    found = annotate(table)
    assert (found.kind, found.names) == ("several", ("Bald", "Smiling", "Young"))
    np.testing.assert_array_equal(found.values, [[0, 1, 1], [1, 0, 1]])
    assert table.images == (("000001.jpg",), ("000002.jpg",))
    assert table.lines == (3, 4)


def test_numbers_and_landmarks(tmp_path):
    found = annotate(read(tmp_path, "a.txt", "a/x.jpg 12.5 40\na/y.JPEG 3 -7\n"))
    assert found.kind == "numbers"
    np.testing.assert_array_equal(found.values, [[12.5, 40], [3, -7]])


def test_pairs_and_masks(tmp_path):
    pairs = read(tmp_path, "pairs.txt", "a.png b.png 1\nc.png d.png 0\n")
    assert pairs.images == (("a.png", "b.png"), ("c.png", "d.png"))
    assert annotate(pairs).values.tolist() == [1, 0]
    masks = read(tmp_path, "train.txt", "/JPEGImages/a 1.jpg /SegmentationClass/a 1.png\n")
    assert masks.images == (("/JPEGImages/a 1.jpg", "/SegmentationClass/a 1.png"),)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_with_a_header(tmp_path, mark):
    rows = ("file,group,bald,smiling", "a b.png,left,1,0", "c.png,right,0,", "d.png,left,0,1")
    name = "a.tsv" if mark == "\t" else "a.csv"
    found = annotate(read(tmp_path, name, "\n".join(rows).replace(",", mark) + "\n"))
    assert (found.kind, found.names, found.group_names) == ("several", ("bald", "smiling"), ("left", "right"))
    np.testing.assert_array_equal(found.values, [[1, 0], [0, np.nan], [0, 1]])
    assert found.groups.tolist() == [0, 1, 0]


def test_a_table_with_words_as_labels(tmp_path):
    table = read(tmp_path, "a.csv", 'id,label,photographer\n7,"owl, barn",Ann\n8,cat,Bob\n9,cat,Ann\n')
    assert table.images == (("7",), ("8",), ("9",))
    found = annotate(table)
    assert (found.kind, found.group_names, found.groups.tolist()) == ("none", ("cat", "owl, barn"), [1, 0, 0])


def test_a_table_without_a_header(tmp_path):
    found = annotate(read(tmp_path, "a.csv", "x.png,3\ny.png,0\n"))
    assert (found.kind, found.values.tolist(), found.names) == ("class", [3, 0], ())


def test_a_table_with_masks(tmp_path):
    table = read(tmp_path, "a.csv", "mask,image\nm/1.png,i/1.jpg\n")
    assert table.images == (("i/1.jpg", "m/1.png"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,shape,owner\na.png,round,Ann\n", "has columns that are not numbers: 'shape', 'owner'; name the column"),
        ("image,label\na.png,1\nb.png\n", "line 3 has 1 cells, but the first line has 2"),
        ("", "is a list without images"),
        ("image,label\n", "is a list without images"),
    ],
)
def test_tables_that_do_not_say_enough(tmp_path, text, said):
    with pytest.raises(DataFileError, match=said):
        annotate(read(tmp_path, "a.csv", text))
