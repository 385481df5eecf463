"""Heads, projectors, placements and residuals, each beside a loop over charts."""

from __future__ import annotations

import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.models import ChartHeads, ChartProjectors, ChartRenderer, Placements, ResidualFilter


def test_heads_are_a_linear_layer_for_each_chart():
    heads, h = ChartHeads(5, 3, 2), torch.randn(7, 5)
    by_hand = torch.stack([h @ heads.matrices()[k].T + heads.bias[2 * k : 2 * k + 2] for k in range(3)], dim=1)
    torch.testing.assert_close(heads(h), by_hand)
    torch.testing.assert_close(heads.by_axis(h), by_hand.transpose(1, 2))


@pytest.mark.parametrize("dim", [1, 2])
def test_projectors_of_some_charts_are_those_of_all(dim: int):
    projectors, local = ChartProjectors(4, dim, 6), torch.randn(5, 4, dim)
    by_hand = torch.stack([local[:, k] @ projectors.weight[k] + projectors.bias[k] for k in range(4)], dim=1)
    torch.testing.assert_close(projectors(local), by_hand)
    shown = torch.tensor([[3, 0], [1, 2], [0, 1], [2, 2], [3, 1]])
    some = local.take_along_dim(shown[..., None], 1)
    torch.testing.assert_close(projectors(some, shown), by_hand.take_along_dim(shown[..., None], 1))


def test_a_renderer_tells_points_of_two_axes_apart():
    """A normalisation over two axes would leave signs: ten different outputs for a thousand rows."""
    renderer = ChartRenderer(1, 2, 3, width=16, hidden=(16,))
    assert len(renderer(torch.randn(1000, 1, 2)).detach().flatten(1).round(decimals=5).unique(dim=0)) > 900


def test_a_renderer_gives_constant_columns_their_constant():
    renderer = ChartRenderer(2, 1, 3, width=4, hidden=())
    rows = torch.randn(40, 3)
    rows[:, 1] = 0.0
    renderer.adapt(rows)
    assert (renderer(torch.randn(5, 2, 1))[..., 1] == 0).all()


@pytest.mark.parametrize(("dim", "frame"), [(1, 1), (2, 2), (1, 3), (2, 3)])
def test_the_way_back_undoes_the_placement(dim: int, frame: int):
    torch.manual_seed(0)
    places = Placements(4, dim, frame=frame)
    places.frames.data += 0.3 * torch.randn(4, frame, dim)
    local = torch.randn(6, 4, dim)
    placed = places(local)
    for k in range(4):
        torch.testing.assert_close(placed[:, k], places.centres[k] + local[:, k] @ places.frames[k].T)
        torch.testing.assert_close(places.local(placed[:, k])[:, k], local[:, k], atol=1e-5, rtol=1e-5)
    weights = torch.randn(6, 4).softmax(dim=1)
    torch.testing.assert_close(places.blend(weights, local), torch.einsum("nk,nkf->nf", weights, placed))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_detail_and_texture_make_up_the_residual(rank: int):
    torch.manual_seed(0)
    part = ResidualFilter(2, 3, rank)
    residual = torch.randn(5, 2, 3)
    if part.turns is not None:
        next(part.turns.parameters()).data += 0.5 * torch.randn(2, 3, 3)
    detail, texture = part(residual)
    assert texture.shape == (5, 2, 3 - rank)
    lengths = detail.square().sum(dim=2) + texture.square().sum(dim=2)
    torch.testing.assert_close(lengths, residual.square().sum(dim=2))
    if part.turns is not None:
        turned = part.turns.weight
        torch.testing.assert_close(turned @ turned.mT, torch.eye(3).repeat(2, 1, 1), atol=1e-5, rtol=0)
        rest = torch.einsum("nkr,kdr->nkd", texture, turned[..., rank:])
        torch.testing.assert_close(detail + rest, residual)
        torch.testing.assert_close(part(detail)[0], detail)  # a projection


def test_seats_without_enough_rows_or_charts_change_nothing():
    for places, rows in ((Placements(4, 1, frame=3), 3), (Placements(1, 1, frame=2), 20)):
        before = places.centres.clone()
        places.seat(torch.randn(rows, places.charts, 1), torch.full((rows, places.charts), 1 / places.charts))
        assert torch.equal(places.centres, before)


def test_seats_of_charts_without_rows_and_of_equal_rows_have_a_way_back():
    places = Placements(3, 2)
    weights = torch.tensor([1.0, 0.0, 0.0]).repeat(20, 1)
    for local in (torch.randn(20, 3, 2), torch.zeros(20, 3, 2)):
        places.seat(local, weights)
        assert torch.isfinite(places.back()).all()


def test_wrong_input(unchecked: None):
    with pytest.raises(SpecError, match="Placements wants a frame of at least the 3 axes of a chart; got 2"):
        Placements(4, 3, frame=2)
    with pytest.raises(SpecError, match="ResidualFilter wants a rank from 0 to the 2 axes of a chart; got 3"):
        ResidualFilter(4, 2, 3)
    with pytest.raises(ShapeError, match="ChartProjectors wants 2 columns; got 3"):
        ChartProjectors(4, 2, 6)(torch.zeros(1, 4, 3))
    with pytest.raises(SpecError, match="ChartHeads wants charts made of integers ≥ 1; got 0"):
        ChartHeads(4, 0, 2)
