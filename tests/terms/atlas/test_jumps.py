from __future__ import annotations

import pytest
import torch

from latentatlas.core import Batch, Charts, MissingInput, ShapeError, SpecError
from latentatlas.models import FactorizedJumps, TiedJumps, charted_autoencoder
from latentatlas.terms import JumpConsistency, Objective, universal_terms
from latentatlas.train import Recipe, RowBatches, fit


def overlapping(n: int = 50, count: int = 4, dim: int = 2, *, mirrored: bool = True, seed: int = 0) -> Charts:
    """One plane in charts that are exact affine maps of it, the first of them mirrored."""
    generator = torch.Generator().manual_seed(seed)
    plane = torch.randn(n, dim, generator=generator)
    maps = torch.eye(dim) + 0.4 * torch.randn(count, dim, dim, generator=generator)
    maps[0, 0] *= -torch.linalg.det(maps[0]).sign() if mirrored else 1
    local = torch.einsum("nd,ked->nke", plane, maps) + torch.randn(count, dim, generator=generator)
    return Charts(torch.randn(n, count, generator=generator).softmax(dim=1), local=local)


@torch.no_grad()
def listed(charts: Charts, jumps: FactorizedJumps, floor: float) -> float:
    """The definition, pair by pair and row by row."""
    local, weights = charts.local, charts.weights
    n, count, _ = local.shape
    total = 0.0
    for j in range(count):
        mean = (weights[:, j, None] * local[:, j]).sum(dim=0) / weights[:, j].sum()
        spread = (weights[:, j, None] * (local[:, j] - mean).square()).sum() / weights[:, j].sum()
        for i in range(count):
            for row in range(n if i != j else 0):
                reached = jumps.out[j] @ (jumps.into[i] @ local[row, i] + jumps.shift[i]) + jumps.offset[j]
                error = (local[row, j] - reached).square().sum() / max(float(spread), floor)
                total += float(weights[row, i] * weights[row, j] * error)
    return total / n


def test_the_value_is_that_of_the_listing():
    torch.manual_seed(0)
    jumps = FactorizedJumps(4, 2)
    for parameter in jumps.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    for floor in (0.01, 5.0):
        value = float(JumpConsistency(floor=floor)(overlapping(20), jumps).detach())
        assert value == pytest.approx(listed(overlapping(20), jumps, floor), rel=1e-4)


def test_charts_are_never_moved_by_their_targets_or_memberships():
    charts = overlapping()
    weights, local = charts.weights.clone().requires_grad_(), charts.local.clone().requires_grad_()
    fixed = charts.local[:, :, None].expand(-1, -1, 4, -1) + 1.0  # jumps that do not look at where they start
    value = JumpConsistency()(Charts(weights, local=local), lambda start: fixed + 0 * start[:, :, None])
    value.backward()
    assert weights.grad is None
    assert (local.grad == 0).all()


def test_the_slope_on_where_a_jump_starts_is_right():
    charts = overlapping(6)
    local, weights = charts.local.double(), charts.weights.double()
    jumps, term = FactorizedJumps(4, 2).double(), JumpConsistency(floor=50.0)
    start = local.clone().requires_grad_()
    term(Charts(weights, local=start), jumps).backward()
    apart = 1 - torch.eye(4, dtype=torch.float64)
    pairs = weights[:, :, None] * weights[:, None] * apart
    by_hand = (2 * pairs[..., None] * (local[:, :, None] - local[:, None])).sum(dim=2) / 50 / 6
    torch.testing.assert_close(start.grad, by_hand)


