from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.terms import HSIC, Covariance, DeltaKernel, GaussianKernel, Kernel


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_gaussian_by_hand():
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
    k = GaussianKernel(5.0)(rows)
    assert k[0, 1].item() == pytest.approx(math.exp(-0.5))
    torch.testing.assert_close(k.diagonal(), torch.ones(3))
    assert torch.equal(k, k.T)
    median = GaussianKernel()(rows)  # squared distances 25, 4, 13: the median is 13
    assert median[1, 2].item() == pytest.approx(math.exp(-1))
    torch.testing.assert_close(GaussianKernel(math.sqrt(13 / 2))(rows), median)


def test_gaussian_knows_neither_scale_nor_origin_with_the_median():
    rows = torch.randn(30, 3, generator=seeded())
    k = GaussianKernel()(rows)
    torch.testing.assert_close(GaussianKernel()(1e3 * rows), k)
    torch.testing.assert_close(GaussianKernel()(1e-6 * rows), k)
    years = torch.randint(1900, 2030, (30,), generator=seeded()).float()
    torch.testing.assert_close(GaussianKernel(3.0)(years), GaussianKernel(3.0)(years - 1950), atol=1e-4, rtol=0)
    codes = torch.arange(5)
    torch.testing.assert_close(GaussianKernel(2.0)(codes), GaussianKernel(2.0)(codes.float()[:, None]))


@pytest.mark.parametrize("copies", [20, 30])
def test_gaussian_has_a_finite_gradient_among_copies(copies):
    rows = torch.randn(30, 2, generator=seeded())
    rows[:copies] = rows[0]
    rows.requires_grad_()
    k = GaussianKernel()(rows)
    k.square().sum().backward()
    assert torch.isfinite(rows.grad).all()
    assert k[0, 1].item() == 1
    assert (k[0, copies:] < 0.99).all()


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, math.nan, math.inf])
def test_bad_bandwidth(bandwidth):
    with pytest.raises(SpecError, match="bandwidth > 0"):
        GaussianKernel(bandwidth)


def test_delta_by_hand():
    assert DeltaKernel()(torch.tensor([1, 2, 1])).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    pairs = torch.tensor([[1, 0], [1, 1], [1, 0]])
    assert DeltaKernel()(pairs).tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def u_statistic(k: np.ndarray, other: np.ndarray) -> float:
    """The definition: the mean over all ordered quadruples of distinct rows."""
    quadruples = list(itertools.permutations(range(len(k)), 4))
    terms = [k[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q]) for i, j, q, r in quadruples]
    return float(np.mean(terms))


@pytest.mark.parametrize("n", [4, 6, 7])
def test_hsic_is_the_u_statistic(n):
    z = torch.randn(n, 2, dtype=torch.float64, generator=seeded(n))
    v = torch.randn(n, 1, dtype=torch.float64, generator=seeded(n + 1)) + z[:, :1]
    k, other = GaussianKernel()(z).numpy(), GaussianKernel(0.8)(v).numpy()
    assert HSIC(nuisance_kernel=GaussianKernel(0.8))(z, v).item() == pytest.approx(u_statistic(k, other), abs=1e-12)
    codes = torch.arange(n) % 2
    assert HSIC()(z, codes).item() == pytest.approx(u_statistic(k, DeltaKernel()(codes).numpy()), abs=1e-7)


def test_hsic_by_hand():
    z = torch.tensor([[0.0], [0.0], [1.0], [1.0]])
    v = torch.tensor([0, 0, 1, 1])
    # K = L: 1 within the two pairs, 0 across. tr = 4, 1'K1 = 4, 1'KK1 = 4: (4 + 16/6 - 4)/4
    value = HSIC(latent_kernel=DeltaKernel())(z, v)
    assert value.item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", ["codes", "reals"])
def test_hsic_is_zero_in_the_mean_without_dependence_and_positive_with(kind):
    generator, values, dependent = seeded(), [], []
    for _ in range(150):
        z = torch.randn(12, 2, generator=generator)
        v = torch.randint(0, 3, (12,), generator=generator) if kind == "codes" else torch.randn(12, generator=generator)
        values.append(HSIC()(z, v).item())
        shifted = z.clone()
        shifted[:, 0] += 2.0 * v
        dependent.append(HSIC()(shifted, v).item())
    spread = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values)) < 3.5 * spread
    assert spread < 0.002
    assert np.mean(dependent) > 20 * spread


