from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics import (
    DebiasedCKA,
    LinearProbe,
    MLPProbe,
    NeighbourProbe,
    ProbeScore,
    TreeProbe,
    strata,
)

PROBES = [LinearProbe(), NeighbourProbe(), MLPProbe(), TreeProbe()]
every_probe = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)


def through_the_label(rng, n=1200):
    """Latents that know the label and nothing else, and a nuisance that goes with the label."""
    label = rng.integers(0, 2, n)
    nuisance = np.where(rng.random(n) < 0.85, label, 1 - label)
    return rng.normal(size=(n, 3)) + 3 * label[:, None], nuisance, label


@every_probe
def test_within_labels_only_what_the_label_does_not_tell_is_read(rng, probe):
    z, nuisance, label = through_the_label(rng)
    score = ProbeScore(probe)
    assert score.excess(z, nuisance) > 0.45
    report = score.report(z, nuisance, label, permutations=199, among=4)
    assert report.score < report.luck
    assert report.p > 0.01
    shown = z + 2 * nuisance[:, None]
    assert score.report(shown, nuisance, label, permutations=199).p == pytest.approx(1 / 200)


def test_chance_within_labels_is_one_answer_for_each(rng):
    label = np.repeat([0, 1], 100)
    nuisance = np.concatenate([np.arange(100) < 80, np.arange(100) < 30]).astype(int)
    report = ProbeScore(held_out=0.5).report(rng.normal(size=(200, 2)), nuisance, label)
    assert report.held_out == 100
    assert report.chance == pytest.approx((40 + 35) / 100)


def test_strata_that_say_nothing_are_left_out(rng):
    label = np.array(["a"] * 100 + ["b"] * 100 + ["c"] * 5)
    nuisance = np.array([0] * 100 + [0, 1] * 50 + [0, 1, 0, 1, 0])
    assert ProbeScore().report(rng.normal(size=(205, 2)), nuisance, label).held_out == 30
    report = ProbeScore().report(rng.normal(size=(100, 2)), np.arange(100) % 2, np.arange(100) % 2)
    assert report.held_out == 0
    assert math.isnan(report.score)
    assert math.isnan(report.p)


@pytest.mark.parametrize("kind", ["two", "rare", "real"])
def test_p_values_of_probes_keep_their_promise(kind):
    """Of p-values under the null at most a share α is α or less, within what luck explains of 200."""
    rng = np.random.default_rng(5)
    make = {
        "two": lambda: rng.integers(0, 2, 80),
        "rare": lambda: (np.arange(80) < 8).astype(int),
        "real": lambda: rng.normal(size=80),
    }[kind]
    p = [ProbeScore(seed=i).report(rng.normal(size=(80, 2)), make(), permutations=39).p for i in range(200)]
    for alpha in (0.05, 0.1, 0.3):
        assert np.mean(np.array(p) <= alpha) <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / 200)
    assert np.mean(p) < 0.65


def test_p_sees_a_trace_that_accuracy_does_not(rng):
    """A rare value that is never the most likely answer."""
    rare = (rng.random(4000) < 0.05).astype(int)
    z = rng.normal(size=(4000, 1)) + 0.8 * rare[:, None]
    report = ProbeScore().report(z, rare, permutations=199)
    assert report.excess < 0.02
    assert report.p == pytest.approx(1 / 200)


def test_luck_rises_with_the_number_of_probes(rng):
    z, side = rng.normal(size=(200, 2)), np.arange(200) % 2
    one, three = (ProbeScore().report(z, side, among=count).luck for count in (1, 3))
    assert one == pytest.approx(0.5 + 2.326 * math.sqrt(0.25 / 60), abs=1e-3)
    assert three > one


def test_the_perceptron_sees_what_a_line_cannot(rng):
    z = rng.normal(size=(3000, 10))
    nuisance = (z[:, 0] * z[:, 1] > 0).astype(int)
    assert ProbeScore(LinearProbe()).excess(z, nuisance) < 0.1
    assert ProbeScore(MLPProbe()).excess(z, nuisance) > 0.6
    assert ProbeScore(MLPProbe())(z, z[:, 0] * z[:, 1]) > 0.5


def test_rounding_is_not_read(rng):
    """A column that is constant but for its last digits, which tell the nuisance."""
    side = rng.integers(0, 2, 400)
    z = np.column_stack([rng.normal(size=400), 1e-12 * side])
    for probe in PROBES:
        assert ProbeScore(probe).excess(z, side) < 0.2
    assert ProbeScore().excess(z * [1, 1e10], side) == 1.0


