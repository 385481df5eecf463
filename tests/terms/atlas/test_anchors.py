from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Charts, MissingInput, ShapeError, SpecError
from latentatlas.terms import ChartAnchor, MembershipAnchor


@pytest.fixture
def cover() -> MembershipAnchor:
    """Rows 0 and 2 of four are held at ¼, ¾ and 1, 0."""
    term = MembershipAnchor(4, 2)
    term.hold(torch.tensor([0, 2]), torch.tensor([[0.25, 0.75], [1.0, 0.0]]))
    return term


@pytest.fixture
def seats() -> ChartAnchor:
    """Row 1 of three is held in both of its charts of two axes, row 2 in the second only."""
    term = ChartAnchor(3, 2, 2)
    places = torch.tensor([[[0.0, 0.0], [1.0, 1.0]], [[7.0, 7.0], [2.0, 0.0]]])
    term.hold(torch.tensor([1, 2]), places, inside=torch.tensor([[True, True], [False, True]]))
    return term


# ---------------------------------------------------------------- memberships


def test_divergence_by_hand(cover: MembershipAnchor):
    even = Charts(torch.full((4, 2), 0.5))
    first = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert cover(even, torch.arange(4)).item() == pytest.approx((first + math.log(2)) / 2)
    assert cover(Charts(even.weights[:1]), torch.tensor([2])).item() == pytest.approx(math.log(2))


def test_nothing_where_memberships_stay_and_where_none_is_held(cover: MembershipAnchor):
    kept = Charts(torch.tensor([[0.25, 0.75], [1.0, 0.0]]))
    assert cover(kept, torch.tensor([0, 2])).item() == pytest.approx(0, abs=1e-7)
    assert cover(kept, torch.tensor([1, 3])).item() == 0
    assert MembershipAnchor(4, 2)(kept, torch.tensor([0, 1])).item() == 0


def test_a_membership_that_became_zero_costs_much_but_is_finite(cover: MembershipAnchor):
    value = cover(Charts(torch.tensor([[0.0, 1.0]])), torch.tensor([0]))
    assert 10 < value.item() < 100


def test_descent_brings_memberships_back(cover: MembershipAnchor):
    logits = torch.zeros(2, 2, requires_grad=True)
    cover(Charts(logits.softmax(dim=1)), torch.tensor([0, 1])).backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[0.25, -0.25], [0.0, 0.0]]))  # w − m; row 1 is free


# ---------------------------------------------------------------- coordinates


def test_displacements_by_hand(seats: ChartAnchor):
    local = torch.zeros(3, 2, 2)
    charts = Charts(torch.full((3, 2), 0.5), local=local)
    assert seats(charts, torch.arange(3)).item() == pytest.approx((0 + 1 + 2) / 3)  # row 2 is not inside chart 0
    assert seats(Charts(charts.weights[:1], local=local[:1]), torch.tensor([2])).item() == 2


def test_nothing_where_rows_sit_and_where_none_is_held(seats: ChartAnchor):
    local = torch.tensor([[[0.0, 0.0], [1.0, 1.0]], [[9.0, 9.0], [2.0, 0.0]]])
    charts = Charts(torch.full((2, 2), 0.5), local=local)
    assert seats(charts, torch.tensor([1, 2])).item() == 0
    assert seats(charts, torch.tensor([0, 0])).item() == 0


def test_pairs_count_alike_however_small_their_membership(seats: ChartAnchor):
    local = torch.zeros(1, 2, 2, requires_grad=True)
    seats(Charts(torch.tensor([[0.999, 0.001]]), local=local), torch.tensor([1])).backward()
    torch.testing.assert_close(local.grad[0], torch.tensor([[0.0, 0.0], [-0.5, -0.5]]))  # 2 (z − s)/(2 axes · 2 pairs)


def test_a_chart_that_is_held_does_not_fold():
    """Known answer: two ends of a line that are drawn together fold it, unless it is held."""
    line = torch.linspace(-1, 1, 41)
    term = ChartAnchor(41, 1, 1)
    term.hold(torch.arange(41), line[:, None, None], inside=torch.ones(41, 1, dtype=torch.bool))
    turned = {}
    for weight in (0.0, 5.0):
        z = line.clone().requires_grad_()
        optimiser = torch.optim.Adam([z], lr=0.02)
        for _ in range(300):
            optimiser.zero_grad()
            lengths = z.diff().abs() - 0.05
            value = (z - z.flip(0)).square().mean() + 100 * lengths.square().mean()
            held = term(Charts(torch.ones(41, 1), local=z[:, None, None]), torch.arange(41))
            (value + weight * held).backward()
            optimiser.step()
        turned[weight] = int((z.detach().diff() <= 0).sum())
    assert turned[5.0] == 0 < turned[0.0]


def test_what_is_held_travels_with_the_state(cover: MembershipAnchor, seats: ChartAnchor):
    again, other = MembershipAnchor(4, 2), ChartAnchor(3, 2, 2)
    again.load_state_dict(cover.state_dict())
    other.load_state_dict(seats.state_dict())
    assert again.memberships[0].tolist() == [0.25, 0.75]
    assert other.inside.tolist() == [[False, False], [True, True], [False, True]]
    assert not [*again.parameters(), *other.parameters()]


# ---------------------------------------------------------------- bad input


@pytest.mark.usefixtures("unchecked")
def test_other_charts(cover: MembershipAnchor, seats: ChartAnchor):
    with pytest.raises(ShapeError, match=r"MembershipAnchor wants values of shape \(n, 2\).*got \(1, 3\)"):
        cover(Charts(torch.ones(1, 3)), torch.tensor([0]))
    with pytest.raises(ShapeError, match=r"ChartAnchor wants values of shape \(n, 2, 2\).*got \(1, 2, 3\)"):
        seats(Charts(torch.ones(1, 2), local=torch.ones(1, 2, 3)), torch.tensor([0]))
    with pytest.raises(ShapeError, match="ChartAnchor wants values"):
        seats.hold(torch.tensor([0]), torch.zeros(1, 2, 2), inside=torch.ones(1, 3, dtype=torch.bool))
    with pytest.raises(MissingInput, match="local"):
        seats(Charts(torch.ones(1, 2)), torch.tensor([0]))


def test_rows_that_do_not_exist(cover: MembershipAnchor, seats: ChartAnchor):
    with pytest.raises(ShapeError, match="MembershipAnchor wants row numbers below 4; got 4"):
        cover.hold(torch.tensor([4]), torch.ones(1, 2))
    with pytest.raises(ShapeError, match="ChartAnchor wants row numbers below 3; got 5"):
        seats.hold(torch.tensor([5]), torch.zeros(1, 2, 2), inside=torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0)])
def test_sizes_that_cannot_be(sizes):
    with pytest.raises(SpecError, match="MembershipAnchor wants sizes ≥ 1"):
        MembershipAnchor(*sizes)
    with pytest.raises(SpecError, match="ChartAnchor wants sizes ≥ 1"):
        ChartAnchor(*sizes, 1)
