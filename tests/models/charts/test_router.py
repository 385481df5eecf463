from __future__ import annotations

import pytest
import torch

from latentatlas.core import Geometric, Ramp, ShapeError, SpecError
from latentatlas.landscape import DotScore, PrototypeBank
from latentatlas.models import AttentiveRouter, Gate, LinearKey, MLPRouter
from latentatlas.train import AnnealGate


def test_the_attentive_router_is_the_bank():
    bank = PrototypeBank(4, 3, beta=2.0, score=DotScore())
    h = torch.randn(6, 3)
    torch.testing.assert_close(AttentiveRouter(bank)(h), bank.weights(h))
    key = LinearKey(5, 3)
    key.projection.weight.data.normal_()
    h = torch.randn(6, 5)
    torch.testing.assert_close(AttentiveRouter(bank, key=key)(h), bank.weights(h @ key.projection.weight.T))


def test_a_key_begins_as_the_first_axes():
    assert LinearKey(3, 2)(torch.tensor([[1.0, 2.0, 3.0]])).tolist() == [[1.0, 2.0]]


def test_relabelling_charts_relabels_memberships_of_both():
    h, order = torch.randn(5, 3), torch.tensor([2, 0, 1])
    bank = PrototypeBank(3, 3)
    moved = PrototypeBank.at(bank.prototypes.detach()[order])
    torch.testing.assert_close(AttentiveRouter(moved)(h), AttentiveRouter(bank)(h)[:, order])
    router, other = MLPRouter(3, 3), MLPRouter(3, 3)
    other.net[0].weight.data, other.net[0].bias.data = router.net[0].weight[order], router.net[0].bias[order]
    torch.testing.assert_close(other(h), router(h)[:, order])


@pytest.mark.parametrize("make", [lambda: AttentiveRouter(PrototypeBank(2, 2)), lambda: MLPRouter(2, 2)])
def test_seats_are_in_the_groups(make):
    torch.manual_seed(0)
    rows = torch.tensor([[0.0, 0.0], [9.0, 9.0]]).repeat_interleave(20, dim=0) + 0.1 * torch.randn(40, 2)
    router = make()
    router.seat(rows)
    chosen = router(rows).argmax(dim=1).reshape(2, 20)
    assert (chosen == chosen[:, :1]).all()
    assert chosen[0, 0] != chosen[1, 0]


def test_seats_of_equal_rows_are_finite():
    for router in (AttentiveRouter(PrototypeBank(3, 2)), MLPRouter(2, 3)):
        router.seat(torch.ones(4, 2))
        assert torch.isfinite(router(torch.ones(4, 2))).all()


def test_hidden_layers_are_left_as_they_are():
    router = MLPRouter(2, 3, hidden=(4,))
    before = [parameter.clone() for parameter in router.parameters()]
    router.seat(torch.randn(9, 2))
    assert all(torch.equal(one, other) for one, other in zip(before, router.parameters(), strict=True))


def test_a_hard_gate_chooses_and_learns_softly():
    logits = torch.tensor([[0.0, 2.0, 1.0]], requires_grad=True)
    value = torch.tensor([1.0, 2.0, 5.0])
    (soft,) = torch.autograd.grad((Gate(0.5)(logits) * value).sum(), logits)
    hard = Gate(0.5, hardness=1.0)(logits)
    torch.testing.assert_close(hard, torch.tensor([[0.0, 1.0, 0.0]]))
    (straight,) = torch.autograd.grad((hard * value).sum(), logits)
    torch.testing.assert_close(straight, soft)
    assert (soft != 0).all()


def test_temperature_goes_from_even_to_hard():
    logits = torch.tensor([[0.0, 1.0]])
    torch.testing.assert_close(Gate(1e6)(logits), torch.full((1, 2), 0.5))
    torch.testing.assert_close(Gate(1e-6)(logits), torch.tensor([[0.0, 1.0]]))


def test_a_gate_follows_schedules_and_goes_back_to_a_state():
    gate = Gate()
    anneal = AnnealGate(
        gate, temperature=Geometric(start=0, stop=4, low=1.0, high=0.0625), hardness=Ramp(start=2, stop=4)
    )
    anneal.on_step(3)
    assert (gate.temperature, gate.hardness) == (pytest.approx(0.125), 0.5)
    state = anneal.state_dict()
    anneal.on_step(4)
    assert gate.hardness == 1.0
    anneal.load_state_dict(state)
    assert (gate.temperature, gate.hardness) == (pytest.approx(0.125), 0.5)


def test_wrong_input(unchecked: None):
    with pytest.raises(ShapeError, match="AttentiveRouter wants keys with the 3 axes of the bank; got 2"):
        AttentiveRouter(PrototypeBank(4, 3), key=LinearKey(5, 2))
    with pytest.raises(SpecError, match="Gate wants a finite temperature ≥ 1e-6; got 0"):
        Gate(0.0)
    with pytest.raises(SpecError, match="Gate wants 0 ≤ hardness ≤ 1; got 2"):
        Gate(hardness=2.0)
    with pytest.raises(SpecError, match="MLPRouter wants charts made of integers ≥ 1; got 0"):
        MLPRouter(3, 0)
    with pytest.raises(ShapeError, match="LinearKey wants 5 columns; got 4"):
        LinearKey(5, 2)(torch.zeros(1, 4))
