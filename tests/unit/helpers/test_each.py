from __future__ import annotations

import pytest
from helpers.each import N_SHOWN, check_each


def below_three(number):
    assert number < 3
    if number == 0:
        pytest.fail("nought")


def test_every_case_is_checked_and_all_that_fail_are_named():
    seen = []
    with pytest.raises(AssertionError) as caught:
        check_each(lambda number: seen.append(number) or below_three(number), [0, 1, 2, 3, 4], "case {}".format)
    assert seen == [0, 1, 2, 3, 4]
    said = str(caught.value)
    assert said.startswith("3 of 5 cases fail: case 0, case 3, case 4\n")
    assert "---- case 4 ----" in said and "nought" in said and "assert 4 < 3" in said
    assert "---- case 1 ----" not in said


def test_of_many_that_fail_the_first_are_shown():
    with pytest.raises(AssertionError) as caught:
        check_each(below_three, range(3, 20))
    assert str(caught.value).startswith("17 of 17 cases fail: 3, 4, 5, ")
    assert str(caught.value).count("Traceback") == N_SHOWN


def test_without_a_case_nothing_is_shown():
    check_each(below_three, [1, 2])
    with pytest.raises(AssertionError, match="no case was checked"):
        check_each(below_three, [])


def test_a_skipped_case_skips_the_test():
    with pytest.raises(pytest.skip.Exception):
        check_each(lambda _: pytest.skip("not here"), [1])
