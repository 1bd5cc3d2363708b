from __future__ import annotations

import threading

import numpy as np
import pytest

from cnnvis_caffe.runtime import rng, ziggurat
from cnnvis_caffe.runtime.rng import CaffeRandom, default_random, set_random_seed

DRAWS = {
    "uint32": lambda random, n: random.uint32(n),
    "uniform": lambda random, n: random.uniform(n, -2, 5),
    "gaussian": lambda random, n: random.gaussian(n, 1, 2),
    "bernoulli": lambda random, n: random.bernoulli(n, 0.3),
    "dropout_mask": lambda random, n: random.dropout_mask(n, 0.3),
}


def normal_one_by_one(random: CaffeRandom) -> np.float32:
    """The ziggurat as a plain loop, to check the vectorised one; its parts are shared, its flow is not."""
    strips = ziggurat._normal_strips()
    tape = ziggurat._Tape(np.empty(0, np.uint32), 0, random.uint32)
    while True:
        word = tape.word()
        strip, sign = (word & 255) >> 1, np.float32(1 if word & 1 else -1)
        x = np.float32(word >> 8) * np.float32(2.0**-24) * strips.x[strip]
        if (word >> 8) < strips.n_inside[word & 255]:
            return sign * x
        if strip == 0:
            return sign * ziggurat._tail(tape)
        if ziggurat._is_under_curve(np.array([strip]), np.array([x]), np.array([tape.unit()]))[0]:
            return sign * x


def test_words_are_those_of_the_mersenne_twister():
    # The reference implementation's default seed; the C++ standard gives the 10000th word.
    words = CaffeRandom(5489).uint32(10000)
    assert words[:5].tolist() == [3499211612, 581869302, 3890346734, 3586334585, 545404204]
    assert words[-1] == 4123659995
    assert words.dtype == np.uint32


def test_single_words_and_arrays_are_one_stream():
    random = CaffeRandom(5489)
    assert [random.uint32(), *random.uint32(2).tolist(), random.uint32()] == [
        3499211612, 581869302, 3890346734, 3586334585,
    ]  # fmt: skip
    assert type(random.uint32()) is int


@pytest.mark.parametrize("kind", DRAWS)
def test_draws_do_not_depend_on_how_they_are_grouped(kind):
    draw = DRAWS[kind]
    n = 2 * rng._BLOCK + 100
    at_once, in_parts = CaffeRandom(3), CaffeRandom(3)
    expected = draw(at_once, n)
    sizes = [1, 0, 1, 2, 3, 1000, rng._BLOCK, 17]
    parts = [draw(in_parts, size) for size in [*sizes, n - sum(sizes)]]
    assert np.concatenate(parts).tobytes() == expected.tobytes()
    assert at_once.uint32() == in_parts.uint32()


def test_gaussian_equals_a_plain_loop():
    fast, slow = CaffeRandom(11), CaffeRandom(11)
    expected = np.array([normal_one_by_one(slow) for _ in range(20000)], np.float32)
    assert np.abs(expected).max() > ziggurat._normal_strips().x[1]  # the tail was met
    assert fast.gaussian(20000).tobytes() == expected.tobytes()
    assert fast.uint32() == slow.uint32()


@pytest.mark.parametrize(("height", "n_values"), [(0, 2), (2**31, 1)], ids=["under", "above"])
def test_block_that_ends_within_a_try_takes_the_words_it_lacks(height, n_values):
    # Strip 1, positive: near zero, then at the far end, where only the very bottom is under the curve.
    words = np.array([0x00000203, 0xFFFFFF03], np.uint32)
    following = [2**32 - 1, 2**32 - 128, height, 7]  # the first two round to 1.0 and are drawn again
    values = ziggurat.standard_normal(words, lambda: following.pop(0))
    assert following == [7]
    assert values.tolist() == pytest.approx([2 * 2.0**-24 * 3.44262, 3.44262][:n_values], rel=1e-6)