def test_answers_are_those_of_rows_not_learnt(rng):
    z, side = rng.normal(size=(100, 2)), np.arange(100) % 2
    (answer,) = ProbeScore(NeighbourProbe(1)).answers(z, side)
    assert len(answer.rows) == 30
    np.testing.assert_array_equal(answer.truth, side[answer.rows])
    assert (answer.predicted.sum(axis=1) == 1).all()
    assert ProbeScore(NeighbourProbe(1))(z, side) < 0.9  # a row that was learnt would be its own neighbour


def test_few_rows_in_a_stratum_lower_the_number_of_neighbours(rng):
    label = np.repeat(np.arange(5), 20)
    report = ProbeScore(NeighbourProbe(15)).report(rng.normal(size=(100, 2)), np.arange(100) % 2, label)
    assert report.held_out == 30


def test_strata_by_hand():
    assert strata(np.array([3, 1, 3])).tolist() == [1, 0, 1]
    assert strata(np.linspace(0, 1, 10)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert strata(np.zeros(4)).tolist() == [0, 0, 0, 0]
    with pytest.raises(DataError, match="label"):
        strata(np.array([0.0, np.nan]))


def test_bad_settings(rng):
    with pytest.raises(SpecError, match="hidden and passes"):
        MLPProbe(0)
    with pytest.raises(ShapeError, match="label has 5"):
        ProbeScore().report(rng.normal(size=(20, 2)), np.arange(20) % 2, np.zeros(5))


# ---------------------------------------------------------------- debiased CKA within labels


def test_cka_within_labels_is_zero_where_the_label_explains_it(rng):
    z, nuisance, label = through_the_label(rng)
    measure = DebiasedCKA()
    assert measure(z, nuisance) > 0.2
    assert abs(measure(z, nuisance, label)) < 0.01
    assert measure.permutation_test(z, nuisance) == 1 / 200
    assert measure.permutation_test(z, nuisance, label) > 0.01
    assert measure.permutation_test(z + nuisance[:, None], nuisance, label) == 1 / 200


def test_cka_within_one_label_is_that_of_all(rng):
    z, nuisance = rng.normal(size=(60, 2)), rng.integers(0, 3, 60)
    assert DebiasedCKA()(z, nuisance, np.zeros(60, int)) == pytest.approx(DebiasedCKA()(z, nuisance))


def test_cka_within_labels_by_hand(rng):
    """Two strata, each with its own HSIC, weighed by rows."""
    from latentatlas.metrics.kernels import DeltaKernel, GaussianKernel, unbiased_centre

    z, nuisance = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    label = np.repeat([0, 1], [10, 20])

    def parts(first, second):
        total = 0.0
        for own in (label == 0, label == 1):
            a, b = unbiased_centre(first(own)), unbiased_centre(second(own))
            n = own.sum()
            total += n * (a * b).sum() / (n * (n - 3))
        return total

    kz, kv = (lambda own: GaussianKernel()(z[own])), (lambda own: DeltaKernel()(nuisance[own]))
    expected = parts(kz, kv) / math.sqrt(parts(kz, kz) * parts(kv, kv))
    assert DebiasedCKA()(z, nuisance, label) == pytest.approx(expected)


def test_the_fast_permutations_are_those_of_the_matrix(rng):
    from latentatlas.metrics.invariance import _inner_of_orders

    (block,) = DebiasedCKA()._blocks(rng.normal(size=(40, 2)), rng.integers(0, 3, 40), None)
    orders = [rng.permutation(40) for _ in range(70)]
    fast = _inner_of_orders(block, orders)
    slow = _inner_of_orders(block._replace(factors=None), orders)
    np.testing.assert_allclose(fast, slow, atol=1e-10)


def test_many_columns_at_once(rng):
    z = rng.normal(size=(300, 3))
    columns = {"real": z[:, 0] + 0.5 * rng.normal(size=300), "kind": (z[:, 1] > 0).astype(int)}
    noise = {f"noise {i}": rng.integers(0, 4, 300) for i in range(20)}
    found = DebiasedCKA().permutation_tests(z, columns | noise)
    assert found["real"].p_corrected == found["kind"].p_corrected == 1 / 200
    assert found["real"].cka == pytest.approx(DebiasedCKA()(z, columns["real"]))
    assert found["kind"].p == DebiasedCKA().permutation_test(z, columns["kind"])
    assert all(found[name].p_corrected >= found[name].p for name in noise)
    assert min(found[name].p_corrected for name in noise) > 0.05


def test_the_correction_keeps_false_findings_rare():
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(60):
        z = rng.normal(size=(40, 2))
        columns = {str(i): rng.integers(0, 2, 40) if i % 2 else rng.normal(size=40) for i in range(10)}
        tests = DebiasedCKA().permutation_tests(z, columns, permutations=39)
        false += min(test.p_corrected for test in tests.values()) <= 0.1
    assert false <= 6 + 3 * math.sqrt(60 * 0.09)
