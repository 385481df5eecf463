from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.metrics import CramersV, over_correction


def coloured(rng, n=4000, *, label_noise=0.25, colour_noise=0.15):
    """Shape, noisy label and a colour that goes with the label: the law of Colored MNIST, without its pictures."""
    shape = rng.integers(0, 2, n)
    label = np.where(rng.random(n) < label_noise, 1 - shape, shape)
    colour = np.where(rng.random(n) < colour_noise, 1 - label, label)
    return shape, label, colour


def test_cramers_v_by_hand():
    """φ² = 1 for two equal halves; for n = 100, r = c = 2: (1 − 1/99) / (2 − 1/99 − 1) = 1."""
    half = np.arange(100) % 2
    assert CramersV()(half, 1 - half) == pytest.approx(1)
    label, nuisance = np.repeat([0, 1], 50), np.array([0] * 40 + [1] * 10 + [0] * 10 + [1] * 40)
    phi = 0.36 - 1 / 99  # χ²/n = (.8 − .2)², less what chance adds
    assert CramersV()(label, nuisance) == pytest.approx(np.sqrt(phi / (1 - 1 / 99)))


def test_cramers_v_of_constants_and_of_numbers(rng):
    values = rng.normal(size=500)
    assert CramersV()(np.zeros(500, int), values) == 0.0
    assert CramersV()(values, values) == pytest.approx(1)
    assert CramersV()(values, rng.normal(size=500)) < 0.15


def test_cramers_v_p_values(rng):
    label = rng.integers(0, 3, 200)
    assert CramersV().permutation_test(label, label, permutations=99) == 0.01
    p = [CramersV().permutation_test(label, rng.integers(0, 3, 200), permutations=99) for _ in range(60)]
    assert 0.35 < np.mean(p) < 0.65


def test_an_oracle_is_neither_shortcut_nor_over_corrected(rng):
    shape, label, colour = coloured(rng)
    found = over_correction(shape, colour, label)
    assert abs(found.value) < 0.05
    assert found.p > 0.01
    assert found.marginal > 0.25  # by way of the label
    assert found.p_label == 0.001


def test_a_shortcut_is_positive(rng):
    _, label, colour = coloured(rng)
    found = over_correction(colour, colour, label)
    assert found.value == pytest.approx(1)
    assert found.p == 1.0


def test_a_prediction_that_is_forced_to_be_independent_of_colour_raises_the_alarm(rng):
    """A binary code that is marginally independent of colour uses it reversed, and beats 75 % on a flipped test."""
    shape, label, colour = coloured(rng, 20_000)
    flip = rng.random(20_000) < 0.26  # colour reversed, often enough to cancel what shape says of it
    code = np.where(flip, 1 - colour, shape)
    assert abs(np.corrcoef(code, colour)[0, 1]) < 0.03
    found = over_correction(code, colour, label)
    assert found.value < -0.15
    assert found.p == 0.001
    there, flipped, reversed_colour = coloured(rng, 20_000, colour_noise=0.9)
    answer = np.where(rng.random(20_000) < 0.26, 1 - reversed_colour, there)
    assert (answer == flipped).mean() == pytest.approx(0.789, abs=0.01)


def test_the_sign_does_not_depend_on_names_or_on_the_form_of_the_prediction(rng):
    shape, label, colour = coloured(rng)
    code = np.where(rng.random(4000) < 0.4, 1 - colour, shape)
    names, colours = np.array(["no", "yes"])[label], np.array(["red", "green"])[colour]
    value = over_correction(code, colour, label).value
    assert over_correction(np.array(["no", "yes"])[code], colours, names).value == pytest.approx(value)
    assert over_correction(np.eye(2)[code], colours, names).value == pytest.approx(value)
    assert over_correction(4.0 * code - 7, colour, label).value == pytest.approx(value)
    assert over_correction(1 - code, 1 - colour, 1 - label).value == pytest.approx(value)


def test_two_classes_are_the_partial_correlation(rng):
    _, label, colour = coloured(rng, 500)
    score = rng.normal(size=500) + 0.3 * label - 0.5 * colour

    def residual(values):
        values = values.astype(float)
        return values - np.array([values[label == 0].mean(), values[label == 1].mean()])[label]

    expected = np.corrcoef(residual(score), residual(colour))[0, 1]
    assert over_correction(score, colour, label).value == pytest.approx(expected)


def test_numbers(rng):
    label = rng.normal(size=2000)
    age = label + 0.5 * rng.normal(size=2000)
    assert over_correction(label - 0.8 * age, age, label).value < -0.5
    assert over_correction(label + 0.8 * age, age, label).value > 0.5


def test_p_is_uniform_where_the_prediction_knows_the_label_alone():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(100):
        shape, label, colour = coloured(rng, 200)
        p.append(over_correction(shape, colour, label, permutations=39).p)
    assert 0.4 < np.mean(p) < 0.6


def test_a_nuisance_that_does_not_vary_within_labels(rng):
    label = rng.integers(0, 2, 100)
    found = over_correction(rng.normal(size=100), label, label)
    assert (found.value, found.p) == (0.0, 1.0)


def test_bad_input(rng):
    label = np.arange(30) % 3
    with pytest.raises(DataError, match="for each of the 3 classes; got 2"):
        over_correction(np.zeros((30, 2)), label, label)
    with pytest.raises(ShapeError, match="nuisance has 29"):
        over_correction(label, label[1:], label)