def test_strips_have_equal_areas_and_meet_their_curves():
    for strips, area, curve in [
        (
            ziggurat._normal_strips(),
            9.91256303526217e-3,
            lambda x: np.exp(-(x**2) / 2),
        ),  # Marsaglia and Tsang
        (ziggurat._exponential_strips(), 3.9496598225815571993e-3, lambda x: np.exp(-x)),
    ]:
        x, y = strips.x.astype(np.float64), strips.y.astype(np.float64)
        np.testing.assert_allclose(x[:-1] * np.diff(y), area, rtol=2e-5)
        np.testing.assert_allclose(curve(x[1:]), y[1:], rtol=1e-6)


def test_gaussian_has_the_right_distribution():
    from scipy import stats

    assert stats.kstest(CaffeRandom(2).gaussian(200000, 3, 2), "norm", (3, 2)).pvalue > 1e-3


def test_uniform_has_the_right_distribution():
    from scipy import stats

    assert stats.kstest(CaffeRandom(2).uniform(200000, -1, 4), "uniform", (-1, 5)).pvalue > 1e-3


@pytest.mark.parametrize(("kind", "p"), [("bernoulli", 0), ("dropout_mask", 1)])
def test_impossible_outcome_takes_no_words(kind, p):
    random = CaffeRandom(5489)
    assert not getattr(random, kind)(10, p).any()
    assert random.uint32() == 3499211612


@pytest.mark.parametrize(("kind", "p"), [("bernoulli", 1), ("dropout_mask", 0)])
def test_certain_outcome_takes_words(kind, p):
    random = CaffeRandom(5489)
    assert getattr(random, kind)(1, p).all()
    assert random.uint32() == 581869302


@pytest.mark.parametrize("kind", ["bernoulli", "dropout_mask"])
@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_probability_outside_its_range_is_refused(kind, p):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\], got"):
        getattr(CaffeRandom(1), kind)(3, p)


@pytest.mark.parametrize("ends", [(1, 0), (0, float("inf")), (float("nan"), 1), (3.4028235e38, 3.4028235e38)])
def test_range_that_cannot_be_drawn_from_is_refused(ends):
    with pytest.raises(ValueError, match="range must"):
        CaffeRandom(1).uniform(3, *ends)


@pytest.mark.parametrize("kind", DRAWS)
def test_state_can_be_saved_and_restored(kind):
    random = CaffeRandom(9)
    random.gaussian(777)
    state = random.get_state()
    expected = DRAWS[kind](random, 1500)
    other = CaffeRandom(0)
    other.set_state(state)
    assert DRAWS[kind](other, 1500).tobytes() == expected.tobytes()
    assert other.get_state()["position"] == random.get_state()["position"]
    random.set_state(state)
    assert DRAWS[kind](random, 1500).tobytes() == expected.tobytes()


def test_seeds_wrap_as_unsigned_int():
    assert CaffeRandom(2**32 + 5).uint32() == CaffeRandom(5).uint32()
    assert CaffeRandom(-1).uint32() == CaffeRandom(2**32 - 1).uint32()
    assert CaffeRandom(np.int64(5)).uint32() == CaffeRandom(5).uint32()


def test_streams_without_a_seed_differ():
    assert CaffeRandom().uint32(4).tolist() != CaffeRandom().uint32(4).tolist()


def test_default_stream_is_one_per_thread():
    set_random_seed(5489)
    assert default_random() is default_random()
    seen = []

    def other():
        seen.append(default_random().uint32(4).tolist())
        set_random_seed(1)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    mine = default_random().uint32(4).tolist()
    assert mine[0] == 3499211612
    assert seen[0] != mine


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_random_seed_outside_unsigned_int_is_refused_as_in_pycaffe(seed):
    with pytest.raises(OverflowError, match="random seed"):
        set_random_seed(seed)


def test_random_seed_must_be_an_integer():
    with pytest.raises(TypeError):
        set_random_seed(1.5)
