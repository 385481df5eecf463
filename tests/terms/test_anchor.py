from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import PoincareBall
from latentatlas.terms import Anchor


@pytest.fixture
def anchor() -> Anchor:
    """Rows 0 and 2 of four are held at (0, 0) and (1, 1)."""
    term = Anchor(4, 2)
    term.hold(torch.tensor([0, 2]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    return term


def test_by_hand(anchor: Anchor):
    z = torch.tensor([[1.0, 1.0], [9.0, 9.0], [1.0, 3.0], [5.0, 5.0]])  # displacements² 2 and 4, two rows are free
    assert anchor(z, torch.arange(4)).item() == pytest.approx((math.log(3) + math.log(5)) / 2)
    assert anchor(z[[2]], torch.tensor([2])).item() == pytest.approx(math.log(5))


def test_nothing_where_no_row_has_moved_and_where_none_is_held(anchor: Anchor):
    z = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    assert anchor(z, torch.tensor([0, 2])).item() == 0
    assert anchor(z, torch.tensor([1, 3])).item() == 0
    assert Anchor(4, 2)(z, torch.tensor([0, 1])).item() == 0


def test_descent_brings_held_rows_back_and_leaves_the_others(anchor: Anchor):
    z = torch.tensor([[0.5, 0.0], [3.0, 3.0]], requires_grad=True)
    anchor(z, torch.tensor([0, 1])).backward()
    assert z.grad[0, 0] > 0
    assert z.grad[0, 1] == 0
    assert (z.grad[1] == 0).all()


def test_far_rows_are_pulled_less_than_near_ones(anchor: Anchor):
    pulls = []
    for distance in (1.0, 10.0):
        z = torch.tensor([[distance, 0.0]], requires_grad=True)
        anchor(z, torch.tensor([0])).backward()
        pulls.append(z.grad[0, 0].item())
    assert pulls == pytest.approx([1.0, 20 / 101])  # 2 d/(1 + d²)


def test_anchors_travel_with_the_state(anchor: Anchor):
    again = Anchor(4, 2)
    again.load_state_dict(anchor.state_dict())
    assert again.held.tolist() == [True, False, True, False]
    assert not list(anchor.parameters())


@pytest.mark.usefixtures("unchecked")
def test_bad_input(anchor: Anchor):
    with pytest.raises(ShapeError, match=r"^Anchor wants latents with 2 axes; got 3\. .*Anchor\(4, 3\)"):
        anchor(torch.zeros(1, 3), torch.tensor([0]))
    with pytest.raises(ShapeError, match=r"^Anchor wants row numbers below 4; got 4"):
        anchor.hold(torch.tensor([4]), torch.zeros(1, 2))
    with pytest.raises(SpecError, match=r"^Anchor wants rows ≥ 1 and dim ≥ 1; got 0 and 2"):
        Anchor(0, 2)


def test_on_a_ball_the_distance_is_that_there():
    term = Anchor(2, 1, geometry=PoincareBall())
    term.hold(torch.tensor([0, 1]), torch.tensor([[0.0], [-0.5]]))
    value = term(torch.tensor([[0.5], [-0.5]]), row=torch.tensor([0, 1]))
    assert float(value) == pytest.approx(math.log1p(math.log(3) ** 2) / 2)  # log 3 and 0 away
