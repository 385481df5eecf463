from __future__ import annotations

import numpy as np
import pytest
import torch

from latentatlas.core import DataError, ShapeError
from latentatlas.spectral import (
    DispersionLambda,
    Lambda,
    RayleighField,
    RayleighLambda,
    SyntheticLambda,
    dispersion,
    feature_laplacian,
)


@pytest.fixture
def rows(rng) -> np.ndarray:
    return rng.normal(size=(300, 4)) @ rng.normal(size=(4, 10)) + 0.3 * rng.normal(size=(300, 10))


@pytest.fixture
def laplacian(rows):
    return feature_laplacian(rows, k=3)


def test_between_zero_and_the_largest_eigenvalue(rows, laplacian):
    top = np.linalg.eigvalsh(laplacian.matrix.toarray())[-1]
    energy = laplacian(rows).energy
    assert energy.min() >= 0
    assert energy.max() <= top <= 2 * laplacian.degrees.max()


def test_an_eigenvector_has_its_eigenvalue(laplacian):
    values, vectors = np.linalg.eigh(laplacian.matrix.toarray())
    np.testing.assert_allclose(laplacian(vectors.T).energy, values, atol=1e-12)


def test_like_the_definition_over_several_blocks(laplacian):
    x = np.random.default_rng(1).normal(size=(120_000, 10)).astype(np.float32)
    dense = laplacian.matrix.toarray()
    wide = x.astype(np.float64)
    wanted = np.einsum("na,ab,nb->n", wide, dense, wide) / np.square(wide).sum(axis=1)
    np.testing.assert_allclose(laplacian(x).energy, wanted, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-6, 1e6, -1.0])
def test_units_and_sign_do_not_matter(rows, factor):
    scaled = factor * rows
    found = feature_laplacian(scaled, k=3)(scaled)
    np.testing.assert_allclose(found.energy, feature_laplacian(rows, k=3)(rows).energy, rtol=1e-9)
    assert not found.flagged.any()


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_rows_without_a_direction_are_flagged_and_have_no_energy(rows, laplacian, factor):
    x = factor * rows
    x[3] = 0
    x[7] *= 1e-6
    found = laplacian(x)
    assert np.flatnonzero(found.flagged).tolist() == [3, 7]
    np.testing.assert_array_equal(np.isnan(found.energy), found.flagged)


def test_nothing_but_zeros_is_flagged_without_a_warning(laplacian):
    found = laplacian(np.zeros((2, 10)))
    assert found.flagged.all()
    assert np.isnan(found.energy).all()


def test_an_energy_of_zero_is_a_real_one(laplacian):
    assert laplacian(np.full((1, 10), 7.0)).energy.item() == pytest.approx(0, abs=1e-12)


def test_negative_similarities_can_make_negative_energies():
    x = np.array([[1.0, -1.0], [2.0, -2.0]])
    kept = feature_laplacian(x, keep_negative=True)
    assert kept(np.array([[1.0, -1.0]])).energy.item() == pytest.approx(-2)


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint8])
def test_other_kinds_of_numbers(laplacian, kind):
    x = (np.arange(40).reshape(4, 10) % 3 > 0).astype(kind)
    np.testing.assert_allclose(laplacian(x).energy, laplacian(x.astype(np.float64)).energy)


def test_wrong_rows(unchecked, laplacian):
    with pytest.raises(DataError, match="FeatureLaplacian wants finite rows; 1 hold NaN"):
        laplacian(np.full((1, 10), np.nan))
    with pytest.raises(ShapeError, match="the 10 columns it was fitted on; got 9"):
        laplacian(np.ones((2, 9)))
    with pytest.raises(ShapeError, match="at least one row"):
        laplacian(np.ones((0, 10)))


# ---------------------------------------------------------------- dispersion and the library's λ


def test_dispersion_like_the_definition(rows, laplacian):
    weights = laplacian.weights.toarray()
    for x, found in zip(rows[:5], dispersion(laplacian, rows[:5]), strict=True):
        edges = [(a, b) for a in range(10) for b in range(a) if weights[a, b] > 0]
        carried = np.array([weights[a, b] * (x[a] - x[b]) ** 2 for a, b in edges])
        assert found == pytest.approx(np.square(carried / carried.sum()).sum())
        assert 1 / len(edges) <= found <= 1


def test_dispersion_has_no_unit_and_no_value_for_equal_features(rows, laplacian):
    np.testing.assert_allclose(dispersion(laplacian, -1e6 * rows), dispersion(laplacian, rows))
    assert np.isnan(dispersion(laplacian, np.ones((1, 10)))).all()


def test_lambdas_are_energies():
    assert all(isinstance(lam, Lambda) for lam in (RayleighLambda(), DispersionLambda(), SyntheticLambda()))


def test_the_synthetic_lambda_like_the_library(rows, laplacian):
    x = rows + 1
    dense, weights = laplacian.matrix.toarray(), laplacian.weights.toarray()
    for row, found in zip(x, SyntheticLambda()(laplacian, x), strict=True):
        energy = row @ dense @ row / (row @ row)
        both_ways = weights * np.subtract.outer(row, row) ** 2
        spread = np.square(both_ways / both_ways.sum()).sum()
        tau = max(np.median(row), 1e-10)
        share = min(tau, 1)
        assert found == pytest.approx(share * energy / (energy + tau) + (1 - share) * spread)


def test_the_faults_of_the_synthetic_lambda(rows, laplacian):
    x = np.abs(rows) + 0.1
    plain, smaller, larger, turned = (SyntheticLambda()(laplacian, c * x) for c in (1.0, 1e-6, 1e6, -1.0))
    np.testing.assert_allclose(
        smaller, dispersion(laplacian, x) / 2, atol=1e-4
    )  # in small units only the spread is left
    assert larger.max() < 1e-4  # in large units nothing is left
    np.testing.assert_allclose(turned, dispersion(laplacian, x) / 2, atol=1e-6)  # −x is another row than x
    order = [np.argsort(values).tolist() for values in (plain, smaller, turned)]
    assert order[0] != order[1]
    assert order[0] != order[2]
    np.testing.assert_allclose(RayleighLambda()(laplacian, -1e6 * x), RayleighLambda()(laplacian, x))


@pytest.mark.parametrize("lam", [RayleighLambda(), DispersionLambda(), SyntheticLambda()])
def test_rows_without_an_energy_are_an_error(rows, laplacian, lam):
    x = rows.copy()
    x[4] = 0
    with pytest.raises(DataError, match=r"1 have none .* the first is row 4"):
        lam(laplacian, x)


# ---------------------------------------------------------------- the field


def test_the_field_is_the_energy(rows, laplacian):
    z = torch.from_numpy(rows)
    np.testing.assert_allclose(RayleighField(laplacian)(z).numpy(), laplacian(rows).energy, atol=1e-12)
    single = RayleighField(laplacian)(z.float())
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), laplacian(rows).energy, atol=1e-5)


def test_the_gradient_of_the_field(rows, laplacian):
    z = torch.from_numpy(rows[:4]).requires_grad_()
    field = RayleighField(laplacian)
    (slope,) = torch.autograd.grad(field(z).sum(), z)
    matrix, x = laplacian.matrix.toarray(), rows[:4]
    wanted = 2 * (x @ matrix - laplacian(x).energy[:, None] * x) / np.square(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(slope, wanted, atol=1e-12)
    np.testing.assert_allclose((slope * z).sum(dim=1).detach(), 0, atol=1e-12)  # length does not matter


def test_the_zero_row_has_no_energy_in_the_field_either(laplacian):
    assert RayleighField(laplacian)(torch.zeros(1, 10)).isnan().all()
