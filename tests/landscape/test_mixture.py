from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.landscape import MixtureDensity, ShortRun, log_partition

_COVARIANCE = torch.tensor([[4.0, 1.5], [1.5, 1.0]])


def _two(n: int) -> torch.Tensor:
    rows = torch.randn(n, 2) @ torch.linalg.cholesky(_COVARIANCE).T
    rows[: n // 4] += 20
    return rows


def test_it_is_the_mixture_of_scikit_learn():
    torch.manual_seed(0)
    rows = _two(400)
    ours = MixtureDensity(2, 2).fit(rows, seed=3)
    unit = float(rows.double().var(dim=0, unbiased=False).mean().sqrt())
    theirs = GaussianMixture(2, reg_covar=1e-4, random_state=3).fit(rows.double().numpy() / unit)
    expected = theirs.score_samples(rows.double().numpy() / unit) - 2 * math.log(unit)
    torch.testing.assert_close(ours.log_density(rows.double()), torch.from_numpy(expected), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours(rows), -ours.log_density(rows))
    torch.testing.assert_close(ours.log_shares.exp().sort().values, torch.tensor([0.25, 0.75]))


def test_the_standard_gaussian_before_it_is_fitted():
    z = torch.randn(5, 3)
    expected = multivariate_normal(np.zeros(3)).logpdf(z.numpy())
    torch.testing.assert_close(MixtureDensity(4, 3).log_density(z), torch.from_numpy(expected).float())


def test_draws_are_of_the_density():
    torch.manual_seed(0)
    density = MixtureDensity(2, 2).fit(_two(4000))
    drawn = density.sample(20_000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn, density.sample(20_000, generator=torch.Generator().manual_seed(0)))
    far = drawn[:, 0] > 10
    assert float(far.float().mean()) == pytest.approx(0.25, abs=0.02)
    torch.testing.assert_close(drawn[~far].T.cov(), _COVARIANCE, atol=0.2, rtol=0)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (torch.zeros(1, 2), ShapeError, "at least 2 rows for 2 components; got 1"),
        (torch.zeros(5, 2), DataError, "finite rows that vary"),
        (torch.full((5, 2), math.nan), DataError, "finite rows that vary"),
        (torch.zeros(5, 3), ShapeError, "wants 2 axes; got 3"),
    ],
)
def test_rows_that_cannot_be_fitted(unchecked: None, rows: torch.Tensor, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        MixtureDensity(2, 2).fit(rows)


def test_wrong_settings():
    with pytest.raises(SpecError, match="components ≥ 1 and dim ≥ 1; got 0"):
        MixtureDensity(0, 2)
    with pytest.raises(SpecError, match="steps ≥ 1 and a finite step > 0; got 0"):
        ShortRun(0)
    with pytest.raises(SpecError, match="samples ≥ 1; got 0"):
        log_partition(MixtureDensity(1, 1), MixtureDensity(1, 1), samples=0)


def test_the_constant_of_a_gaussian_by_importance():
    proposal = MixtureDensity(1, 2)  # narrower than exp(−E), so that weights differ
    found = log_partition(lambda z: z.square().sum(dim=1) / 2.5, proposal, samples=20_000)
    assert found.value == pytest.approx(math.log(math.pi * 2.5), abs=0.02)
    assert 5_000 < found.effective < 19_999


def test_the_constant_of_an_energy_that_is_not_finite():
    with pytest.raises(DataError, match="finite energies at the draws"):
        log_partition(lambda z: z[:, 0] * math.nan, MixtureDensity(1, 2), samples=10)


def test_short_runs_stay_bounded_where_the_energy_is_too_steep():
    torch.manual_seed(0)
    steep = ShortRun(50, step=1.0)(lambda z: 100 * z.square().sum(dim=1), torch.ones(20, 2), spread=1.0)
    assert float(steep.abs().max()) < 20


def test_short_runs_that_go_on_have_the_variance_of_the_field():
    torch.manual_seed(0)
    z, run = torch.zeros(2000, 1), ShortRun(20, step=0.1)
    for _ in range(10):
        z = run(lambda z: z.square().sum(dim=1) / (2 * 9.0), z, spread=3.0)
    assert float(z.var()) == pytest.approx(9.0, rel=0.1)
