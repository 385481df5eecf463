from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Euclidean
from latentatlas.landscape import DistanceScore, DotScore, PrototypeBank, Score

SCORES = {"dot": DotScore(), "distance": DistanceScore(0.8)}
both_scores = pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)


def bank_of(prototypes: Tensor, *, beta: float = 1.0, score: Score | None = None) -> PrototypeBank:
    bank = PrototypeBank(*prototypes.shape, beta=beta, score=score).to(prototypes)
    with torch.no_grad():
        bank.prototypes.copy_(prototypes)
    return bank


@pytest.fixture
def draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def normal(draws: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=draws)


def test_by_hand():
    bank = bank_of(torch.tensor([[0.0], [2.0]]), beta=2.0, score=DistanceScore(0.5))
    key = torch.tensor([[0.5]])
    torch.testing.assert_close(bank.scores(key), torch.tensor([[-0.5, -4.5]]))
    w = 1 / (1 + math.exp(-8))
    torch.testing.assert_close(bank.weights(key), torch.tensor([[w, 1 - w]]))
    assert bank.energy(key).item() == pytest.approx(-math.log(math.exp(-1) + math.exp(-9)) / 2)
    assert bank.retrieve(key).item() == pytest.approx(2 * (1 - w), abs=1e-6)


def test_dot_by_hand():
    bank = bank_of(torch.tensor([[2.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]), score=DotScore())
    key = torch.tensor([[1.0, 2.0, 0.0, 2.0]])
    assert bank.scores(key).tolist() == [[1.0, 1.0]]
    assert bank.energy(key).item() == pytest.approx(9 / 4 - (1 + math.log(2)))
    assert bank.retrieve(key).tolist() == [[1.0, 0.5, 0.0, 0.0]]


@both_scores
def test_the_slope_of_the_energy_along_a_score_is_minus_the_weight(draws, score):
    beta = 3.0
    s = normal(draws, 5, 4).requires_grad_()
    (slope,) = torch.autograd.grad((-torch.logsumexp(beta * s, dim=1) / beta).sum(), s)
    torch.testing.assert_close(slope, -torch.softmax(beta * s, dim=1))

    class Fixed(Score):  # the bank's own energy, with scores that can be differentiated
        def scores(self, key, prototypes):
            return s

        def confinement(self, key):
            return key.new_zeros(len(key))

    bank = bank_of(normal(draws, 4, 2), beta=beta, score=Fixed())
    key = normal(draws, 5, 2)
    (slope,) = torch.autograd.grad(bank.energy(key).sum(), s)
    torch.testing.assert_close(slope, -bank.weights(key))


@pytest.mark.parametrize("beta", [0.5, 4.0])
@both_scores
def test_recall_is_one_gradient_step(draws, score, beta):
    bank = bank_of(normal(draws, 6, 3), beta=beta, score=score)
    key = normal(draws, 7, 3).requires_grad_()
    (slope,) = torch.autograd.grad(bank.energy(key).sum(), key)
    size = math.sqrt(3) if isinstance(score, DotScore) else score.tau**2
    torch.testing.assert_close(key - size * slope, bank.retrieve(key))


@both_scores
def test_energy_gradient_against_differences(draws, score):
    bank = bank_of(normal(draws, 4, 3), beta=2.0, score=score)
    assert torch.autograd.gradcheck(bank.energy, normal(draws, 3, 3).requires_grad_())


@pytest.mark.parametrize("beta", [0.3, 1.0, 20.0])
@both_scores
def test_recall_never_raises_the_energy(draws, score, beta):
    bank = bank_of(3 * normal(draws, 8, 4), beta=beta, score=score)
    key = 10 * normal(draws, 50, 4)
    energies = [bank.energy(bank.retrieve(key, steps=steps)) for steps in range(6)]
    for before, after in itertools.pairwise(energies):
        assert (after <= before + 1e-12).all()


@both_scores
def test_the_energy_is_bounded_below(draws, score):
    bank = bank_of(normal(draws, 5, 3), score=score)
    directions = torch.nn.functional.normalize(normal(draws, 100, 3), dim=1)
    radii = [0.0, 1.0, 10.0, 100.0, 1e4]
    lowest = [bank.energy(radius * directions).min().item() for radius in radii]
    assert lowest[-1] > lowest[-2] > lowest[-3]  # it rises far away, in every direction
    floor = {DotScore: -bank.prototypes.square().sum(dim=1).max().item() / (2 * math.sqrt(3))}.get(type(score), 0.0)
    assert min(lowest) >= floor - math.log(5)


@both_scores
def test_sharp_is_the_nearest_and_flat_is_the_mean(draws, score):
    prototypes = normal(draws, 5, 3)
    key = normal(draws, 20, 3)
    sharp, flat = bank_of(prototypes, beta=1e6, score=score), bank_of(prototypes, beta=1e-9, score=score)
    torch.testing.assert_close(sharp.retrieve(key), prototypes[sharp.nearest(key)])
    torch.testing.assert_close(flat.retrieve(key), prototypes.mean(dim=0).expand(20, 3))
    assert (sharp.nearest(key) == sharp.weights(key).argmax(dim=1)).all()


def test_the_nearest_is_nearest_in_distance(draws):
    bank = bank_of(normal(draws, 6, 2), score=DistanceScore(3.0))
    key = normal(draws, 40, 2)
    assert torch.equal(bank.nearest(key), torch.cdist(key, bank.prototypes).argmin(dim=1))


@both_scores
def test_weights_sum_to_one_and_stay_finite_for_far_outliers_in_single_precision(score):
    bank = PrototypeBank(5, 4, beta=10.0, score=score)
    key = torch.tensor([[1e12] * 4, [-1e12] * 4, [1e-30] * 4, [0.0] * 4], requires_grad=True)
    weights, energy = bank.weights(key), bank.energy(key)
    assert torch.isfinite(energy).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(4))
    energy.sum().backward()
    assert torch.isfinite(key.grad).all()
    assert torch.isfinite(bank.prototypes.grad).all()


