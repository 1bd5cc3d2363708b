"""Measures of right and wrong answers, against definitions written out image by image."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.features.class_sums import ClassMaxima, ClassMembers, ClassSums, rounds
from cnnvis_caffe.features.judges import JUDGES, histograms
from cnnvis_caffe.features.judges.pairs import PairJudge

RNG = np.random.default_rng(7)


def judged(judge, scores, targets, cut=17):
    """The judge, given two batches by two of its kind that are merged, one of them through its state."""
    first, second, whole = (type(judge)(judge.n_columns) for _ in range(3))
    first.update([array[:cut] for array in scores], targets[:cut])
    second.update([array[cut:] for array in scores], targets[cut:])
    whole.restore({name: array.copy() for name, array in first.state().items()})
    whole.merge(second)
    return whole


def by_name(judge):
    return {measure.name: measure for measure in judge.measures()}


def precision_of(scores, answers):
    """Mean over the yes answers of the precision when all scores down to theirs mean yes."""
    order = np.argsort(-scores, kind="stable")
    right = answers[order] == 1
    return float(np.mean([right[: i + 1].mean() for i in np.flatnonzero(right)]))


def area_of(scores, answers):
    yes, no = scores[answers == 1], scores[answers == 0]
    return float(np.mean([(y > n) + 0.5 * (y == n) for y in yes for n in no]))


def test_bins_keep_the_order_of_scores():
    scores = np.sort(np.concatenate([RNG.normal(0, 30, 500), [0, 1e-9, -1e-9, 1e9, -1e9]])).astype(np.float32)
    found = histograms.bins(scores)
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 0 and found.max() < histograms.N_BINS
    assert histograms.bins(np.float32([0, -0.0])).tolist() == [histograms.N_BINS // 2] * 2


def test_several_labels():
    answers = (RNG.random((60, 3)) < [0.5, 0.2, 0.9]).astype(np.float32)
    # Whole numbers have bins of their own, so that nothing is lost.
    scores = RNG.permuted(np.arange(-90, 90).reshape(3, 60), axis=1).T.astype(np.float32) + 30 * answers
    answers[4, 1] = np.nan
    judge = judged(JUDGES["labels"](3), [scores], answers)
    found = by_name(judge)
    known = [~np.isnan(answers[:, c]) for c in range(3)]
    for name, of in (("average precision", precision_of), ("area under ROC curve", area_of)):
        wanted = [of(scores[known[c], c], answers[known[c], c]) for c in range(3)]
        np.testing.assert_allclose(found[name].values, wanted, 0.02)
        assert found[name].overall == pytest.approx(found[name].values.mean())
    says_yes = scores >= 0
    wrong = np.array([(says_yes[known[c], c] != answers[known[c], c]).mean() for c in range(3)])
    np.testing.assert_allclose(found["error"].values, wrong)
    assert judge.error == pytest.approx((says_yes != answers)[~np.isnan(answers)].mean())
    hits = [(says_yes[:, c] & (answers[:, c] == 1)).sum() for c in range(3)]
    f1 = [2 * h / (says_yes[known[c], c].sum() + (answers[:, c] == 1).sum()) for c, h in enumerate(hits)]
    np.testing.assert_allclose(found["F1"].values, f1)
    np.testing.assert_allclose(found["average precision"].guesses, [np.nanmean(answers[:, c]) for c in range(3)])


def test_one_score():
    answers = (RNG.random(50) < 0.3).astype(np.int64)
    scores = (RNG.permutation(50) - 25 + 20 * answers).astype(np.float32)
    answers[3] = -1
    judge = judged(JUDGES["score"](2), [scores[:, np.newaxis]], answers)
    known = answers >= 0
    table = np.zeros((2, 2))
    for score, answer in zip(scores[known], answers[known]):
        table[answer, int(score >= 0)] += 1
    np.testing.assert_array_equal(judge.confusion, table)
    assert judge.error == pytest.approx(1 - np.trace(table) / table.sum())
    found = by_name(judge)
    assert found["area under ROC curve"].overall == pytest.approx(area_of(scores[known], answers[known]), abs=0.01)
    np.testing.assert_allclose(found["error"].values, 1 - np.diag(table) / table.sum(1))
    assert found["error"].guess == pytest.approx(min(answers[known].mean(), 1 - answers[known].mean()))


def test_numbers():
    targets = RNG.normal([3, -20], [2, 5], (40, 2)).astype(np.float32)
    scores = (targets + RNG.normal(0, [1, 0.5], (40, 2))).astype(np.float32)
    targets[5, 0] = np.nan
    judge = judged(JUDGES["numbers"](2), [scores], targets)
    found = by_name(judge)
    off = (scores - targets).astype(np.float64)
    np.testing.assert_allclose(found["mean absolute error"].values, np.nanmean(np.abs(off), 0), 1e-6)
    np.testing.assert_allclose(found["rms error"].values, np.sqrt(np.nanmean(off**2, 0)), 1e-6)
    np.testing.assert_allclose(found["rms error"].guesses, np.nanstd(targets.astype(np.float64), 0), 1e-5)
    assert np.isnan(judge.error)


def test_pixels():
    scores = RNG.normal(0, 1, (20, 3, 5, 4)).astype(np.float32)
    targets = RNG.choice([0, 1, 2, 255], (20, 5, 4), p=[0.6, 0.2, 0.1, 0.1])
    judge = judged(JUDGES["pixels"](3), [scores], targets)
    answers = scores.argmax(1)
    known = targets < 3
    overlap = [
        ((answers == c) & (targets == c)).sum() / (((answers == c) & known) | (targets == c)).sum() for c in range(3)
    ]
    found = by_name(judge)
    np.testing.assert_allclose(found["intersection over union"].values, overlap)
    assert judge.error == pytest.approx((answers != targets)[known].mean())
    assert judge.confusion[1, 2] == ((targets == 1) & (answers == 2)).sum()
    assert found["intersection over union"].guess == pytest.approx((targets == 0).sum() / known.sum() / 3)


def test_pairs():
    first = RNG.normal(0, 0.2, (30, 4)).astype(np.float32)
    same = RNG.integers(0, 2, 30)
    second = (first + np.where(same[:, np.newaxis], 0.1, 0.4) * RNG.normal(0, 1, (30, 4))).astype(np.float32)
    judge = judged(PairJudge(2), [first, second], same)
    distance = np.sqrt(((first - second) ** 2).sum(1))
    assert judge.error == pytest.approx(((distance <= 0.5) != same).mean())
    found = by_name(judge)
    np.testing.assert_allclose(found["mean distance"].values, [distance[same == s].mean() for s in (0, 1)], 1e-6)
    assert found["area under ROC curve"].overall == pytest.approx(area_of(-distance, same), abs=0.01)


def test_classes_of_which_some_are_not_known():
    scores = RNG.normal(0, 1, (25, 4, 3)).astype(np.float32)  # of three positions
    classes = RNG.choice([-1, 0, 1, 3], 25)
    judge = judged(JUDGES["classes"](4), [scores], classes)
    answers, known = scores.argmax(1), classes >= 0
    assert judge.error == pytest.approx((answers != classes[:, np.newaxis])[known].mean())
    wanted = np.zeros((4, 4))
    for row, label in zip(answers[known], classes[known]):
        for answer in row:
            wanted[label, answer] += 1 / 3
    np.testing.assert_allclose(judge.confusion, wanted)
    assert by_name(judge)["error"].guess == pytest.approx(1 - np.bincount(classes[known]).max() / known.sum())


@pytest.mark.parametrize("task", JUDGES)
def test_nothing_was_judged(task):
    judge = JUDGES[task](2)
    assert np.isnan(judge.error) and judge.confusion is None and judge.measures() == ()


def test_images_of_several_classes_and_of_none():
    belongs = RNG.random((12, 5)) < 0.4
    belongs[3] = False
    belongs[:, 2] = False
    values = RNG.normal(0, 1, (12, 7)).astype(np.float32)
    members = ClassMembers(belongs)
    sums, maxima = ClassSums(5, 7), ClassMaxima(5, 7)
    sums.update(values, members)
    maxima.update(values, members)
    for c in (0, 1, 3, 4):
        np.testing.assert_allclose(sums.sums[c], values[belongs[:, c]].sum(0, dtype=np.float64))
        np.testing.assert_array_equal(maxima.maxima[c], values[belongs[:, c]].max(0))
    assert not maxima.is_seen[2] and not sums.sums[2].any()
    np.testing.assert_array_equal(members.counts, belongs.sum(0)[members.present])
    turns = list(rounds(belongs))
    assert len(turns) == belongs.sum(1).max()
    seen = np.zeros_like(belongs)
    for turn in turns:
        assert not seen[np.flatnonzero(turn >= 0), turn[turn >= 0]].any()
        seen[np.flatnonzero(turn >= 0), turn[turn >= 0]] = True
    np.testing.assert_array_equal(seen, belongs)


def test_nobody_belongs_anywhere():
    members = ClassMembers(np.full(4, -1))
    sums = ClassSums(3, 2)
    sums.update(np.ones((4, 2), np.float32), members)
    assert members.n_images == 4 and not len(members.present) and not sums.sums.any()
