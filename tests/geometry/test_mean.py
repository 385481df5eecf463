from __future__ import annotations

import geoopt
import pytest
import torch

from latentatlas.core import DataError, ShapeError
from latentatlas.geometry import DepthSpace, Euclidean, Geometry, PoincareBall, ProductGeometry, frechet_mean

SPACES = [Euclidean(), PoincareBall(), DepthSpace(), ProductGeometry([PoincareBall(), DepthSpace()], [1, 2])]


def rows_of(space: Geometry, count: int) -> torch.Tensor:
    vectors = torch.randn(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return space.exp(torch.zeros_like(vectors), vectors)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_no_direction_gains_at_the_mean(space: Geometry):
    points, weights = rows_of(space, 9), torch.linspace(0, 2, 9, dtype=torch.float64)
    mean = frechet_mean(points, space, weights=weights)
    left = (weights[:, None] * space.log(mean, points)).sum(dim=0)
    torch.testing.assert_close(left, torch.zeros_like(left), rtol=0, atol=1e-6)


def test_flat_is_the_mean_and_two_points_have_the_middle():
    points = rows_of(Euclidean(), 5)
    torch.testing.assert_close(frechet_mean(points, Euclidean()), points.mean(dim=0))
    a, b = points = rows_of(PoincareBall(), 2)
    torch.testing.assert_close(frechet_mean(points, PoincareBall()), PoincareBall().geodesic(a, b, 0.5))


def test_points_near_the_rim():
    points = torch.tensor([[0.9999, 0.0], [-0.9999, 0.0], [0.0, 0.9999], [0.0, -0.9999]], dtype=torch.float64)
    mean = frechet_mean(points, PoincareBall(), weights=torch.tensor([1.0, 1.0, 1.0, 1.0]))
    torch.testing.assert_close(mean, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-6)


def test_one_point_and_equal_points():
    points = rows_of(PoincareBall(), 1).expand(4, 3)
    torch.testing.assert_close(frechet_mean(points, PoincareBall()), points[0])
    torch.testing.assert_close(frechet_mean(points[:1], PoincareBall()), points[0])


def test_bad_weights(unchecked: None):
    points = torch.zeros(3, 2)
    with pytest.raises(ShapeError, match="got 3 and 2"):
        frechet_mean(points, Euclidean(), weights=torch.ones(2))
    with pytest.raises(ShapeError, match="got 0"):
        frechet_mean(points[:0], Euclidean())
    for weights in (torch.zeros(3), torch.tensor([1.0, -1.0, 1.0]), torch.tensor([1.0, torch.nan, 1.0])):
        with pytest.raises(DataError, match="weights ≥ 0 with a sum above 0"):
            frechet_mean(points, Euclidean(), weights=weights)


def test_geoopt_has_no_better_sum():
    """Its midpoint is another mean, the Einstein one; it must not have a smaller spread."""
    points = rows_of(PoincareBall(), 7) * 0.8
    ours = frechet_mean(points, PoincareBall())
    theirs = geoopt.PoincareBall().weighted_midpoint(points)
    spread = [float(PoincareBall().dist(each, points).square().sum()) for each in (ours, theirs)]
    assert spread[0] < spread[1]
