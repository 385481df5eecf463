from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from latentatlas.core import Charts, MissingInput, ShapeError, SpecError
from latentatlas.geometry import PoincareBall
from latentatlas.terms import (
    ChartCovariance,
    ChartInvariance,
    ChartVariance,
    Commitment,
    Covariance,
    DetailBudget,
    TextureBudget,
)


def charts_of(n: int = 40, count: int = 3, dim: int = 2) -> Charts:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(n, count, dtype=torch.float64, generator=generator).softmax(dim=1)
    return Charts(weights, local=torch.randn(n, count, dim, dtype=torch.float64, generator=generator))


def covariances(charts: Charts) -> list[np.ndarray]:
    """Those of NumPy, with weights of reliability."""
    return [np.cov(charts.local[:, k].T.numpy(), aweights=charts.weights[:, k].numpy()) for k in range(3)]


def test_variance_and_covariance_are_those_of_numpy():
    charts = charts_of()
    found = covariances(charts)
    short = [np.clip(2 - np.sqrt(np.diag(c) + 1e-4), 0, None).mean() for c in found]
    assert float(ChartVariance(2.0, rows=2)(charts)) == pytest.approx(np.mean(short))
    apart = [2 * c[0, 1] ** 2 / 2 for c in found]
    assert float(ChartCovariance(rows=2)(charts)) == pytest.approx(np.mean(apart))


def test_one_chart_of_equal_weights_is_the_plain_term():
    local = torch.randn(30, 3)
    charts = Charts(torch.ones(30, 1), local=local[:, None])
    torch.testing.assert_close(ChartCovariance()(charts), Covariance()(local))


def test_charts_with_few_effective_rows_are_passed_over():
    """Weights ½, ½, 0, … are 2 effective rows, equal weights of n rows are n."""
    weights = torch.zeros(10, 2)
    weights[:, 0] = 1.0
    weights[:2, 1] = 0.5
    local = torch.zeros(10, 2, 1)
    local[:, 0, 0] = torch.tensor([-1.0, 1.0]).repeat(5) * math.sqrt(0.9 * 0.25)  # variance ¼
    charts = Charts(weights, local=local)
    assert float(ChartVariance(rows=3)(charts)) == pytest.approx(1 - math.sqrt(0.25 + 1e-4), abs=1e-6)
    both = (1 - math.sqrt(0.25 + 1e-4) + 1 - 0.01) / 2
    assert float(ChartVariance(rows=2)(charts)) == pytest.approx(both, abs=1e-6)
    for term in (ChartVariance(rows=11), ChartCovariance(rows=11)):
        assert float(term(charts)) == 0


def test_a_blend_may_spread_while_charts_are_points():
    weights = torch.eye(2).repeat(10, 1)
    local = torch.tensor([[[0.0], [9.0]]]).repeat(20, 1, 1)
    assert float(ChartVariance(rows=2)(Charts(weights, local=local))) == pytest.approx(0.99)


def test_the_push_is_outwards_and_memberships_get_none():
    charts = charts_of()
    weights, local = charts.weights.clone().requires_grad_(), (0.1 * charts.local).requires_grad_()
    ChartVariance()(Charts(weights, local=local)).backward()
    centred = local.detach() - local.detach().mean(dim=0)
    assert (local.grad * centred).sum() < 0
    assert weights.grad is None


def test_one_row_and_one_axis():
    charts = Charts(torch.ones(1, 2) / 2, local=torch.zeros(1, 2, 1), texture=torch.zeros(1, 2, 1))
    for term in (ChartVariance(), ChartCovariance(), TextureBudget()):
        assert float(term(charts)) == 0
    assert float(ChartCovariance(rows=2)(charts_of(dim=1))) == 0


def test_invariance_by_hand():
    weights = torch.tensor([[0.25, 0.75]])
    local, other = torch.zeros(1, 2, 2), torch.tensor([[[2.0, 0.0], [0.0, 0.0]]])
    value = ChartInvariance()(
        Charts(weights, local=local), torch.zeros(1, 3), lambda view: Charts(weights, local=other)
    )
    assert float(value) == pytest.approx(0.25 * 2)


