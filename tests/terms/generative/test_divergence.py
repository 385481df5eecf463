"""Distributions of codes against a prior; the collapse they are known for, provoked."""

from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Batch, Constant, Ramp, Schedule, SpecError
from latentatlas.landscape import MixtureDensity
from latentatlas.models import Autoencoder, MLPEncoder, NeuralEnergy, VariationalEncoder
from latentatlas.terms import (
    ContrastiveDivergence,
    EnergyPrior,
    GaussianDivergence,
    Objective,
    Reconstruction,
    ReplayBuffer,
    Term,
)
from latentatlas.train import Recipe, RowBatches, Silent, fit


def test_the_divergence_is_that_of_torch():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(9, 3), torch.randn(9, 3)
    codes = torch.distributions.Normal(mean, (log_variance / 2).exp())
    for spread in (1.0, 4.0):
        prior = torch.distributions.Normal(torch.zeros(3), spread * torch.ones(3))
        expected = torch.distributions.kl_divergence(codes, prior).sum(dim=1).mean()
        torch.testing.assert_close(GaussianDivergence(spread=spread)(mean, log_variance), expected)


def test_below_its_free_bits_an_axis_is_not_pulled():
    mean = torch.tensor([[0.1, 2.0]], requires_grad=True)  # .005 and 2 nats
    value = GaussianDivergence(0.5)(mean, torch.zeros(1, 2))
    assert float(value.detach()) == pytest.approx(0.5 + 2.0)
    value.backward()
    assert mean.grad.tolist() == [[0.0, 2.0]]


def test_with_a_gaussian_prior_both_terms_pull_alike():
    torch.manual_seed(0)
    leaves = [torch.randn(6, 2, requires_grad=True), torch.randn(6, 2, requires_grad=True)]
    mean, log_variance = leaves
    noise = torch.cat([torch.ones(3, 2), -torch.ones(3, 2)])  # the mean of ½‖z‖² over ±1 is its expectation
    pairs = [part.repeat(2, 1) for part in (mean[:3], log_variance[:3])]
    z = pairs[0] + (pairs[1] / 2).exp() * noise
    contrast = ContrastiveDivergence(MixtureDensity(1, 2), ReplayBuffer(8, 2), alpha=0.0).eval()
    contrast.buffer.keep(torch.arange(4), torch.randn(4, 2))
    by_samples = torch.autograd.grad(EnergyPrior(contrast)(z, pairs[1]), leaves, retain_graph=True)
    exactly = torch.autograd.grad(GaussianDivergence()(*pairs), leaves)
    for one, other in zip(by_samples, exactly, strict=True):
        torch.testing.assert_close(one, other)


def _rows(n: int, *, seed: int) -> torch.Tensor:
    """Three clusters in a plane of eight columns, with noise."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.5]])
    inside = centres[torch.randint(3, (n,), generator=generator)] + 0.3 * torch.randn(n, 2, generator=generator)
    plane = torch.randn(2, 8, generator=torch.Generator().manual_seed(5))
    return (inside @ plane + 0.1 * torch.randn(n, 8, generator=generator)) / 2


def _fitted(divergence: Term, weight: Schedule, *, steps: int = 200) -> tuple[Autoencoder, float, float]:
    """The model, nats in its codes, and the unexplained share of new rows."""
    torch.manual_seed(0)
    x, new = _rows(1000, seed=0), _rows(300, seed=1)
    trunk = MLPEncoder(8, 4, hidden=(32, 32), spread=1.0, noise=0.0)
    model = Autoencoder(VariationalEncoder(trunk))
    model.adapt(x)
    objective = Objective({"recon": Reconstruction(), "divergence": (divergence, weight)})
    recipe = Recipe(steps, log_every=steps)
    fit(model, objective, RowBatches(Batch(x), size=128), recipe, callbacks=[Silent()])
    with torch.no_grad():
        out = model(Batch(new))
        nats = float(GaussianDivergence()(out.mean, out.log_variance))
        lost = float((new - out.recon).square().sum() / (new - new.mean(dim=0)).square().sum())
    return model, nats, lost


def test_a_heavy_divergence_collapses_the_codes_and_free_bits_prevent_it():
    _, nats, lost = _fitted(GaussianDivergence(), Constant(3.0))
    assert nats < 0.1
    assert lost > 0.8
    _, nats, lost = _fitted(GaussianDivergence(0.5), Constant(3.0))
    assert nats > 0.8
    assert lost < 0.2


def test_a_rising_weight_lets_the_decoder_learn_first():
    _, _, lost = _fitted(GaussianDivergence(), Ramp(start=0, stop=200, high=3.0))
    assert lost < 0.6


def test_a_prior_that_is_learned_lies_where_the_codes_are():
    torch.manual_seed(0)
    energy = NeuralEnergy(2, hidden=(16, 16))
    prior = EnergyPrior(ContrastiveDivergence(energy, ReplayBuffer(256, 2)))
    model, _, lost = _fitted(prior, Constant(0.05), steps=150)
    assert lost < 0.1
    codes = model.encode(_rows(300, seed=2)).detach()
    elsewhere = codes[torch.randperm(300), :1], codes[torch.randperm(300), 1:]  # axes exchanged between rows
    assert float(energy(codes).detach().mean()) < float(energy(torch.cat(elsewhere, dim=1)).detach().mean())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"free_bits": -1.0}, "wants finite free_bits ≥ 0"), ({"spread": 0.0}, "wants a finite spread > 0; got 0")],
)
def test_wrong_settings(arguments: dict[str, float], message: str):
    with pytest.raises(SpecError, match=message):
        GaussianDivergence(**arguments)


def test_entropy_of_the_prior_is_what_the_value_lacks():
    contrast = ContrastiveDivergence(MixtureDensity(1, 1), ReplayBuffer(8, 1), alpha=0.0).eval()
    z, log_variance = torch.zeros(1, 1), torch.zeros(1, 1)
    assert float(EnergyPrior(contrast)(z, log_variance)) == pytest.approx(-math.log(2 * math.pi * math.e) / 2)
