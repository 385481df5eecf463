from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import LatentLayout, ShapeError, SpecError
from latentatlas.terms import Concatenation, Difference, OuterProduct, ReadableTransformation

LAYOUT = LatentLayout(invariant=2, variant={"turn": 2, "scale": 1})


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_pairings_by_hand():
    block, of_view = torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 1.0]])
    assert Difference()(block, of_view).tolist() == [[3.0, -1.0]]
    assert Concatenation()(block, of_view).tolist() == [[1.0, 2.0, 4.0, 1.0]]
    assert OuterProduct()(block, of_view).tolist() == [[1.0, 2.0, 4.0, 1.0, 4.0, 1.0, 8.0, 2.0]]
    assert [pairing().width(2) for pairing in (Difference, Concatenation, OuterProduct)] == [2, 4, 8]


def test_a_head_that_reads_nothing_leaves_1_and_one_that_reads_all_leaves_0():
    z, z_view = normal(0, 40, 5), normal(1, 40, 5)
    term = ReadableTransformation(LAYOUT, (0, 1), block="variant.turn", hidden=())
    torch.nn.init.zeros_(term.head[0].weight)
    torch.nn.init.zeros_(term.head[0].bias)
    assert term(z, z_view, 300 * normal(2, 40, 2) + 7).item() == pytest.approx(1, abs=1e-5)
    torch.nn.init.eye_(term.head[0].weight)
    change = (z_view - z)[:, 2:4]
    spread = torch.cat([z, z_view])[:, 2:4].std(dim=0, unbiased=False).mean()
    term.head[0].weight.data *= spread / change.std(dim=0, unbiased=False)[:, None]
    term.head[0].bias.data = -(change.mean(dim=0) / change.std(dim=0, unbiased=False))
    assert term(z, z_view, 300 * change + 7).item() == pytest.approx(0, abs=1e-9)  # units and origin do not matter


@pytest.mark.parametrize(
    "pairing", [Difference(), Concatenation(), OuterProduct()], ids=["difference", "pair", "products"]
)
def test_the_slope_is_that_of_finite_differences_but_for_the_spread(pairing):
    term = ReadableTransformation(LAYOUT, (0, 1), block="variant.turn", pairing=pairing).double()
    z, z_view = normal(0, 6, 5).double(), normal(1, 6, 5).double().requires_grad_()
    term(z, z_view, normal(2, 6, 2).double()).backward()
    assert z_view.grad[:, 2:4].abs().min() > 0
    assert not z_view.grad[:, [0, 1, 4]].any()


def test_differences_tell_what_adds_up_and_pairs_tell_rotations():
    """A block that is an angle as sine and cosine: the turn is a function of both ends, not of their difference."""
    generator = torch.Generator().manual_seed(0)
    start, turn = 2 * math.pi * torch.rand(2, 1000, generator=generator)
    z, z_view = (torch.stack([a.cos(), a.sin()], dim=1) for a in (start, start + turn))
    told = torch.stack([turn.cos(), turn.sin()], dim=1)
    left = {}
    for pairing in (Difference(), Concatenation()):
        torch.manual_seed(0)
        term = ReadableTransformation(LatentLayout(variant=2), (0, 1), pairing=pairing, hidden=(32,))
        optimiser = torch.optim.Adam(term.parameters(), lr=0.02)
        for _ in range(300):
            optimiser.zero_grad()
            value = term(z, z_view, told)
            value.backward()
            optimiser.step()
        left[type(pairing)] = value.item()
    assert left[Concatenation] < 0.05
    assert left[Difference] > 0.3


def test_a_turn_in_space_is_linear_in_the_products():
    """Three directions of each row, at right angles: the products tell their turn exactly, the pair does not."""
    generator = torch.Generator().manual_seed(0)
    block, turn = torch.linalg.qr(torch.randn(2, 4000, 3, 3, generator=generator)).Q.double()
    z, z_view, told = block.flatten(1), (block @ turn.mT).flatten(1), turn.flatten(1)
    left = {}
    for pairing in (Concatenation(), OuterProduct()):
        pair = pairing(z, z_view)
        fitted = torch.linalg.lstsq(pair[:3000], told[:3000]).solution
        left[type(pairing)] = float((pair[3000:] @ fitted - told[3000:]).square().mean() / told.var())
    assert left[Concatenation] > 0.5
    assert left[OuterProduct] < 1e-6


def test_each_part_has_its_columns():
    z, z_view, transform = normal(0, 9, 5), normal(1, 9, 5), normal(2, 9, 3)
    torch.manual_seed(0)
    term = ReadableTransformation(LAYOUT, [2], block="variant.scale")
    torch.manual_seed(0)
    alone = ReadableTransformation(LatentLayout(variant=1), [0])
    assert torch.equal(term(z, z_view, transform), alone(z[:, 4:], z_view[:, 4:], transform[:, 2:]))


def test_constant_parameters_and_blocks_are_finite():
    term = ReadableTransformation(LAYOUT, (0, 1))
    z = torch.ones(5, 5, requires_grad=True)
    value = term(z, z, torch.ones(5, 2))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


def test_bad_input(unchecked: None):
    z = torch.zeros(4, 5)
    with pytest.raises(ShapeError, match=r"columns \(2, 3\) of `transform`; it has 3"):
        ReadableTransformation(LAYOUT, (2, 3))(z, z, torch.zeros(4, 3))
    with pytest.raises(ShapeError, match="sum to the 6 axes"):
        ReadableTransformation(LAYOUT, (0, 1))(torch.zeros(4, 6), torch.zeros(4, 6), torch.zeros(4, 2))
    for settings in ({"block": "free"}, {"block": "varient"}, {"columns": (-1,)}, {"columns": ()}, {"hidden": (0,)}):
        with pytest.raises(SpecError):
            ReadableTransformation(LAYOUT, **({"columns": (0, 1)} | settings))
