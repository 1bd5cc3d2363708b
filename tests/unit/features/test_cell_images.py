"""Which images of each cell of the confusion matrix are kept, against loops over all images."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.features.cell_images import CellSums
from cnnvis_caffe.features.judges import JUDGES
from cnnvis_caffe.records.analysis import CellImages

RNG = np.random.default_rng(11)
N, N_CLASSES = 300, 4


def by_loops(scores, targets, most):
    """Image indices by cell, the plainest mistake first."""
    cells = {}
    for index, (row, target) in enumerate(zip(scores, targets)):
        if target < 0:
            continue
        answer = int(row.argmax())
        others = [value for c, value in enumerate(row) if c != answer]
        lead = -(row[answer] - max(others)) if answer == target else row[answer] - row[target]
        cells.setdefault((int(target), answer), []).append((-float(lead), index))
    return {cell: [index for _, index in sorted(found)[:most]] for cell, found in cells.items()}


def kept(sums, scores, targets, which):
    found = JUDGES["classes"](N_CLASSES).cells([scores[which]], targets[which], np.asarray(which))
    if found is not None:
        sums.update(found)


@pytest.fixture(scope="module")
def answers():
    scores = RNG.normal(size=(N, N_CLASSES)).astype(np.float32)
    targets = RNG.integers(-1, N_CLASSES, N)
    return scores, targets


def test_of_each_cell_the_plainest_mistakes(answers):
    scores, targets = answers
    wanted = by_loops(scores, targets, 5)
    first, second, whole = CellSums(5), CellSums(5), CellSums(5)
    order = RNG.permutation(N)
    for part, batches in ((first, order[:120]), (second, order[120:])):
        for at in range(0, len(batches), 7):
            kept(part, scores, targets, batches[at : at + 7])
    whole.restore({name: array.copy() for name, array in first.state().items()})
    whole.merge(second)
    confusion = np.zeros((N_CLASSES, N_CLASSES))
    np.add.at(confusion, (targets[targets >= 0], scores[targets >= 0].argmax(1)), 1)
    found = whole.finish(confusion)
    assert {cell: found.of(*cell).tolist() for cell in wanted} == wanted
    assert len(found.image) == sum(map(len, wanted.values()))
    assert (np.diff(found.row * N_CLASSES + found.column) >= 0).all()
    assert (found.lead[found.row == found.column] <= 0).all() and (found.lead[found.row != found.column] > 0).all()


def test_of_too_many_those_of_the_fullest_cells(answers):
    scores, targets = answers
    sums = CellSums(3)
    kept(sums, scores, targets, np.arange(N))
    confusion = np.full((N_CLASSES, N_CLASSES), 4.0)
    confusion[2, 1], confusion[0, 3], confusion[1, 1] = 30, 20, 99
    found = sums.finish(confusion, most=7)
    # The two fullest mistakes, then one image of the next cell; right answers would come last.
    assert [(int(r), int(c)) for r, c in zip(found.row, found.column)] == [(0, 1)] + [(0, 3)] * 3 + [(2, 1)] * 3


def test_what_is_not_a_number_comes_last():
    sums = CellSums(2)
    lead = np.float32([np.nan, 1, 2, np.nan])
    cell = np.zeros(4, np.int64)
    sums.update(CellImages(cell, cell + 1, np.arange(4), lead))
    assert sums.finish(np.ones((2, 2))).image.tolist() == [2, 1]


def test_yes_and_no():
    scores, targets = np.float32([[2], [-1], [0], [-3]]), np.array([1, 1, 0, -1])
    found = JUDGES["score"](2).cells([scores], targets, np.array([10, 11, 12, 13]))
    assert found.row.tolist() == [1, 1, 0] and found.column.tolist() == [1, 0, 1]
    assert found.image.tolist() == [10, 11, 12]
    np.testing.assert_array_equal(found.lead, np.float32([-2, 1, 0]))


def test_answers_of_several_positions_have_no_cell():
    assert JUDGES["classes"](3).cells([np.zeros((2, 3, 4, 1), np.float32)], np.array([0, 1]), np.arange(2)) is None
