from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.models.charts.redundancy import bures_wasserstein, nearest_pairs
from latentatlas.models.charts.trials import Parts, gain_of_cut, gain_of_two


def _circle(n: int, *, seed: int) -> Tensor:
    angle = 2 * math.pi * torch.rand(n, generator=torch.Generator().manual_seed(seed)).double()
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def _parts(x: Tensor, judged: Tensor, part: Tensor, other: Tensor, *, dim: int = 1) -> Parts:
    return Parts((x, judged), (x, judged), (part, other), dim, 0.05)


def test_halves_of_a_circle_do_better_than_the_circle():
    x, judged = _circle(400, seed=0), _circle(400, seed=1)
    nobody = torch.zeros(400, dtype=torch.int64)
    cut = gain_of_cut(_parts(x, judged, nobody, nobody), 0)
    assert cut is not None
    assert cut.gain > 1
    assert cut.middle.norm() < 0.2
    assert float(cut.offset.norm()) == pytest.approx(2 / math.pi, abs=0.05)  # the mean of |cos|


def test_the_gain_of_two_is_that_of_the_cut_between_them():
    x, judged = _circle(400, seed=0), _circle(400, seed=1)
    nobody = torch.zeros(400, dtype=torch.int64)
    cut = gain_of_cut(_parts(x, judged, nobody, nobody), 0)
    assert cut is not None
    halves = [((each - cut.middle) @ cut.offset < 0).long() for each in (x, judged)]
    assert gain_of_two(_parts(x, judged, *halves), 0, 1) == pytest.approx(cut.gain)


def test_a_straight_line_stays_whole():
    x = torch.linspace(-1, 1, 200).double()[:, None] * torch.tensor([1.0, 2.0]).double()
    nobody = torch.zeros(100, dtype=torch.int64)
    cut = gain_of_cut(_parts(x[::2], x[1::2], nobody, nobody), 0)
    assert cut is not None
    assert abs(cut.gain) < 0.01


def test_points_are_told_by_the_valley():
    drawing = torch.Generator().manual_seed(0)
    rows = torch.randn(600, 2, generator=drawing)
    group = torch.arange(600) % 2
    near, far = rows + group[:, None], rows + 8 * group[:, None]
    gains = [gain_of_two(_parts(x[::3], x[1::3], group[::3], group[1::3], dim=0), 0, 1) for x in (near, far)]
    assert gains[0] is not None
    assert gains[1] is not None
    assert gains[0] < 0.2 < 0.5 < gains[1]


def test_too_few_rows_say_nothing():
    x, few = _circle(40, seed=0), torch.arange(40) % 8
    assert gain_of_two(_parts(x, x, few, few), 0, 1) is None
    assert gain_of_cut(_parts(x, x, few, few), 0) is None


def test_the_nearest_of_parts_on_a_line():
    part = torch.arange(5).repeat_interleave(10)
    x = part[:, None].double() + torch.linspace(0, 0.1, 10).double().repeat(5)[:, None]
    pairs = nearest_pairs(x, part, range(5))
    assert pairs[(0, 1)] == pytest.approx(1.0)
    assert (0, 4) not in pairs  # each of the two has three that are nearer
    assert (0, 5) not in nearest_pairs(x, part, range(6))  # part 5 has no rows


def test_gaussians_with_one_centre_differ_by_their_roots():
    zero, narrow, wide = torch.zeros(2), torch.eye(2), torch.diag(torch.tensor([4.0, 9.0]))
    assert bures_wasserstein(zero, narrow, zero, wide) == pytest.approx(math.sqrt(1 + 4))
    assert bures_wasserstein(zero, wide, zero, wide) == pytest.approx(0.0, abs=1e-3)
