from __future__ import annotations

import pytest
import torch

from latentatlas.core import Constant, Geometric, LatentLayout, ShapeError, SpecError
from latentatlas.terms import Allocation, BlockAllocation, MeanNegative, Partition

_AXES = 9
_MOVED = [0, 3, 7]


def rows(seed: int, n: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents of nine axes: six stay but for some noise, three are drawn anew in the view."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, _AXES, generator=generator)
    z_view = z + 0.05 * torch.randn(n, _AXES, generator=generator)
    z_view[:, _MOVED] = torch.randn(n, len(_MOVED), generator=generator)
    return z, z_view


def learned(sizes: LatentLayout, *, price: float = 10.0, steps: int = 150) -> BlockAllocation:
    torch.manual_seed(0)
    term = BlockAllocation(sizes, price=price, temperature=Geometric(start=0, stop=steps, low=1.0, high=0.1))
    optimiser = torch.optim.Adam(term.parameters(), lr=0.1)
    for step in range(steps):
        optimiser.zero_grad()
        term(*rows(step)).backward()
        optimiser.step()
    return term


def test_axes_that_stay_become_invariant_and_those_that_move_variant():
    term = learned(LatentLayout(invariant=6, variant=3))
    chosen = term.allocation()
    order = chosen.order.tolist()
    assert sorted(order) == list(range(_AXES))
    assert set(order[: chosen.layout.invariant]) == set(range(_AXES)) - set(_MOVED)
    assert set(order[chosen.layout.slice("variant")]) == set(_MOVED)
    assert chosen.layout == LatentLayout(invariant=6, variant=3)
    assert term.gates().amax(dim=1).min() > 0.9  # decided


def test_the_budget_leaves_axes_over_for_free_and_equal_axes_are_told_apart():
    chosen = learned(LatentLayout(invariant=2, variant=2, free=5), price=200.0).allocation()
    assert chosen.layout == LatentLayout(invariant=2, variant=2, free=5)
    assert not set(chosen.order[:2].tolist()) & set(_MOVED)
    assert set(chosen.order[2:4].tolist()) < set(_MOVED)


def test_without_a_price_no_axis_is_free():
    sizes = learned(LatentLayout(invariant=1, variant=1, free=7), price=0.0).allocation().layout.sizes
    assert sizes == {"invariant": 6, "variant": 3, "free": 0}


def test_with_hard_gates_it_is_the_term_of_partition():
    layout = LatentLayout(invariant=4, variant=3, free=2)
    term = BlockAllocation(layout, price=7.0)
    term.logits.data.zero_()
    for axis, block in enumerate([0] * 4 + [1] * 3 + [2] * 2):
        term.logits.data[axis, block] = 60.0
    z, z_view = rows(0)
    wanted = Partition(layout, negatives=MeanNegative(), beta=Constant(1.0))(z, z_view)
    assert term(z, z_view).item() == pytest.approx(wanted.item(), abs=1e-5)
    term.logits.data.zero_()
    even = 7 * sum((3 - size) ** 2 for size in (4, 3, 2)) / 81
    priceless = BlockAllocation(layout, price=0.0)
    priceless.logits.data.zero_()
    assert term(z, z_view).item() == pytest.approx(priceless(z, z_view).item() + even, abs=1e-5)


def test_the_slope_is_that_of_finite_differences():
    term = BlockAllocation(LatentLayout(invariant=2, variant=1, free=1)).double()
    generator = torch.Generator().manual_seed(0)
    z, z_view = torch.randn(2, 5, 4, dtype=torch.float64, generator=generator)
    term.logits.data = torch.randn(4, 3, dtype=torch.float64, generator=generator)

    def value(logits: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(term, {"logits": logits}, (z, z_view))

    assert torch.autograd.gradcheck(value, term.logits.detach().requires_grad_())


def test_rows_of_length_0_are_finite():
    z = torch.zeros(4, 3, requires_grad=True)
    value = BlockAllocation(LatentLayout(invariant=2, variant=1))(z, z)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


def test_bad_input(unchecked: None):
    with pytest.raises(SpecError, match="one variant block"):
        BlockAllocation(LatentLayout(variant={"a": 1}))
    with pytest.raises(SpecError, match="finite beta and price"):
        BlockAllocation(LatentLayout(free=1), price=-1.0)
    with pytest.raises(ShapeError, match="at least 2 rows"):
        BlockAllocation(LatentLayout(free=3))(torch.zeros(1, 3), torch.zeros(1, 3))
    with pytest.raises(ShapeError, match="BlockAllocation wants blocks that sum to the 4 axes"):
        BlockAllocation(LatentLayout(free=3))(torch.zeros(2, 4), torch.zeros(2, 4))


def test_an_allocation_without_some_blocks():
    choice = Allocation(torch.tensor([4, 0, 3, 1, 2]), LatentLayout(invariant=2, variant=1, free=2))
    assert choice.only("invariant").order.tolist() == [4, 0]
    kept = choice.only("free", "variant")
    assert kept.order.tolist() == [3, 1, 2]
    assert kept.layout == LatentLayout(variant=1, free=2)
    with pytest.raises(SpecError, match=r"has no block 'fre'"):
        choice.only("fre")
    with pytest.raises(SpecError, match=r"at least one axis"):
        Allocation(torch.tensor([0]), LatentLayout(free=1)).only("invariant")