def test_commitment_draws_rows_to_codes_and_counts_memberships():
    weights = torch.tensor([[0.25, 0.75]], requires_grad=True)
    local = torch.tensor([[[1.0], [2.0]]], requires_grad=True)
    code = torch.tensor([[[0.0], [4.0]]], requires_grad=True)
    value = Commitment()(Charts(weights, local=local, quantised=code))
    assert float(value.detach()) == pytest.approx(0.25 + 0.75 * 4)
    value.backward()
    torch.testing.assert_close(local.grad.flatten(), torch.tensor([0.5, -3.0]))
    assert code.grad is None
    assert weights.grad is None


def test_detail_within_its_budget_is_free():
    charts = Charts(torch.ones(2, 1), detail=torch.tensor([[[1.0]], [[3.0]]]))
    assert float(DetailBudget(4.0)(charts)) == pytest.approx(1.0)
    assert float(DetailBudget(5.0)(charts)) == 0
    assert float(DetailBudget(0.0)(charts)) == pytest.approx(5.0)


def test_texture_by_hand_and_at_its_best():
    """Axes of mean 1 and variance 1 in one chart: ½ a nat for each axis."""
    pair = torch.tensor([-1.0, 1.0]).repeat(500)[:, None].expand(-1, 2) * math.sqrt(0.999)
    charts = Charts(torch.ones(1000, 1), texture=pair[:, None])
    assert float(TextureBudget()(charts)) == pytest.approx(0, abs=1e-4)
    assert float(TextureBudget()(charts._replace(texture=pair[:, None] + 1))) == pytest.approx(1.0, abs=1e-4)
    doubled = float(TextureBudget()(charts._replace(texture=2 * pair[:, None])))
    assert doubled == pytest.approx(2 * (4 - 1 - math.log(4)) / 2, abs=1e-4)


def test_texture_counts_charts_by_their_share():
    texture = torch.randn(60, 2, 1, dtype=torch.float64)
    weights = torch.full((60, 2), 0.5, dtype=torch.float64)
    weights[:, 0], weights[:, 1] = 0.75, 0.25
    alone = [TextureBudget()(Charts(torch.ones(60, 1).double(), texture=texture[:, k : k + 1])) for k in range(2)]
    both = TextureBudget()(Charts(weights, texture=texture))
    torch.testing.assert_close(both, 0.75 * alone[0] + 0.25 * alone[1])


def test_no_texture_costs_nothing():
    assert float(TextureBudget()(Charts(torch.ones(20, 1), texture=torch.zeros(20, 1, 0)))) == 0


def test_wrong_input(unchecked: None):
    bare = Charts(torch.ones(3, 1))
    for term in (ChartVariance(), ChartCovariance(), Commitment()):
        with pytest.raises(MissingInput, match=rf"^{type(term).__name__} reads `charts\.local`"):
            term(bare)
    with pytest.raises(MissingInput, match=r"^Commitment reads `charts\.quantised`"):
        Commitment()(Charts(torch.ones(3, 1), local=torch.zeros(3, 1, 1)))
    with pytest.raises(MissingInput, match=r"^DetailBudget reads `charts\.detail`"):
        DetailBudget()(bare)
    with pytest.raises(MissingInput, match=r"^TextureBudget reads `charts\.texture`"):
        TextureBudget()(bare)
    with pytest.raises(ShapeError, match="Pass one view for each row"):
        ChartInvariance()(charts_of(), torch.zeros(1, 1), lambda view: charts_of(n=3))
    for make in (ChartVariance, ChartCovariance, TextureBudget):
        with pytest.raises(SpecError, match="wants rows ≥ 2"):
            make(rows=1)
    with pytest.raises(SpecError, match="finite target > 0; got 0"):
        ChartVariance(0.0)
    with pytest.raises(SpecError, match="finite budget ≥ 0; got -1"):
        DetailBudget(-1.0)


def test_commitment_in_a_ball_is_the_distance_of_the_points():
    """Vectors of 1 in two directions stand for points cosh⁻¹(cosh² 2) apart, more than in flat space."""
    charts = Charts(torch.ones(1, 1), local=torch.tensor([[[1.0, 0.0]]]), quantised=torch.tensor([[[0.0, 1.0]]]))
    wanted = math.acosh(math.cosh(2) ** 2) ** 2 / 2
    assert float(Commitment(geometry=PoincareBall())(charts)) == pytest.approx(wanted, rel=1e-5)
    assert float(Commitment()(charts)) == pytest.approx(1.0)