@pytest.mark.parametrize("beta", [1e-18, 1e-9, 1.0, 1e9, 1e18])
@pytest.mark.parametrize("count", [1, 5])
@both_scores
def test_any_sharpness_is_finite_in_single_precision(draws, score, count, beta):
    bank = bank_of(normal(draws, count, 3).float(), beta=beta, score=score)
    key = torch.cat([normal(draws, 4, 3).float(), torch.full((1, 3), 1e18), bank.prototypes.detach()])
    key = key.requires_grad_()
    weights, energy = bank.weights(key), bank.energy(key)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(key)))
    for value in (energy.mean(), weights[:, 0].sum(), bank.retrieve(key).mean(), bank.lowest(key).mean()):
        assert torch.isfinite(value)
        slopes = torch.autograd.grad(value, [key, bank.prototypes], retain_graph=True)
        assert all(torch.isfinite(slope).all() for slope in slopes)


@both_scores
def test_the_soft_minimum_lies_within_a_logarithm_below_the_least(draws, score):
    prototypes, key = normal(draws, 7, 3), normal(draws, 30, 3)
    least = bank_of(prototypes, score=score).lowest(key)
    for beta in (0.01, 1.0, 100.0):
        below = least - bank_of(prototypes, beta=beta, score=score).energy(key)
        assert (below >= -1e-12).all()
        assert (below <= math.log(7) / beta + 1e-12).all()
    torch.testing.assert_close(bank_of(prototypes, beta=1e9, score=score).energy(key), least)
    torch.testing.assert_close(
        bank_of(prototypes[:1], beta=0.01, score=score).energy(key), bank_of(prototypes[:1], score=score).lowest(key)
    )


