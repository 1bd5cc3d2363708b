"""The drawing beside the list of layers."""

from __future__ import annotations

import pytest

from cnnvis_caffe.text.gutter import Gutter, to_ascii


def test_a_chain_is_one_lane():
    gutter = Gutter([[], [0], [1]])
    assert gutter.lines == ["●", "●", "●"]
    assert not gutter.is_branching


def test_a_module_with_three_branches():
    #       0: in   1: a      2: b     3: b2    4: c     5: join
    gutter = Gutter([[], [0], [0], [2], [0], [1, 3, 4], [5]])
    assert gutter.lines == [
        "●",
        "├─●",
        "├─┼─●",
        "│ │ ●",
        "● │ │",
        "●─┴─╯",
        "●",
    ]
    assert gutter.between[5] == "│ │ │"
    assert gutter.is_branching


def test_a_shortcut_around_layers():
    gutter = Gutter([[], [0], [1], [0, 2], [3]])
    assert gutter.lines == ["●", "├─●", "│ ●", "●─╯", "●"]


def test_a_value_that_stays_for_later():
    gutter = Gutter([[], [], [0, 1], [1, 2]])
    assert gutter.lines == ["●", "│ ●", "●─┤", "●─╯"]


def test_a_branch_that_ends():
    gutter = Gutter([[], [0], [0], [2]])
    assert gutter.lines == ["●", "├─●", "●", "●"]


@pytest.mark.parametrize("seed", range(20))
def test_every_node_has_one_dot_and_lanes_do_not_jump(seed):
    import random

    random.seed(seed)
    sources = [random.sample(range(node), min(node, random.randint(0, 3))) for node in range(25)]
    gutter = Gutter(sources)
    assert all(line.count("●") == 1 for line in gutter.lines)
    # A lane that is open between two lines is drawn in both.
    for number in range(1, len(sources)):
        for lane in range(0, len(gutter.between[number]), 2):
            if gutter.between[number][lane] == "│":
                assert gutter.lines[number - 1].ljust(99)[lane] != " "
                assert gutter.lines[number].ljust(99)[lane] != " "


def test_signs_for_every_terminal():
    assert to_ascii("├─┼─● │ ●─┴─╯") == "+-+-* | *-+-'"