@pytest.mark.parametrize("make", [FactorizedJumps, TiedJumps])
def test_exact_affine_charts_are_learned_exactly(make):
    charts, jumps = overlapping(mirrored=make is FactorizedJumps), make(4, 2)
    optimiser = torch.optim.Adam(jumps.parameters(), lr=0.03)
    first = float(JumpConsistency()(charts, jumps).detach())
    for _ in range(400):
        optimiser.zero_grad()
        value = JumpConsistency()(charts, jumps)
        value.backward()
        optimiser.step()
    assert float(value.detach()) < 1e-3 * first


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_exact_affine_charts_are_laid_out_exactly(dim: int):
    """Mirrored or not; what steps of an optimiser cannot do."""
    charts, jumps = overlapping(dim=dim), TiedJumps(4, dim)
    jumps.seat(charts.local, charts.weights)
    assert float(JumpConsistency()(charts, jumps).detach()) < 1e-6
    assert (torch.linalg.det(jumps.placements.frames) < 0).any()
    assert (torch.linalg.det(jumps.placements.frames) > 0).any()


def test_every_part_of_the_jumps_learns():
    jumps = FactorizedJumps(4, 2)
    JumpConsistency()(overlapping(), jumps).backward()
    for name, parameter in jumps.named_parameters():
        assert (parameter.grad.flatten(1) != 0).any(dim=1).all(), name


def test_shrinking_the_charts_wins_nothing():
    charts, jumps = overlapping(), FactorizedJumps(4, 2)
    value = JumpConsistency(floor=1e-6)(charts, jumps)
    torch.testing.assert_close(JumpConsistency(floor=1e-6)(charts._replace(local=0.1 * charts.local), jumps), value)


def test_one_chart_and_rows_within_one_chart():
    assert float(JumpConsistency()(Charts(torch.ones(5, 1), local=torch.randn(5, 1, 2)), TiedJumps(1, 2)).detach()) == 0
    sharp = overlapping()._replace(weights=torch.eye(4).repeat(13, 1)[:50])
    assert float(JumpConsistency()(sharp, FactorizedJumps(4, 2)).detach()) == 0


def test_a_random_part_has_the_whole_as_its_mean():
    charts, jumps, term = overlapping(), FactorizedJumps(4, 2), JumpConsistency(rows=10)
    torch.manual_seed(0)
    with torch.no_grad():
        parts = torch.stack([term(charts, jumps) for _ in range(400)])
        torch.testing.assert_close(parts.mean(), JumpConsistency()(charts, jumps), rtol=0.05, atol=0)
    assert parts.std() > 0


def test_the_universal_loss_trains_an_mlp_router_with_views():
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    model = charted_autoencoder(4, 2, charts=3, width=8)
    model.adapt(x)
    terms = universal_terms()
    assert {name: schedule.weight for name, (_, schedule) in terms.items()} == {
        "reconstruction": 1.0,
        "invariance": 25.0,
        "variance": 25.0,
        "covariance": 1.0,
        "entropy": 2.0,
        "balance": 100.0,
        "separation": 10.0,
        "orthogonality": 0.01,
    }
    assert terms["separation"][0].margin == 4.0
    batches = RowBatches(Batch(x=x, view=x + 0.05 * torch.randn(64, 4)), size=32)
    history = fit(model, Objective(terms), batches, Recipe(30, rate=1e-2, log_every=29)).columns()
    assert history["loss"][-1] < history["loss"][0]


def test_a_fit_reaches_jumps_and_charts_of_the_model():
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    model = charted_autoencoder(3, 1, charts=3, width=8)
    before = model.encoder.placements.centres.detach().clone()
    fit(model, Objective({"jumps": JumpConsistency()}), RowBatches(Batch(x=x), size=32), Recipe(5, log_every=5))
    assert not torch.allclose(model.encoder.placements.centres, before)


def test_wrong_input(unchecked: None):
    charts = overlapping()
    with pytest.raises(MissingInput, match=r"JumpConsistency reads `charts\.local`"):
        JumpConsistency()(Charts(charts.weights), lambda local: local)
    with pytest.raises(ShapeError, match=r"jumps to return \(50, 4, 4, 2\); got \(50, 4, 2\)"):
        JumpConsistency()(charts, lambda local: local)
    with pytest.raises(SpecError, match="rows ≥ 1; got 0"):
        JumpConsistency(rows=0)
    with pytest.raises(SpecError, match="finite floor > 0; got 0"):
        JumpConsistency(floor=0.0)