def test_least_energy_by_hand():
    bank = bank_of(torch.tensor([[0.0], [2.0]]), score=DistanceScore(0.5))
    assert bank.lowest(torch.tensor([[0.5], [2.0]])).tolist() == [0.5, 0.0]


def test_a_bank_at_places_and_a_sharpness_that_changes(draws):
    places = normal(draws, 3, 2)
    bank = PrototypeBank.at(places, beta=2.0, score=DotScore())
    assert torch.equal(bank.prototypes, places)
    assert bank.prototypes.is_leaf
    assert bank.prototypes.requires_grad
    key = normal(draws, 4, 2)
    bank.sharpen(8.0)
    torch.testing.assert_close(bank.energy(key), bank_of(places, beta=8.0, score=DotScore()).energy(key))
    assert bank.split(0, places[1]).beta == 8.0


def test_the_gradient_is_finite_on_a_prototype():
    bank = bank_of(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), score=DistanceScore(0.1))
    key = bank.prototypes.detach().clone().requires_grad_()
    bank.energy(key).sum().backward()
    torch.testing.assert_close(key.grad, torch.zeros(2, 2), atol=1e-4, rtol=0)


@pytest.mark.parametrize("index", [0, 2])
def test_split_then_merge_restores(draws, index):
    bank = bank_of(normal(draws, 3, 2), beta=2.0, score=DotScore())
    offset = torch.tensor([0.5, -1.0], dtype=torch.float64)
    before = bank.prototypes.detach().clone()
    parts = bank.split(index, offset)
    assert parts.count == 4
    torch.testing.assert_close(parts.prototypes[index], before[index] + offset)
    torch.testing.assert_close(parts.prototypes[3], before[index] - offset)
    whole = parts.merge(index, 3)
    torch.testing.assert_close(whole.prototypes.detach(), before)
    assert torch.equal(bank.prototypes, before)  # the bank itself is not changed
    for made in (parts, whole):
        assert (made.beta, made.score) == (2.0, bank.score)
        assert made.prototypes.dtype == torch.float64
        assert made.prototypes.requires_grad
        assert made.prototypes.is_leaf


def test_merge_weighs_by_usage_and_keeps_the_others_in_order():
    bank = bank_of(torch.tensor([[0.0], [1.0], [2.0], [10.0]]))
    assert bank.merge(3, 1, shares=(1.0, 2.0)).prototypes.flatten().tolist() == [0.0, 2.0, 4.0]
    assert bank.merge(0, 2, shares=(0.0, 1.0)).prototypes.flatten().tolist() == [2.0, 1.0, 10.0]


@pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
def test_bad_sizes(shape):
    with pytest.raises(SpecError, match="at least 1 prototype"):
        PrototypeBank(*shape)


@pytest.mark.parametrize("number", [0.0, -1.0, math.nan, math.inf])
def test_bad_sharpness_and_width(number):
    with pytest.raises(SpecError, match="beta > 0"):
        PrototypeBank(2, 2, beta=number)
    with pytest.raises(SpecError, match="beta > 0"):
        PrototypeBank(2, 2).sharpen(number)
    with pytest.raises(SpecError, match="tau > 0"):
        DistanceScore(number, geometry=Euclidean())


def test_bad_calls():
    bank = PrototypeBank(3, 2)
    with pytest.raises(ShapeError, match="keys with 2 axes; got 3"):
        bank.energy(torch.zeros(1, 3))
    for call in (
        lambda: bank.split(3, torch.zeros(2)),
        lambda: bank.split(-1, torch.zeros(2)),
        lambda: bank.merge(0, 3),
    ):
        with pytest.raises(SpecError, match="prototypes 0 to 2"):
            call()
    for call in (
        lambda: bank.merge(1, 1),
        lambda: bank.merge(0, 1, shares=(0.0, 0.0)),
        lambda: bank.merge(0, 1, shares=(2.0, -1.0)),
    ):
        with pytest.raises(SpecError, match="shares ≥ 0"):
            call()
