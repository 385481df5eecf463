from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import Charts, SpecError
from latentatlas.terms import Augmented, ChartSmoothness, MutualInformation, VirtualAdversary


def router(slope: Tensor, shift: Tensor | float = 0.0):
    """Two charts on both sides of a plane."""

    def route(x: Tensor) -> Tensor:
        side = x @ slope - shift
        return torch.stack([torch.sigmoid(-side), torch.sigmoid(side)], dim=1)

    return route


def test_augmentation_by_hand():
    route = router(torch.tensor([1.0]))
    x = torch.tensor([[0.0], [0.0]])
    p = 1 / (1 + math.exp(-1))
    expected = 0.5 * math.log(0.5 / p) + 0.5 * math.log(0.5 / (1 - p))
    term = ChartSmoothness(Augmented(lambda x: x + 1))
    assert term(Charts(route(x)), x, route).item() == pytest.approx(expected, rel=1e-5)
    assert ChartSmoothness(Augmented(lambda x: x))(Charts(route(x)), x, route).item() == 0


def test_the_adversary_steps_across_the_border_with_the_given_length():
    slope = torch.tensor([3.0, 4.0, 0.0], dtype=torch.float64)
    x = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    route = router(slope)
    step = VirtualAdversary(0.5)(x, route(x), route) - x
    torch.testing.assert_close(step.norm(dim=1), torch.full((20,), 0.5, dtype=torch.float64))
    torch.testing.assert_close((step @ slope).abs(), torch.full((20,), 2.5, dtype=torch.float64))  # along the slope


def test_the_adversary_changes_more_than_chance_and_more_with_iterations():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(10, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4), torch.nn.Softmax(1))
    x = torch.randn(200, 10)
    network.requires_grad_(False)

    def change(perturbation) -> float:
        return ChartSmoothness(perturbation)(Charts(network(x)), x, network).item()

    chance = change(Augmented(lambda x: x + 0.3 * torch.nn.functional.normalize(torch.randn_like(x), dim=1)))
    once, often = change(VirtualAdversary(0.3)), change(VirtualAdversary(0.3, iterations=10))
    assert often > once > 3 * chance


def test_rows_of_many_axes():
    route = router(torch.arange(6.0))
    x = torch.randn(5, 2, 3)
    moved = VirtualAdversary(0.1)(x, route(x.flatten(1)), lambda rows: route(rows.flatten(1)))
    assert moved.shape == x.shape
    torch.testing.assert_close((moved - x).flatten(1).norm(dim=1), torch.full((5,), 0.1))


def test_gradient_reaches_the_router_and_not_the_memberships_given():
    slope = torch.tensor([1.0, -2.0], requires_grad=True)
    x = torch.randn(6, 2)
    route = router(slope)
    charts = Charts(route(x))
    value = ChartSmoothness(VirtualAdversary(0.5))(charts, x, route)
    given, reached = torch.autograd.grad(value, [charts.weights, slope], allow_unused=True)
    assert given is None
    assert (reached @ slope.detach()) > 0  # descent makes the border softer


def test_without_gradient_mode_and_one_chart_and_a_deaf_router():
    x = torch.randn(4, 3)
    term = ChartSmoothness(VirtualAdversary(0.5))
    route = router(torch.ones(3))
    with torch.no_grad():
        assert torch.isfinite(term(Charts(route(x)), x, route))
    for charts in (1, 3):

        def deaf(rows: Tensor, charts: int = charts) -> Tensor:
            return (0 * rows[:, :1] + torch.ones(charts)).softmax(dim=1)

        assert term(Charts(deaf(x)), x, deaf).item() == pytest.approx(0, abs=1e-6)


def test_far_outliers_and_flat_routers_are_finite():
    slope = torch.tensor([1.0], requires_grad=True)
    x = torch.tensor([[1e12], [-1e12], [200.0], [0.0]])
    route = router(slope)
    value = ChartSmoothness(VirtualAdversary(1.0))(Charts(route(x)), x, route)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(slope.grad).all()


@pytest.mark.parametrize(("radius", "iterations"), [(0.0, 1), (-1.0, 1), (math.nan, 1), (math.inf, 1), (1.0, 0)])
def test_bad_settings(radius, iterations):
    with pytest.raises(SpecError, match="finite radius > 0 and iterations ≥ 1"):
        VirtualAdversary(radius, iterations=iterations)


@pytest.mark.parametrize(("weight", "least", "most"), [(0.0, 0.2, 0.4), (0.5, 0.0, 0.03)])
def test_information_alone_cuts_a_large_group_in_two_and_smoothness_moves_the_border_to_the_gap(weight, least, most):
    torch.manual_seed(0)
    large = -2 + 0.5 * torch.randn(300, 1)
    rows = torch.cat([large, 2 + 0.3 * torch.randn(100, 1)])
    slope, shift = torch.tensor([20.0], requires_grad=True), torch.tensor(-34.0, requires_grad=True)  # halves at −1.7
    optimiser = torch.optim.Adam([slope, shift], lr=0.1)
    smooth = ChartSmoothness(VirtualAdversary(1.0))
    for _ in range(300):
        route = router(slope, shift)
        charts = Charts(route(rows))
        loss = MutualInformation()(charts) + weight * smooth(charts, rows, route)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    beyond = router(slope, shift)(large).argmax(dim=1).float().mean().item()
    assert least <= beyond <= most  # without: provoked
