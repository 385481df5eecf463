from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import SpecError
from latentatlas.models import Parsimony, code_length, patch_residuals
from latentatlas.models.charts.parsimony import valley_depth


def test_a_code_of_one_axis_by_hand():
    train, judged = torch.tensor([[2.0], [-2.0]]), torch.tensor([[1.0], [-1.0]])
    spread = 1 + (2 * 4 + 4) / 3  # two rows and one of the mean square
    by_hand = 0.5 * math.log(spread) + 0.5 * (1 / spread + 1 / spread - 1)
    assert float(code_length(train, judged, resolution=1.0)) == pytest.approx(by_hand)


def test_the_code_grows_with_what_is_left_and_with_a_finer_resolution():
    rows = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    assert float(code_length(0 * rows, 0 * rows, resolution=1.0)) == 0
    lengths = [float(code_length(rows, rows, resolution=each)) for each in (1.0, 0.5, 0.25)]
    assert lengths == sorted(lengths)
    assert lengths[2] - lengths[1] == pytest.approx(3 * math.log(2), abs=0.4)  # log 2 for each axis


def test_a_spread_that_held_out_rows_do_not_have_costs():
    drawing = torch.Generator().manual_seed(0)
    few, many, judged = (torch.randn(n, 8, generator=drawing) for n in (10, 1000, 1000))
    assert code_length(few, judged, resolution=0.1) > code_length(many, judged, resolution=0.1)


def test_a_patch_bends_but_does_not_fold():
    angle = torch.linspace(0, 2 * math.pi, 201)[:-1].double()
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    half = circle[circle[:, 0] > 0]
    whole, part = (patch_residuals(rows, rows, 1)[0].square().mean().sqrt() for rows in (circle, half))
    assert whole > 0.4
    assert part < 0.1


def test_patches_of_rows_without_spread_leave_nothing():
    rows = torch.ones(20, 3)
    left = patch_residuals(rows, rows, 2)
    assert all(bool((each == 0).all()) for each in left)


def test_a_valley_between_two_groups_and_none_within_one():
    drawing = torch.Generator().manual_seed(0)
    one, even = torch.randn(2000, generator=drawing), torch.rand(2000, generator=drawing)
    two = torch.cat([one - 4, one + 4])
    order = torch.randperm(len(two), generator=drawing)
    two = two[order]
    assert valley_depth(two[::2], two[1::2], resolution=0.01) == pytest.approx(
        0.5 * math.log(17) - math.log(2), abs=0.05
    )
    assert valley_depth(one[::2], one[1::2], resolution=0.01) < 0.02
    assert valley_depth(even[::2], even[1::2], resolution=0.01) < 0.15


def test_the_rule_leaves_a_band_between():
    rule = Parsimony(0.4, 0.25)
    assert rule.bar == pytest.approx(0.3)
    assert (rule.splits(0.41), rule.splits(0.39), rule.merges(0.31), rule.merges(0.29)) == (True, False, False, True)


@pytest.mark.parametrize(
    ("margin", "hysteresis"), [(0.0, 0.5), (math.inf, 0.5), (math.nan, 0.5), (0.5, 1.0), (0.5, -0.1)]
)
def test_bad_rules(margin: float, hysteresis: float):
    with pytest.raises(SpecError, match="Parsimony wants a finite margin"):
        Parsimony(margin, hysteresis)
