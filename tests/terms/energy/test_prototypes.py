from __future__ import annotations

import pytest
import torch

from latentatlas.core import SpecError
from latentatlas.landscape import DistanceScore, DotScore, PrototypeBank
from latentatlas.terms import PrototypeEnergy, PrototypeSeparation


def test_energy_by_hand():
    z = torch.tensor([[1.0], [3.0]])
    assert PrototypeEnergy()(z, lambda z: z.square().sum(dim=1)).item() == 5
    assert PrototypeEnergy()(z[:1], lambda z: z.sum(dim=1)).item() == 1


@pytest.mark.parametrize("score", [None, DotScore()])
def test_energy_gradient_against_differences_for_rows_and_prototypes(score):
    bank = PrototypeBank(3, 2, score=score).double()
    z = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)

    def loss(z, prototypes):
        return PrototypeEnergy()(
            z, lambda key: torch.func.functional_call(_Energy(bank), {"bank.prototypes": prototypes}, key)
        )

    assert torch.autograd.gradcheck(loss, (z, bank.prototypes.detach().clone().requires_grad_()))


class _Energy(torch.nn.Module):
    """The energy of a bank as the forward pass of a module."""

    def __init__(self, bank: PrototypeBank):
        super().__init__()
        self.bank = bank

    def forward(self, key):
        return self.bank.energy(key)


def test_descent_pulls_rows_to_prototypes_and_prototypes_to_rows():
    bank = PrototypeBank(2, 1)
    with torch.no_grad():
        bank.prototypes.copy_(torch.tensor([[-4.0], [4.0]]))
    z = torch.tensor([[-3.0], [3.5]], requires_grad=True)
    PrototypeEnergy()(z, bank.energy).backward()
    assert (z.grad.sign() == torch.tensor([[1.0], [-1.0]])).all()
    assert (bank.prototypes.grad.sign() == torch.tensor([[-1.0], [1.0]])).all()


def test_separation_by_hand():
    places = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])  # 5, 1 and √18 apart
    assert PrototypeSeparation(2.0)(places).item() == pytest.approx(1 / 3)
    assert PrototypeSeparation(6.0)(places).item() == pytest.approx((1 + 5 + 6 - 18**0.5) / 3)
    assert PrototypeSeparation(0.5)(places).item() == 0


def test_separation_is_the_margin_where_all_coincide_whatever_their_number():
    for count in (2, 5, 40):
        assert PrototypeSeparation(0.7)(torch.ones(count, 3)).item() == pytest.approx(0.7)


def test_separation_of_one_prototype_is_nothing_to_train():
    place = torch.ones(1, 3, requires_grad=True)
    value = PrototypeSeparation()(place)
    value.backward()
    assert value.item() == 0
    assert (place.grad == 0).all()


def test_separation_gradient_against_differences_and_its_direction():
    places = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(PrototypeSeparation(2.0), places)
    close = torch.tensor([[0.0], [0.1]], requires_grad=True)
    PrototypeSeparation()(close).backward()
    assert close.grad.flatten().tolist() == [1.0, -1.0]  # descent drives them apart


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_separation_of_a_bad_margin(margin):
    with pytest.raises(SpecError, match="finite margin > 0"):
        PrototypeSeparation(margin)


def _descended(*terms):
    """Prototypes with wide basins, one on each of three groups of rows, after descent on terms of the bank."""
    torch.manual_seed(0)
    rows = torch.tensor([[-4.0, 0.0], [4.0, 0.0], [0.0, 5.0]]).repeat(20, 1) + 0.1 * torch.randn(60, 2)
    bank = PrototypeBank.at(rows[:3], score=DistanceScore(4.0))
    optimiser = torch.optim.Adam(bank.parameters(), lr=0.1)
    for _ in range(300):
        loss = PrototypeEnergy()(rows, bank.energy) + sum(term(bank.prototypes) for term in terms)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return rows, bank.prototypes.detach()


def test_energy_alone_collapses_prototypes_and_separation_keeps_them_apart():
    _, places = _descended()
    assert torch.pdist(places).max() < 0.1  # provoked: all in the mean of the rows
    rows, places = _descended(PrototypeSeparation(5.0))
    assert torch.pdist(places).min() > 4.5
    assert torch.cdist(rows, places).argmin(dim=1).bincount().tolist() == [20, 20, 20]
