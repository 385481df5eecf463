"""The term of partition: values by hand, slopes, degenerate rows, negatives of every kind."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import Constant, Edges, LatentLayout, Ramp, ShapeError, SpecError
from latentatlas.terms import (
    HardestNegative,
    LogForm,
    MeanNegative,
    MemoryBank,
    Partition,
    PartitionNegatives,
    RatioForm,
    SoftNegative,
)

LAYOUT = LatentLayout(invariant=2, variant=1)
# invariant blocks at 0°, 90°, 180°, their views at 90°, 90°, 90°: p = 1, 0, 1; variant blocks are reversed: q = 2
Z = torch.tensor([[1.0, 0.0, 1.0], [0.0, 2.0, 1.0], [-3.0, 0.0, 1.0]], dtype=torch.float64)
Z_VIEW = torch.tensor([[0.0, 1.0, -1.0], [0.0, 1.0, -2.0], [0.0, 5.0, -1.0]], dtype=torch.float64)
P, Q = [1.0, 0.0, 1.0], 2.0
NEGATIVES = {
    "mean": (MeanNegative(), [1.5, 1.0, 1.5]),
    "hardest": (HardestNegative(), [1.0, 1.0, 1.0]),
    "soft": (SoftNegative(1.0), [1.37989, 1.0, 1.37989]),
    "memory": (MemoryBank(8, 2), [1.5, 1.0, 1.5]),
}


def ratio(p: float, n: float, beta: float, epsilon: float) -> float:
    return p / ((1 + beta * Q) * (n + epsilon))


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_both_forms_by_hand(negatives: str, beta: float):
    strategy, far = NEGATIVES[negatives]
    ratios = [ratio(p, n, beta, 0.1) for p, n in zip(P, far, strict=True)]
    logs = [math.log(p + 0.1) - math.log(1 + beta * Q) - math.log(n + 0.1) for p, n in zip(P, far, strict=True)]
    for form, wanted in ((RatioForm(0.1), ratios), (LogForm(0.1), logs)):
        term = Partition(LAYOUT, form=form, negatives=strategy, beta=Constant(beta)).eval()
        assert term(Z, Z_VIEW).item() == pytest.approx(sum(wanted) / 3, abs=1e-4)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "negatives", [MeanNegative(), HardestNegative(), SoftNegative(0.3)], ids=lambda n: type(n).__name__
)
@pytest.mark.parametrize("known", [False, True])
def test_the_slope_is_that_of_finite_differences(negatives: PartitionNegatives, known: bool):
    layout = LatentLayout(invariant=3, variant={"a": 2, "b": 1}, free=1)
    mask = torch.eye(6, dtype=torch.bool)
    mask[0, 1] = mask[1, 0] = True
    edges = Edges(torch.tensor([0]), torch.tensor([1]), mask) if known else None
    term = Partition(layout, negatives=negatives)
    z, z_view = normal(0, 6, 7).requires_grad_(), normal(1, 6, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: term(a, b, edges), (z, z_view))


def test_the_push_on_variant_dies_with_p_in_the_ratio_and_not_in_the_logarithm():
    for form, lives in ((RatioForm(), False), (LogForm(), True)):
        z, z_view = normal(0, 8, 4), normal(1, 8, 4)
        z_view[:, :2] = z[:, :2]  # p is 0
        z_view.requires_grad_()
        Partition(LatentLayout(invariant=2, variant=2), form=form)(z, z_view).backward()
        push = z_view.grad[:, 2:].abs().max().item()
        assert (push > 1e-3) is lives
        assert lives or push < 1e-9


def test_signs():
    term = Partition(LatentLayout(invariant=2, variant=2))
    z = normal(0, 20, 4)
    alike = torch.cat([z[:, :2], -z[:, 2:]], dim=1)
    turned = torch.cat([z[:, :2], z[:, 2:]], dim=1)
    other = torch.cat([z[:, :2].roll(1, 0), -z[:, 2:]], dim=1)
    assert term(z, alike) < term(z, turned)  # variant should change
    assert term(z, alike) < term(z, other)  # invariant should not


def test_collapse_is_no_better_than_chance():
    """Where all invariant blocks coincide p and n are 0: at β = 0 the value is 0, that of unrelated rows about 0."""
    layout = LatentLayout(invariant=8)
    one = torch.ones(50, 8, dtype=torch.float64)
    term = Partition(layout, negatives=MeanNegative(), beta=Constant(0.0))
    assert term(one, one).item() == pytest.approx(0, abs=1e-6)
    assert term(normal(0, 50, 8), normal(1, 50, 8)).item() == pytest.approx(0, abs=0.15)
    z = normal(0, 50, 8)
    assert term(z, z).item() < -4


@pytest.mark.parametrize("form", [RatioForm(), LogForm()], ids=["ratio", "log"])
def test_without_an_invariant_block_its_factors_drop_out(form):
    term = Partition(LatentLayout(variant=1), form=form)
    z, z_view = Z[:, 2:], Z_VIEW[:, 2:].clone().requires_grad_()
    value = term(z, z_view)
    assert value.item() == pytest.approx(1 / 3 if isinstance(form, RatioForm) else -math.log(3))
    value.backward()
    assert torch.isfinite(z_view.grad).all()


def test_without_a_variant_block_or_with_beta_0_q_drops_out():
    without = Partition(LatentLayout(invariant=2, free=1))(Z, Z_VIEW)
    assert Partition(LAYOUT, beta=Constant(0.0))(Z, Z_VIEW).item() == pytest.approx(without.item())


def test_nothing_left_is_constant_and_can_be_differentiated():
    z = Z.clone().requires_grad_()
    value = Partition(LatentLayout(free=3))(z, Z_VIEW)
    value.backward()
    assert (value.item(), z.grad.abs().max().item()) == (0.0, 0.0)


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("form", [RatioForm(), LogForm()], ids=["ratio", "log"])
def test_rows_of_length_0_count_as_unrelated_and_are_finite(negatives: str, form):
    z = Z.clone()
    z[0] = 0
    z.requires_grad_()
    value = Partition(LAYOUT, form=form, negatives=NEGATIVES[negatives][0]).eval()(z, Z_VIEW)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()
    assert not z.grad[0].any()


def test_a_single_row_has_no_negatives_and_counts_as_unrelated_to_all():
    for strategy in (MeanNegative(), HardestNegative(), SoftNegative(), MemoryBank(4, 2).eval()):
        assert strategy(torch.tensor([[1.0, 0.0]])).tolist() == [1.0]


def test_known_neighbours_are_no_negatives():
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    known = torch.eye(3, dtype=torch.bool)
    known[0, 1] = known[1, 0] = True
    for strategy in (MeanNegative(), HardestNegative(), SoftNegative()):
        assert strategy(rows, known).tolist() == pytest.approx([2.0, 2.0, 2.0])
        assert strategy(rows)[0] < 2
        assert strategy(rows, torch.ones(3, 3, dtype=torch.bool)).tolist() == [1.0, 1.0, 1.0]


def test_the_soft_distance_lies_between_the_nearest_and_the_mean():
    rows = torch.nn.functional.normalize(normal(0, 30, 4))
    mean, hardest = MeanNegative()(rows), HardestNegative()(rows)
    previous = hardest
    for temperature in (1e-4, 0.1, 1.0, 1e4):
        soft = SoftNegative(temperature)(rows)
        assert (soft >= previous - 1e-3).all()
        previous = soft
    torch.testing.assert_close(SoftNegative(1e-4)(rows), hardest, atol=1e-3, rtol=0)
    torch.testing.assert_close(SoftNegative(1e4)(rows), mean, atol=1e-3, rtol=0)


def test_the_mean_is_content_with_two_opposite_points_and_the_soft_distance_is_not():
    two = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).repeat(50, 1)
    round_about = torch.tensor([[math.cos(a), math.sin(a)] for a in torch.linspace(0, 2 * math.pi, 101)[:-1]])
    assert MeanNegative()(two).mean().item() == pytest.approx(MeanNegative()(round_about).mean().item(), abs=1e-3)
    assert SoftNegative()(two).mean() < SoftNegative()(round_about).mean() - 0.1


def test_a_memory_holds_the_last_rows_without_gradient_and_is_part_of_the_state():
    bank = MemoryBank(3, 2, reads=HardestNegative())
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert bank(first).tolist() == [1.0, 1.0]
    assert bank(-first).tolist() == [1.0, 1.0]  # the memory is [1, 0], [0, 1]: nearest at 90°
    assert bank.rows.tolist() == [[0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
    again = MemoryBank(3, 2, reads=HardestNegative())
    again.load_state_dict(bank.state_dict())
    row = torch.tensor([[0.0, -1.0]], requires_grad=True)
    assert again.eval()(row).tolist() == bank.eval()(row).tolist() == [0.0]
    assert not again.rows.requires_grad
    assert torch.equal(again.rows, bank.rows)  # in evaluation it stays


def test_beta_follows_its_schedule_by_training_steps_and_goes_on_where_it_was():
    term = Partition(LatentLayout(variant=1), beta=Ramp(start=0, stop=2, high=1.0))
    z, z_view = Z[:, 2:], Z_VIEW[:, 2:]
    values = [term(z, z_view).item() for _ in range(3)]
    assert values == pytest.approx([0.0, -math.log(2), -math.log(3)])
    again = Partition(LatentLayout(variant=1), beta=Ramp(start=0, stop=2, high=1.0))
    again.load_state_dict(term.state_dict())
    assert again.eval()(z, z_view).item() == pytest.approx(-math.log(3))
    assert again.clock.steps == 3


def test_each_part_of_variant_must_move_by_itself():
    whole = LatentLayout(invariant=2, variant=2)
    parts = LatentLayout(invariant=2, variant={"a": 1, "b": 1})
    z = torch.tensor([[1.0, 0.0, 5.0, 1.0], [0.0, 1.0, 5.0, 1.0]])
    z_view = z * torch.tensor([1.0, 1.0, -1.0, 1.0])  # the large axis is reversed, the small one stays
    values = [
        (Partition(layout)(z, z_view) - Partition(layout, beta=Constant(0.0))(z, z_view)) for layout in (whole, parts)
    ]
    assert math.exp(-values[0].item()) - 1 == pytest.approx(1 - (-25 + 1) / 26)
    assert math.exp(-values[1].item()) - 1 == pytest.approx((2 + 0) / 2)


def test_bad_input(unchecked: None):
    with pytest.raises(ShapeError, match="Partition wants blocks that sum to the 4 axes"):
        Partition(LAYOUT)(torch.zeros(3, 4), torch.zeros(3, 4))
    with pytest.raises(ShapeError, match="invariant blocks of 5 axes; got 2"):
        Partition(LAYOUT, negatives=MemoryBank(4, 5))(Z, Z_VIEW)
    for make in (lambda: LogForm(0.0), lambda: RatioForm(-1.0), lambda: SoftNegative(0.0), lambda: MemoryBank(0, 2)):
        with pytest.raises(SpecError):
            make()