def test_hsic_gradient_against_differences():
    z = torch.randn(6, 2, dtype=torch.float64, generator=seeded(), requires_grad=True)
    codes = torch.tensor([0, 1, 0, 1, 2, 2])
    assert torch.autograd.gradcheck(lambda z: HSIC(latent_kernel=GaussianKernel(1.5))(z, codes), z)


def test_descent_on_hsic_removes_the_nuisance():
    v = torch.arange(60) % 2
    z = torch.randn(60, 2, generator=seeded()) + 2.0 * v[:, None]
    z.requires_grad_()
    optimiser = torch.optim.Adam([z], lr=0.1)
    before = HSIC()(z, v).item()
    for _ in range(40):
        optimiser.zero_grad()
        HSIC()(z, v).backward()
        optimiser.step()
    assert before > 0.05
    assert HSIC()(z, v).item() < 0.1 * before


def test_constant_latent_or_nuisance_is_zero_with_a_finite_gradient():
    z = torch.full((8, 3), 2.5, requires_grad=True)
    value = HSIC()(z, torch.arange(8) % 2)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(z.grad).all()
    assert HSIC()(torch.randn(8, 3), torch.zeros(8)).item() == pytest.approx(0, abs=1e-6)
    assert HSIC()(torch.randn(8, 3), torch.zeros(8, dtype=torch.int64)).item() == pytest.approx(0, abs=1e-6)


def test_integers_are_categories_and_reals_are_not():
    z = torch.randn(20, 2, generator=seeded())
    codes = torch.randint(0, 4, (20,), generator=seeded(1))
    assert torch.equal(HSIC()(z, codes), HSIC(nuisance_kernel=DeltaKernel())(z, codes))
    assert torch.equal(HSIC()(z, codes > 1), HSIC()(z, (codes > 1).long()))
    assert torch.equal(HSIC()(z, codes.float()), HSIC(nuisance_kernel=GaussianKernel())(z, codes.float()))
    relabelled = torch.tensor([17, -3, 5, 2])[codes]
    torch.testing.assert_close(HSIC()(z, relabelled), HSIC()(z, codes))


def test_a_kernel_may_keep_its_matrix():
    matrix = torch.rand(6, 6)

    class Fixed(Kernel):
        def __call__(self, rows: Tensor) -> Tensor:
            return matrix

    HSIC(latent_kernel=Fixed(), nuisance_kernel=Fixed())(torch.zeros(6, 1), torch.zeros(6))
    assert (matrix.diagonal() > 0).all()


@pytest.mark.parametrize("n", [1, 3])
def test_too_few_rows(n):
    with pytest.raises(ShapeError, match=f"HSIC wants at least 4 rows.*got {n}"):
        HSIC()(torch.zeros(n, 2), torch.zeros(n))


def test_covariance_by_hand():
    z = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [2.0, -2.0], [-2.0, 2.0]])
    # centred already; C_12 = (1 + 1 - 4 - 4)/3 = -2, so 2·4/2
    assert Covariance()(z).item() == pytest.approx(4.0)
    assert Covariance()(z + 100).item() == pytest.approx(4.0, rel=1e-4)


def test_covariance_like_numpy(rng):
    z = rng.normal(size=(30, 5))
    c = np.cov(z.T)
    assert Covariance()(torch.from_numpy(z)).item() == pytest.approx((np.sum(c**2) - np.sum(np.diag(c) ** 2)) / 5)


def test_covariance_is_never_negative_and_zero_for_one_axis():
    assert Covariance()(1e3 * torch.randn(7, 1)).item() == 0
    axes = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1e-4], [0.0, -1e-4]])
    assert Covariance()(axes).item() == 0
    assert Covariance()(torch.ones(5, 3)).item() == 0


def test_covariance_gradient_and_direction():
    z = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(Covariance(), z)
    (slope,) = torch.autograd.grad(Covariance()(z), z)
    assert Covariance()(z - 0.05 * slope) < Covariance()(z)


def test_covariance_of_one_row():
    with pytest.raises(ShapeError, match="Covariance wants at least 2 rows; got 1"):
        Covariance()(torch.zeros(1, 2))
