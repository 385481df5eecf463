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
from latentatlas.core import to_spec
from latentatlas.geometry import Geometry


class Case(NamedTuple):
    """A geometry and valid points of it in float64, with their tangent vectors."""

    make: Callable[[], Geometry]
    points: Callable[[int], Tensor]


def _flat(count: int) -> Tensor:
    return 3 * torch.randn(count, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(count))


CASES = [Case(geometry.Euclidean, _flat)]
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
    spec = json.loads(json.dumps(to_spec(space)))
    again = getattr(geometry, spec.pop("type").removeprefix("geometry."))(**spec)
    torch.testing.assert_close(again.dist(points[:2], points[2:]), space.dist(points[:2], points[2:]))
