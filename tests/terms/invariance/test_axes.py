from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm

from latentatlas.core import ShapeError, SpecError
from latentatlas.terms import MinibatchWeights, StratifiedWeights, TotalCorrelation


def drawn(n: int, seed: int = 0, dim: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(n, dim, dtype=torch.float64, generator=generator)
    log_variance = torch.randn(n, dim, dtype=torch.float64, generator=generator) - 1
    z = mean + (log_variance / 2).exp() * torch.randn(n, dim, dtype=torch.float64, generator=generator)
    return z, mean, log_variance


def test_it_is_the_estimator_of_the_paper():
    rows, (z, mean, log_variance) = 1000, drawn(8)
    density = norm.logpdf(z[:, None, :], mean[None], (log_variance / 2).exp()[None])
    together = logsumexp(density.sum(axis=2), axis=1) - math.log(8 * rows)
    apart = (logsumexp(density, axis=1) - math.log(8 * rows)).sum(axis=1)
    assert TotalCorrelation(rows)(z, mean, log_variance).item() == pytest.approx(np.mean(together - apart))


def test_weights_of_a_batch():
    assert MinibatchWeights()(4, 100) == (1 / 400, 1 / 400)
    own, other = StratifiedWeights()(4, 100)
    assert own == 1 / 100
    assert own + 3 * other == pytest.approx(1)
    assert StratifiedWeights()(100, 100)[0] == pytest.approx(StratifiedWeights()(100, 100)[1])


def test_stratified_weights_are_unbiased_for_the_density():
    rows = 6
    z, mean, log_variance = drawn(rows, dim=1)
    density = norm.pdf(z[0, 0], mean[:, 0], (log_variance[:, 0] / 2).exp())
    own, other = StratifiedWeights()(3, rows)
    estimates = [
        own * density[0] + other * (density[i] + density[j]) for i in range(1, 6) for j in range(1, 6) if i != j
    ]
    assert np.mean(estimates) == pytest.approx(density.mean())


def test_independent_axes_are_about_0_and_others_are_not():
    term = TotalCorrelation(800, weights=StratifiedWeights())
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(800, 2, dtype=torch.float64, generator=generator)
    log_variance = torch.full((800, 2), math.log(0.3), dtype=torch.float64)
    noise = math.sqrt(0.3) * torch.randn(800, 2, dtype=torch.float64, generator=generator)
    assert term(means + noise, means, log_variance).item() == pytest.approx(0, abs=0.05)
    twisted = means[:, :1].expand(-1, 2)  # one coordinate on both axes: correlation 1/1.3
    expected = -math.log(1 - (1 / 1.3) ** 2) / 2
    assert term(twisted + noise, twisted, log_variance).item() == pytest.approx(expected, abs=0.06)


def test_downhill_makes_axes_independent():
    z, mean, log_variance = drawn(60, dim=2)
    mean = (mean + 2 * mean[:, :1]).requires_grad_()
    term = TotalCorrelation(60)
    noise = (z - mean).detach()
    value = term(mean + noise, mean, log_variance)
    (slope,) = torch.autograd.grad(value, mean)
    better = mean - 0.1 * slope / slope.norm()
    assert term(better + noise, better, log_variance) < value


def test_a_batch_larger_than_it_was_built_for():
    z, mean, log_variance = drawn(8)
    assert torch.equal(TotalCorrelation(2)(z, mean, log_variance), TotalCorrelation(8)(z, mean, log_variance))


def test_bad_input():
    with pytest.raises(SpecError, match="rows ≥ 2; got 1"):
        TotalCorrelation(1)
    with pytest.raises(ShapeError, match="at least 2 rows; got 1"):
        TotalCorrelation(5)(*drawn(1))
