from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Charts
from latentatlas.landscape import DotScore, PrototypeBank
from latentatlas.terms import ChartBalance, PrototypeEnergy


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


def test_balance_by_hand():
    usage = torch.tensor([[0.75, 0.25]])
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert ChartBalance()(Charts(usage)).item() == pytest.approx(expected)
    assert ChartBalance()(Charts(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))).item() == pytest.approx(expected)


def test_balance_range():
    assert ChartBalance()(Charts(torch.eye(5).repeat(3, 1))).item() == pytest.approx(0, abs=1e-6)
    one = torch.zeros(4, 5)
    one[:, 2] = 1
    assert ChartBalance()(Charts(one)).item() == pytest.approx(math.log(5))
    assert ChartBalance()(Charts(torch.ones(3, 1))).item() == 0


def test_balance_gradient_against_differences():
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: ChartBalance()(Charts(a.softmax(dim=1))), logits)


def test_balance_raises_the_use_of_a_rare_chart():
    logits = torch.tensor([[3.0, 0.0], [2.0, 0.0]], requires_grad=True)
    ChartBalance()(Charts(logits.softmax(dim=1))).backward()
    assert (logits.grad[:, 0] > 0).all()
    assert (logits.grad[:, 1] < 0).all()


def test_balance_has_a_finite_gradient_where_a_chart_is_dead():
    logits = torch.tensor([[0.0, -200.0, 1.0], [0.0, -300.0, 0.0]], requires_grad=True)
    value = ChartBalance()(Charts(logits.softmax(dim=1)))  # the second weight is exactly 0 in float32
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
