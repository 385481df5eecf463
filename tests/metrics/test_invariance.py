from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics import (
    DebiasedCKA,
    DeltaKernel,
    GaussianKernel,
    LinearKernel,
    LinearProbe,
    NeighbourProbe,
    ProbeReport,
    ProbeScore,
)
from latentatlas.metrics.held_out import held_out_share
from latentatlas.metrics.kernels import unbiased_centre


def song_hsic(k, m):
    """The unbiased estimator of Song et al. 2012, eq. 4, written out."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    return (
        np.trace(k @ m) + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k.sum(axis=0) @ m.sum(axis=1))
    ) / (n * (n - 3))


def test_centred_product_is_the_unbiased_estimator(rng):
    a, b = GaussianKernel()(rng.normal(size=(30, 3))), LinearKernel()(rng.normal(size=(30, 2)))
    assert (unbiased_centre(a) * unbiased_centre(b)).sum() / (30 * 27) == pytest.approx(song_hsic(a, b))


def test_independent_rows_average_to_zero(rng):
    values = [DebiasedCKA()(rng.normal(size=(64, 8)), rng.integers(0, 3, size=64)) for _ in range(200)]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / np.sqrt(200))
    assert np.std(values) > 0


def test_dependence_is_seen_also_where_correlation_is_zero(rng):
    angle = rng.uniform(0, 2 * np.pi, size=300)
    z, nuisance = np.stack([np.cos(angle), np.sin(angle)], axis=1), np.cos(angle) ** 2
    assert abs(DebiasedCKA(LinearKernel())(z, nuisance)) < 0.02
    assert DebiasedCKA()(z, nuisance) > 0.05
    assert DebiasedCKA().permutation_test(z, nuisance) == 1 / 200


def test_equal_and_constant_arguments(rng):
    z = rng.normal(size=(50, 3))
    assert DebiasedCKA()(z, z) == pytest.approx(1)
    assert DebiasedCKA(LinearKernel())(z, 5 * z + 1) == pytest.approx(1)
    assert DebiasedCKA()(z, np.zeros(50)) == 0.0
    assert DebiasedCKA().permutation_test(z, np.zeros(50)) == 1.0


@pytest.mark.parametrize("n", [7, 50, 333])
def test_constants_leave_no_rounding_behind(n):
    for kernel in (LinearKernel(), GaussianKernel(), DeltaKernel()):
        assert not unbiased_centre(kernel(np.full(n, 0.1))).any()


def test_kernel_by_type_of_the_nuisance(rng):
    z, code = rng.normal(size=(60, 2)), rng.integers(0, 3, size=60)
    names = np.array(["c", "a", "b"])[code]
    assert DebiasedCKA()(z, names) == pytest.approx(DebiasedCKA()(z, code))
    assert DebiasedCKA()(z, code.astype(float)) != pytest.approx(DebiasedCKA()(z, code))
    one_hot = np.eye(3)[code]
    np.testing.assert_array_equal(DeltaKernel()(code), one_hot @ one_hot.T)


def test_p_values_are_uniform_under_independence(rng):
    p = [
        DebiasedCKA().permutation_test(rng.normal(size=(40, 2)), rng.integers(0, 2, size=40), permutations=99, seed=i)
        for i in range(100)
    ]
    assert 0.35 < np.mean(p) < 0.65
    assert np.mean(np.array(p) <= 0.1) < 0.25


def test_large_input_is_sampled_by_seed(rng):
    z, nuisance = rng.normal(size=(300, 2)), rng.normal(size=300)
    assert DebiasedCKA(rows=50, seed=1)(z, nuisance) == DebiasedCKA(rows=50, seed=1)(z, nuisance)
    assert DebiasedCKA(rows=50, seed=1)(z, nuisance) != DebiasedCKA(rows=50, seed=2)(z, nuisance)


def test_bandwidth():
    values = np.array([0.0, 1.0, 3.0])
    assert GaussianKernel()(values)[0, 1] == pytest.approx(np.exp(-1 / (2 * 4)))  # distances 1, 2, 3
    assert GaussianKernel(1.0)(values)[0, 2] == pytest.approx(np.exp(-9 / 2))
    with pytest.raises(SpecError, match="bandwidth > 0"):
        GaussianKernel(0.0)


@pytest.mark.parametrize("probe", [LinearProbe(), NeighbourProbe(5)])
def test_probe_reads_what_is_there_and_not_what_is_absent(rng, probe):
    nuisance = rng.integers(0, 3, size=600)
    noise = rng.normal(size=(600, 3))
    assert ProbeScore(probe)(noise + 6 * np.eye(3)[nuisance], nuisance) > 0.95
    report = ProbeScore(probe).report(noise, nuisance)
    assert report.score < report.luck
    assert report.chance == pytest.approx(1 / 3, abs=0.08)
    assert report.held_out == 180
    assert ProbeScore(probe).excess(noise, nuisance) == pytest.approx(report.excess)


@pytest.mark.parametrize("probe", [LinearProbe(), NeighbourProbe()])
def test_probe_regresses_real_numbers(rng, probe):
    z = rng.normal(size=(500, 2))
    assert ProbeScore(probe)(z, 3 * z[:, 0] - z[:, 1]) > 0.9
    assert ProbeScore(probe)(z, z @ rng.normal(size=(2, 3))) > 0.9
    assert ProbeScore(probe).report(z, rng.normal(size=500)).score < 0.05


def test_neighbour_probe_sees_a_ring(rng):
    angle = rng.uniform(0, 2 * np.pi, size=800)
    inner = rng.integers(0, 2, size=800)
    z = (1 + 2 * inner)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert ProbeScore(LinearProbe()).excess(z, inner) < 0.25
    assert ProbeScore(NeighbourProbe()).excess(z, inner) > 0.95


def test_luck_is_rarely_exceeded_by_an_unrelated_nuisance(rng):
    z = rng.normal(size=(200, 4))
    kinds = (lambda: rng.integers(0, 2, size=200), lambda: rng.normal(size=200))
    for kind in kinds:
        reports = [ProbeScore(seed=i).report(z, kind()) for i in range(60)]
        assert sum(report.score > report.luck for report in reports) <= 4


def test_every_category_is_split_in_proportion():
    train, test = held_out_share(np.arange(20), 0.3)
    assert sorted([*train, *test]) == list(range(20))
    assert [sum(test // 10 == group) for group in (0, 1)] == [3, 3]


def test_no_constant_answer_beats_chance(rng):
    rare = np.arange(200) == 7
    for seed in range(20):
        report = ProbeScore(seed=seed).report(rng.normal(size=(200, 2)), rare)
        assert report.excess <= 0


def test_excess_by_hand():
    report = ProbeReport(score=0.8, chance=0.6, luck=0.7, held_out=10)
    assert report.excess == pytest.approx(0.5)
    assert report.lucky_excess == pytest.approx(0.25)
    assert ProbeReport(1.0, 1.0, 1.0, 10).excess == 0.0


def test_constant_nuisance_cannot_be_read(rng):
    z = rng.normal(size=(30, 2))
    assert ProbeScore().excess(z, np.full(30, "same")) == 0.0
    assert ProbeScore()(z, np.zeros(30)) == 0.0


def test_bad_input(rng):
    with pytest.raises(ShapeError, match="at least 10 rows"):
        ProbeScore()(np.zeros((5, 2)), np.zeros(5))
    with pytest.raises(ShapeError, match="at least 4 rows"):
        DebiasedCKA()(np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(SpecError, match="between 0 and 1"):
        ProbeScore(held_out=1.0)
    with pytest.raises(SpecError, match="at least one permutation"):
        DebiasedCKA().permutation_test(np.zeros((5, 2)), np.zeros(5), permutations=0)
