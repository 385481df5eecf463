"""Every geometry under the same laws."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from latentatlas import geometry
from latentatlas.build import build
from latentatlas.core import to_spec
from latentatlas.geometry import Geometry


class Case(NamedTuple):
    """A geometry and valid points of it in float64, with their tangent vectors."""

    make: Callable[[], Geometry]
    points: Callable[[int], Tensor]


def _flat(count: int) -> Tensor:
    return 3 * torch.randn(count, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(count))


def _ball(count: int) -> Tensor:
    """Up to .9999 of the radius ½ of the ball with curvature 4."""
    rows = _flat(count)
    radius = 1 - torch.logspace(-4, -0.1, count, dtype=torch.float64)
    return rows / rows.norm(dim=1, keepdim=True) * (radius[torch.randperm(count)] / 2)[:, None]


def _product() -> Geometry:
    factors = [geometry.PoincareBall(4.0), geometry.Euclidean(), geometry.DepthSpace()]
    return geometry.ProductGeometry(factors, [4, 3, 5])


def _blocks(count: int) -> Tensor:
    return torch.cat([_ball(count), _flat(count)[:, :3], _flat(count) / 2, _flat(count)[:, :1] / 3], dim=1)


CASES = [
    Case(geometry.Euclidean, _flat),
    Case(lambda: geometry.PoincareBall(4.0), _ball),
    Case(geometry.DepthSpace, lambda count: _flat(count) / 2),
    Case(_product, _blocks),
]
_IDS = [type(case.make()).__name__ for case in CASES]
every_geometry = pytest.mark.parametrize("case", CASES, ids=_IDS)


def test_the_table_is_complete():
    public = {
        name
        for name in geometry.__all__
        if inspect.isclass(getattr(geometry, name)) and issubclass(getattr(geometry, name), Geometry)
    }
    assert set(_IDS) == public - {"Geometry"}


@every_geometry
def test_a_distance(case: Case):
    space, points = case.make(), case.points(12)
    dist = space.dist(points[:, None], points[None, :])
    assert torch.equal(dist, dist.T)
    assert (dist.diagonal() == 0).all()
    off = ~torch.eye(12, dtype=torch.bool)
    assert (dist[off] > 0).all()
    assert (dist[:, :, None] + dist[None, :, :] >= dist[:, None, :] - 1e-12).all()


@every_geometry
def test_exp_and_log_are_inverse_and_log_has_the_length_of_the_distance_at_small_scale(case: Case):
    space, points = case.make(), case.points(20)
    base, other = points[:10], points[10:]
    vector = space.log(base, other)
    torch.testing.assert_close(space.exp(base, vector), other)
    torch.testing.assert_close(space.log(base, space.exp(base, 0.1 * vector)), 0.1 * vector)
    torch.testing.assert_close(space.dist(base, space.exp(base, 0.25 * vector)), 0.25 * space.dist(base, other))
    assert (space.log(base, base) == 0).all()


@every_geometry
def test_gradient_is_right_apart_and_finite_where_points_coincide(case: Case):
    space, points = case.make(), case.points(6)
    a, b = points[:3].clone().requires_grad_(), points[3:].clone().requires_grad_()
    assert torch.autograd.gradcheck(space.dist, (a, b))
    (slope,) = torch.autograd.grad(space.dist(a, a.detach()).sum(), a)
    assert torch.isfinite(slope).all()


@every_geometry
def test_the_way_to_the_middle_and_to_both_ends(case: Case):
    space, points = case.make(), case.points(10)
    a, b = points[:5], points[5:]
    half = space.geodesic(a, b, 0.5)
    torch.testing.assert_close(space.dist(a, half), space.dist(a, b) / 2)
    torch.testing.assert_close(space.dist(half, b), space.dist(a, b) / 2)
    torch.testing.assert_close(space.geodesic(a, b, 1.0), b)
    torch.testing.assert_close(space.geodesic(a, b, 0.0), a)


@every_geometry
def test_distances_of_rows_are_distances(case: Case):
    space, z = case.make(), case.points(6)
    wanted = space.dist(z[:, None], z[None])
    torch.testing.assert_close(space.distances(z), wanted)
    torch.testing.assert_close(space.squared_distances(z), wanted.square())
    torch.testing.assert_close(space.distances(space.centred(z)), wanted)
    torch.testing.assert_close(space.squared(z[:3], z[3:]), wanted[:3, 3:].diagonal().square())
    torch.testing.assert_close(space.pair_distances(z), wanted[tuple(torch.triu_indices(6, 6, offset=1))])


@every_geometry
def test_the_gradient_of_half_the_squared_distance_is_the_way_back(case: Case):
    space, points = case.make(), case.points(10)
    base, other = points[:5].clone().requires_grad_(), points[5:]
    (slope,) = torch.autograd.grad((space.dist(base, other).square() / 2).sum(), base)
    torch.testing.assert_close(space.gradient(base, slope), -space.log(base, other))


@every_geometry
def test_squares_of_the_way_are_the_squared_distance(case: Case):
    space, points = case.make(), case.points(10)
    base, other = points[:5], points[5:]
    squares = space.squares(base, space.log(base, other))
    assert squares.shape == base.shape
    by_factor = getattr(space, "sizes", None)
    if by_factor is None and isinstance(space, geometry.Euclidean):
        squares = squares.sum(dim=1, keepdim=True)
    if by_factor is not None:
        ball, flat, depth = squares.split(by_factor, dim=1)
        squares = ball[:, :1] + flat.sum(dim=1, keepdim=True) + depth[:, :1]
    torch.testing.assert_close(squares[:, 0], space.dist(base, other).square())


@every_geometry
def test_what_is_carried_keeps_lengths_and_the_way_stays_the_way(case: Case):
    space, points = case.make(), case.points(15)
    base, other, third = points[:5], points[5:10], points[10:]
    vector = space.log(base, third)
    carried = space.transport(base, other, vector)
    torch.testing.assert_close(space.squares(other, carried).sum(), space.squares(base, vector).sum())
    torch.testing.assert_close(space.transport(base, other, space.log(base, other)), -space.log(other, base))
    torch.testing.assert_close(space.transport(other, base, carried), vector)
    torch.testing.assert_close(space.transport(base, base, vector), vector)


@every_geometry
def test_a_mean_step_is_along_the_mean_of_the_ways(case: Case):
    space, points = case.make(), case.points(6)
    weights = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], dtype=torch.float64)
    found = space.mean_step(points[:2], points[3:], weights)
    torch.testing.assert_close(found[1], points[3])
    way = sum(share * space.log(points[0], p) for share, p in zip(weights[0], points[3:], strict=True))
    torch.testing.assert_close(found[0], space.exp(points[0], way))


@every_geometry
def test_coordinates_bend_along_a_geodesic_as_the_acceleration_says(case: Case):
    space, points = case.make(), case.points(10)
    base, vector = points[:5], space.log(points[:5], points[5:])
    missed = []
    for t in (0.02, 0.01):
        near = base + t * vector + t**2 / 2 * space.acceleration(base, vector)
        missed.append(float((space.exp(base, t * vector) - near).norm()))
    assert missed[1] <= missed[0] / 6 + 1e-14  # of third order: (½)³ = 1/8
    torch.testing.assert_close(space.acceleration(base, -2 * vector), 4 * space.acceleration(base, vector))


@every_geometry
def test_a_way_of_no_length_has_the_slope_of_a_step(case: Case):
    space, base = case.make(), case.points(2)
    for start in (base, torch.zeros_like(base)):
        still = torch.zeros_like(start).requires_grad_()
        (slope,) = torch.autograd.grad(space.exp(start, still).sum(), still)
        torch.testing.assert_close(slope, torch.ones_like(start))
        (slope,) = torch.autograd.grad(space.log(start, start + still).sum(), still)
        assert torch.isfinite(slope).all()


@every_geometry
def test_zeros_are_a_point(case: Case):
    space, points = case.make(), case.points(3)
    zeros = torch.zeros_like(points)
    torch.testing.assert_close(space.exp(zeros, space.log(zeros, points)), points)
    torch.testing.assert_close(space.exp(zeros, zeros), zeros)


@every_geometry
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_axes_broadcast_and_the_type_stays(case: Case, dtype: torch.dtype):
    space, points = case.make(), case.points(6).to(dtype)
    dist = space.dist(points[:2, None], points[None, 2:])
    assert dist.shape == (2, 4)
    assert dist.dtype == dtype
    torch.testing.assert_close(dist[1, 3], space.dist(points[1], points[5]))


@every_geometry
def test_valid_points_are_projected_to_themselves(case: Case):
    points = case.points(5)
    torch.testing.assert_close(case.make().project(points), points)


@every_geometry
def test_not_a_number_stays_visible(case: Case):
    points = case.points(2)
    points[0, 0] = torch.nan
    assert torch.isnan(case.make().dist(points[0], points[1]))


@every_geometry
def test_specification_round_trip(case: Case):
    space, points = case.make(), case.points(4)
    again = build(json.loads(json.dumps(to_spec(space))))
    torch.testing.assert_close(again.dist(points[:2], points[2:]), space.dist(points[:2], points[2:]))
