from __future__ import annotations

import math

import geoopt
import mpmath
import pytest
import torch
from torch import Tensor

from latentatlas.core import DataError, SpecError
from latentatlas.geometry import PoincareBall

BALL = PoincareBall()


def row(*numbers: float) -> Tensor:
    return torch.tensor([numbers], dtype=torch.float64)


def exact_distance(a: Tensor, b: Tensor) -> float:
    """With fifty digits."""
    with mpmath.workdps(50):
        x, y = ([mpmath.mpf(number) for number in rows[0].tolist()] for rows in (a, b))
        apart = sum((p - q) ** 2 for p, q in zip(x, y, strict=True))
        rooms = (1 - sum(p**2 for p in x)) * (1 - sum(q**2 for q in y))
        return float(mpmath.acosh(1 + 2 * apart / rooms))


def spread_rows(count: int, dim: int, *, up_to: float) -> Tensor:
    generator = torch.Generator().manual_seed(count + dim)
    rows = torch.randn(count, dim, dtype=torch.float64, generator=generator)
    radius = up_to * torch.rand(count, 1, dtype=torch.float64, generator=generator)
    return radius * rows / rows.norm(dim=1, keepdim=True)


def test_by_hand():
    zero, half = row(0.0, 0.0), row(0.5, 0.0)
    assert float(BALL.dist(zero, half)) == pytest.approx(math.log(3))  # 2 artanh ½
    assert float(BALL.dist(-half, half)) == pytest.approx(2 * math.log(3))
    torch.testing.assert_close(BALL.log(zero, half), row(math.log(3) / 2, 0.0))  # lengths count double at 0
    torch.testing.assert_close(BALL.exp(zero, row(math.atanh(0.5), 0.0)), half)
    torch.testing.assert_close(BALL.exp(half, row(-math.log(3) * 0.75 / 2, 0.0)), zero)
    assert float(PoincareBall(4.0).dist(zero, row(0.25, 0.0))) == pytest.approx(math.log(3) / 2)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, math.pi])
@pytest.mark.parametrize("norm", [1e-9, 0.5, 0.9999, 0.9999999])
def test_the_distance_is_exact_near_the_rim_and_near_the_centre(norm: float, angle: float):
    a, b = row(norm, 0.0), 0.9999 * row(norm * math.cos(angle), norm * math.sin(angle))
    assert float(BALL.dist(a, b)) == pytest.approx(exact_distance(a, b), rel=1e-8)
    if norm <= 0.9999:
        assert float(BALL.dist(a, b)) == pytest.approx(exact_distance(a, b), rel=1e-11)


def test_single_precision_near_the_rim():
    a, b = row(0.9999, 0.0), row(0.0, -0.9999)
    assert float(BALL.dist(a.float(), b.float())) == pytest.approx(exact_distance(a, b), rel=1e-4)
    far = BALL.exp(torch.zeros(1, 2), torch.tensor([[100.0, 0.0]]))
    assert torch.isfinite(BALL.dist(far, -far)).all()
    assert float(far.norm()) == pytest.approx(1 - 3.45e-4, abs=1e-5)
    assert float(BALL.dist(torch.zeros(2), far[0])) == pytest.approx(8.7, abs=0.05)
    further = BALL.exp(row(0.0, 0.0), row(100.0, 0.0))
    assert float(BALL.dist(row(0.0, 0.0), further)) == pytest.approx(18.7, abs=0.05)


def test_exp_and_log_are_inverse_from_rim_to_rim():
    a, b = row(0.9999, 0.0), row(-0.9999, 1e-3)
    torch.testing.assert_close(BALL.exp(a, BALL.log(a, b)), b, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(BALL.exp(a, BALL.log(a, row(0.0, 0.0))), row(0.0, 0.0), rtol=0, atol=1e-9)


def test_all_maps_are_those_of_geoopt():
    theirs = geoopt.PoincareBall(c=2.0)
    ours = PoincareBall(2.0)
    a, b, c = spread_rows(30, 3, up_to=0.6).split(10)
    torch.testing.assert_close(ours.dist(a, b), theirs.dist(a, b))
    torch.testing.assert_close(ours.log(a, b), theirs.logmap(a, b))
    torch.testing.assert_close(ours.exp(a, c), theirs.expmap(a, c))
    torch.testing.assert_close(ours.transport(a, b, c), theirs.transp(a, b, c))
    torch.testing.assert_close(ours.gradient(a, c), theirs.egrad2rgrad(a, c))
    torch.testing.assert_close(ours.squares(a, c)[:, :1], theirs.inner(a, c, keepdim=True))


def test_geoopt_bounds_the_distance_where_ours_is_exact():
    a, b = row(0.9999, 0.0), row(-0.9999, 0.0)
    assert abs(float(geoopt.PoincareBall().dist(a, b)) / exact_distance(a, b) - 1) > 0.1
    assert float(BALL.dist(a, b)) == pytest.approx(exact_distance(a, b), rel=1e-11)


def test_one_axis_is_a_line():
    a, b = row(-0.5), row(0.8)
    wanted = 2 * (math.atanh(0.5) + math.atanh(0.8))
    assert float(BALL.dist(a, b)) == pytest.approx(wanted)
    assert float(BALL.geodesic(a, b, 0.5)) == pytest.approx(math.tanh((math.atanh(0.8) - math.atanh(0.5)) / 2))


def test_the_slope_is_right_near_the_rim():
    a, b = spread_rows(4, 3, up_to=0.999).split(2)
    assert torch.autograd.gradcheck(BALL.dist, (a.requires_grad_(), b.requires_grad_()), eps=1e-8, atol=1e-3)
    for of in (BALL.exp, BALL.log):
        assert torch.autograd.gradcheck(of, (a / 2, b / 2))


def test_points_on_the_rim_and_outside_are_named_and_can_be_taken_in():
    for outside in (row(1.0, 0.0), row(3.0, 4.0)):
        with pytest.raises(DataError, match=r"^PoincareBall wants points with a norm below 1; 1 of 1 lie on the rim"):
            BALL.dist(outside, row(0.0, 0.0))
        taken = BALL.project(outside)
        assert torch.isfinite(BALL.dist(taken, row(0.0, 0.0))).all()
        torch.testing.assert_close(taken / taken.norm(), outside / outside.norm())
    with pytest.raises(DataError, match="1 of 2 lie"):
        BALL.log(torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
    for curvature in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(SpecError, match="finite curvature c > 0"):
            PoincareBall(curvature)
