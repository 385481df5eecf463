from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import DataError, SpecError
from latentatlas.landscape import adjusted_langevin, langevin


def bowl(z: Tensor) -> Tensor:
    return z.square().sum(dim=1) / 2


def double_well(z: Tensor) -> Tensor:
    return 2 * (z[:, 0].square() - 1).square() - 0.3 * z[:, 0]


STARTS = torch.zeros(400, 2, dtype=torch.float64)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_unadjusted_variance_is_off_by_a_known_factor(temperature: float):
    step = 0.8 * temperature
    z = langevin(bowl, STARTS, step=step, steps=250, temperature=temperature, seed=1).z[50:]
    expected = temperature / (1 - step / (4 * temperature))  # 25 % too much
    assert z.mean().abs().item() < 0.05 * math.sqrt(temperature)
    assert z.var().item() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_adjusted_variance_is_exact(temperature: float):
    run = adjusted_langevin(bowl, STARTS, step=0.8 * temperature, steps=250, temperature=temperature, seed=1)
    z = run.z[50:]
    assert 0.6 < run.acceptance < 1
    assert z.mean().abs().item() < 0.05 * math.sqrt(temperature)
    assert z.var().item() == pytest.approx(temperature, rel=0.03)


def test_the_occupation_of_a_double_well():
    """The share of the right well, against the integral of exp(−E)."""
    grid = torch.linspace(-4, 4, 4001, dtype=torch.float64)[:, None]
    law = torch.exp(-double_well(grid))
    expected = (law[grid[:, 0] > 0].sum() / law.sum()).item()
    run = adjusted_langevin(double_well, torch.zeros(500, 1).double(), step=0.2, steps=500, keep_every=5, seed=0)
    assert (run.z[20:] > 0).double().mean().item() == pytest.approx(expected, abs=0.02)
    assert 0.55 < expected < 0.8


def test_the_seed_decides():
    for sampler in (langevin, adjusted_langevin):
        first, same, other = (sampler(bowl, STARTS[:5], step=0.1, steps=9, seed=seed).z for seed in (3, 3, 4))
        assert torch.equal(first, same)
        assert not torch.equal(first, other)


def test_kept_states():
    for sampler in (langevin, adjusted_langevin):
        every = sampler(bowl, STARTS[:5].float(), step=0.1, steps=10, seed=0)
        third = sampler(bowl, STARTS[:5].float(), step=0.1, steps=10, keep_every=3, seed=0)
        assert every.z.shape == (10, 5, 2)
        assert torch.equal(third.z, every.z[2::3])
        assert torch.equal(every.last, every.z[-1])
        assert every.z.dtype == torch.float32
        assert not every.z.requires_grad


def test_no_force_is_a_random_walk_of_known_width():
    run = langevin(lambda z: 0 * z[:, 0], STARTS, step=0.25, steps=16, seed=0)
    assert run.last.std().item() == pytest.approx(math.sqrt(16 * 0.25), rel=0.1)
    assert run.acceptance == 1.0


def test_a_step_that_is_too_large_is_an_error_or_refused():
    with pytest.raises(DataError, match=r"left the finite numbers with step 10\.0"):
        langevin(lambda z: z.pow(4).sum(dim=1), STARTS + 3, step=10.0, steps=50)
    refused = adjusted_langevin(lambda z: z.pow(4).sum(dim=1), STARTS + 3, step=10.0, steps=50)
    assert refused.acceptance < 0.01
    assert torch.isfinite(refused.z).all()


@pytest.mark.parametrize("sampler", [langevin, adjusted_langevin])
def test_bad_arguments(sampler):
    for arguments in ({"step": 0.0}, {"step": 0.1, "temperature": 0.0}, {"step": 0.1, "steps": 2, "keep_every": 3}):
        with pytest.raises(SpecError, match="step > 0"):
            sampler(bowl, STARTS, **arguments)
    with pytest.raises(SpecError, match="0 starts"):
        sampler(bowl, STARTS[:0], step=0.1)


def test_a_start_where_the_energy_is_not_finite():
    with pytest.raises(DataError, match="finite energy at every start"):
        adjusted_langevin(lambda z: -z[:, 0].log(), -STARTS - 1, step=0.1)
