from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.terms import Adversarial, ConditionalAdversarial, LogLoss, SquaredError


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_discriminator_goes_down_and_the_latent_goes_up():
    torch.manual_seed(0)
    z, nuisance = torch.randn(60, 2).requires_grad_(), torch.arange(60) % 2
    term = Adversarial(2, 2, hidden=(8,))
    value = term(z, nuisance)
    gradients = torch.autograd.grad(value, [z, *term.parameters()])
    with torch.no_grad():
        assert term(z - 0.1 * gradients[0] / gradients[0].norm(), nuisance) > value  # reversed
        for parameter, slope in zip(term.parameters(), gradients[1:], strict=True):
            parameter -= 0.05 * slope
        assert term(z, nuisance) < value


def test_the_reversed_gradient_is_minus_the_factor_times_that_of_differences():
    torch.manual_seed(0)
    z, nuisance = torch.randn(7, 2, dtype=torch.float64), torch.arange(7) % 2
    term = Adversarial(2, 2, hidden=(), reversal=0.3).double()
    leaf = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(term(leaf, nuisance), leaf)
    mean, spread = z.mean(dim=0), z.std(dim=0, unbiased=False)

    def risk(moved: torch.Tensor) -> torch.Tensor:  # mean and spread count as fixed
        return LogLoss()(term.discriminator((moved - mean) / spread), nuisance).mean()

    step = torch.zeros_like(z)
    step[3, 1] = 1e-6
    by_difference = (risk(z + step) - risk(z - step)) / 2e-6
    assert slope[3, 1].item() == pytest.approx(-0.3 * by_difference.item(), rel=1e-5)


def trained(term: nn.Module, *fields: torch.Tensor, steps: int = 300) -> float:
    optimiser = torch.optim.Adam(term.parameters(), lr=0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        value = term(*fields)
        value.backward()
        optimiser.step()
    return value.item()


def test_a_latent_that_says_nothing_leaves_the_entropy():
    torch.manual_seed(0)
    nuisance = torch.tensor([0] * 300 + [1] * 100)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert trained(Adversarial(2, 2, hidden=(4,)), torch.zeros(400, 2), nuisance) == pytest.approx(entropy, abs=0.01)
    readable = nuisance[:, None] + 0.1 * torch.randn(400, 2)
    assert trained(Adversarial(2, 2, hidden=(4,)), readable, nuisance) < 0.2


def test_told_the_label_it_asks_only_for_more():
    torch.manual_seed(0)
    label = torch.randint(0, 2, (1000,))
    nuisance = label ^ (torch.rand(1000) < 0.1)
    z = label[:, None] + 0.1 * torch.randn(1000, 1)  # all it knows is the label
    given = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    conditional = trained(ConditionalAdversarial(1, 2, 2, hidden=(4,)), z, nuisance, label)
    assert conditional == pytest.approx(given, abs=0.03)
    blind = trained(ConditionalAdversarial(1, 2, 2, hidden=(4,)), torch.zeros(1000, 1), nuisance, label)
    assert blind == pytest.approx(conditional, abs=0.02)  # z adds nothing
    assert trained(Adversarial(1, 2, hidden=(4,)), torch.zeros(1000, 1), nuisance) > 0.6  # the label would


def test_an_encoder_learns_to_hide_the_nuisance():
    torch.manual_seed(0)
    shape, nuisance = torch.randn(500), torch.arange(500) % 2
    x = torch.stack([shape, nuisance + 0.1 * torch.randn(500)], dim=1)
    encoder, term = nn.Linear(2, 1), Adversarial(1, 2, hidden=(16,))
    optimiser = torch.optim.Adam([*encoder.parameters(), *term.parameters()], lr=0.01)
    for _ in range(600):
        optimiser.zero_grad()
        z = encoder(x)
        (term(z, nuisance) + (z[:, 0] - shape).square().mean()).backward()  # and keep the shape
        optimiser.step()
    weights = encoder.weight.detach()[0]
    assert abs(weights[1]) < 0.3 * abs(weights[0])


def test_numbers_are_read_too():
    torch.manual_seed(0)
    age = torch.randn(300)
    assert trained(Adversarial(1, 1, risk=SquaredError()), age[:, None], age) < 0.1
    assert trained(Adversarial(1, 1, risk=SquaredError()), torch.zeros(300, 1), age) == pytest.approx(
        age.var(correction=0).item(), abs=0.02
    )


def test_weights_and_one_row():
    torch.manual_seed(0)
    term, z, nuisance = Adversarial(2, 2), torch.randn(4, 2), torch.arange(4) % 2
    only = term(z, nuisance, torch.tensor([1.0, 0.0, 0.0, 0.0]))
    each = LogLoss()(term.discriminator((z - z.mean(0)) / z.std(0, unbiased=False)), nuisance)
    torch.testing.assert_close(only, each[0])
    lonely = z[:1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(term(lonely, nuisance[:1]), lonely)
    assert torch.isfinite(slope).all()


def test_bad_input(unchecked: None):
    z, nuisance = torch.zeros(4, 2), torch.arange(4)
    with pytest.raises(DataError, match="LogLoss wants classes from 0 to 2"):
        Adversarial(2, 3)(z, nuisance)
    with pytest.raises(ShapeError, match="Adversarial wants 3 latent axes; got 2"):
        Adversarial(3, 4)(z, nuisance)
    with pytest.raises(DataError, match="Adversarial wants a value of 'nuisance' in every row; 4 of 4"):
        Adversarial(2, 1, risk=SquaredError())(z, torch.full((4,), math.nan))
    with pytest.raises(DataError, match="ConditionalAdversarial wants labels from 0 to 1; got 0 to 3"):
        ConditionalAdversarial(2, 4, 2)(z, nuisance, nuisance)
    with pytest.raises(DataError, match="wants integer codes in 'label'"):
        ConditionalAdversarial(2, 4, 2)(z, nuisance, torch.zeros(4))
    with pytest.raises(DataError, match="Adversarial reads one nuisance; got several"):
        Adversarial(2, 4)(z, {"a": nuisance, "b": nuisance})


@pytest.mark.parametrize(
    "bad", [{"dim": 0}, {"outputs": 0}, {"hidden": (0,)}, {"reversal": -1.0}, {"reversal": math.inf}]
)
def test_bad_settings(bad: dict[str, object]):
    with pytest.raises(SpecError, match="wants sizes ≥ 1 and a finite reversal ≥ 0"):
        Adversarial(**({"dim": 2, "outputs": 2} | bad))
    with pytest.raises(SpecError, match=r"ConditionalAdversarial wants sizes ≥ 1.*classes=0"):
        ConditionalAdversarial(2, 2, 0)
