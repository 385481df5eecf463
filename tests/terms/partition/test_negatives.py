"""Soft distances in closed form beside the general way, which also reads other rows than the batch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from latentatlas.core import LatentLayout
from latentatlas.terms import HardestNegative, NTXent, Partition, PartitionNegatives, SoftNegative
from latentatlas.terms.partition.directions import directions


def units(n: int, *, seed: int = 0) -> Tensor:
    rows = torch.randn(n, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(rows, dim=1).requires_grad_()


def value_and_slope(make: object, rows: Tensor) -> tuple[Tensor, Tensor]:
    weights = torch.arange(1.0, len(rows) + 1, dtype=rows.dtype)
    value = make(rows)  # type: ignore[operator]
    (slope,) = torch.autograd.grad((weights * value).sum(), rows)
    return value.detach(), slope


@pytest.mark.parametrize("known", ["none", "pairs", "one way", "a row with all"])
@pytest.mark.parametrize("strategy", [SoftNegative(0.3), HardestNegative()], ids=lambda n: type(n).__name__)
def test_both_ways_have_one_value_and_one_slope(strategy: PartitionNegatives, known: str):
    rows, mask = units(7), torch.eye(7, dtype=torch.bool)
    if known == "pairs":
        mask[0, 1] = mask[1, 0] = True
    elif known == "one way":
        mask[0, 1] = True
    elif known == "a row with all":
        mask[3] = True
    value, slope = value_and_slope(lambda r: strategy(r, None if known == "none" else mask), rows)
    wanted, wanted_slope = value_and_slope(lambda r: strategy.among(r, r, ~mask), rows)
    torch.testing.assert_close(value, wanted)
    torch.testing.assert_close(slope, wanted_slope)


def test_opposite_rows_at_a_low_temperature_are_finite():
    rows = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], requires_grad=True)
    for temperature in (0.03, 0.001):  # the second is too low for exponents without a maximum of their own
        value = SoftNegative(temperature)(rows)
        assert value.tolist() == pytest.approx([2.0, 2.0], abs=1e-5)
        assert torch.isfinite(torch.autograd.grad(value.sum(), rows)[0]).all()


def test_the_slope_of_directions_is_that_of_finite_differences_and_0_for_rows_of_length_0():
    rows = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(directions, (rows,))
    nothing = torch.zeros(1, 3, requires_grad=True)
    directions(nothing).sum().backward()
    assert nothing.grad.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("temperature", [0.5, 0.01])
def test_nt_xent_is_the_cross_entropy_of_cosines(temperature: float):
    z, z_view = units(6), units(6, seed=1)

    def naive(first: Tensor, second: Tensor) -> Tensor:
        both = functional.normalize(torch.cat([first, second]), dim=1)
        score = (both @ both.T / temperature).masked_fill(torch.eye(12, dtype=torch.bool), -math.inf)
        return functional.cross_entropy(score, torch.arange(12).roll(6))

    ours, wanted = NTXent(temperature)(z, z_view), naive(z, z_view)
    assert ours.item() == pytest.approx(wanted.item(), rel=1e-9)
    for one, other in zip(
        torch.autograd.grad(ours, (z, z_view)), torch.autograd.grad(wanted, (z, z_view)), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_products_in_bfloat16_have_a_slope():
    z, z_view = (torch.randn(8, 6, requires_grad=True) for _ in range(2))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = Partition(LatentLayout(invariant=3, variant=3))(z @ torch.eye(6), z_view @ torch.eye(6))
    mixed.backward()
    assert torch.isfinite(z.grad).all()
    assert z.grad.abs().sum() > 0
