from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.layout import Attraction, GridRepulsion, SampledRepulsion


@pytest.fixture(params=["compiled", "vectors"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "vectors":
        monkeypatch.setattr(sys.modules["latentatlas.layout.forces"], "compiles_on", lambda y: False)
    else:
        pytest.importorskip("numba")


def all_pairs(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    gap = y[:, None, :] - y[None, :, :]
    q = 1 / (1 + gap.square().sum(dim=2))
    return (q.square()[:, :, None] * gap).sum(dim=1), q.sum() - len(y)


def test_attraction_is_the_gradient_of_minus_log_q():
    torch.manual_seed(0)
    dense = torch.rand(12, 12).triu(1)
    dense = dense + dense.T
    y = torch.randn(12, 3, requires_grad=True)
    p = dense / dense.sum()
    loss = (p * torch.log1p((y[:, None] - y[None]).square().sum(dim=2))).sum()
    (slope,) = torch.autograd.grad(loss, y)
    force = Attraction(sp.csr_matrix(dense.numpy().astype(np.float64)))(y.detach())
    torch.testing.assert_close(4 * force, slope, rtol=1e-4, atol=1e-6)


def test_rows_without_edges_are_not_attracted():
    graph = sp.csr_matrix(np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    assert Attraction(graph)(torch.tensor([[0.0], [1.0], [9.0]]))[2].item() == 0.0


@pytest.mark.parametrize("spread", [0.01, 1.0, 20.0])
def test_the_grid_gives_the_sum_over_all_pairs(spread: float):
    torch.manual_seed(1)
    y = spread * torch.randn(400, 2)
    force, total = GridRepulsion()(y)
    wanted, pairs = all_pairs(y)
    thin = spread > 10
    assert float((force - wanted).norm() / wanted.norm()) < (0.07 if thin else 0.01)
    assert float(total) == pytest.approx(float(pairs), rel=0.05 if thin else 0.01)


def test_smaller_boxes_come_nearer():
    torch.manual_seed(2)
    y = 30 * torch.randn(300, 2)
    wanted = all_pairs(y)[0]
    error = [float((GridRepulsion(size=size)(y)[0] - wanted).norm() / wanted.norm()) for size in (2.0, 1.0, 0.5)]
    assert error[2] < error[1] / 3 < error[0] / 9


def test_equal_places_are_finite():
    force, total = GridRepulsion()(torch.zeros(5, 2))
    assert force.abs().max() < 1e-4
    assert float(total) == pytest.approx(20.0, rel=1e-3)


def test_a_sample_of_all_rows_is_exact():
    torch.manual_seed(3)
    y = torch.randn(50, 4)
    force, total = SampledRepulsion(rows=50)(y)
    wanted, pairs = all_pairs(y)
    torch.testing.assert_close(force, wanted, rtol=1e-3, atol=1e-4)
    assert float(total) == pytest.approx(float(pairs), rel=1e-4)


def test_samples_are_right_on_average():
    torch.manual_seed(4)
    y = torch.randn(200, 3)
    repulsion = SampledRepulsion(rows=20)
    draws = [repulsion(y) for _ in range(2000)]
    wanted, pairs = all_pairs(y)
    mean = torch.stack([force for force, _ in draws]).mean(dim=0)
    assert float((mean - wanted).norm() / wanted.norm()) < 0.05
    assert float(torch.stack([total for _, total in draws]).mean()) == pytest.approx(float(pairs), rel=0.01)


@pytest.mark.usefixtures("unchecked")
def test_bad_input():
    with pytest.raises(ShapeError, match=r"plane; got 3 axes\. Take SampledRepulsion"):
        GridRepulsion()(torch.zeros(4, 3))
    with pytest.raises(SpecError, match="size > 0 and boxes ≥ 1"):
        GridRepulsion(size=math.nan)
    with pytest.raises(SpecError, match="rows ≥ 1"):
        SampledRepulsion(rows=0)


@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_forces_are_those_of_vectors(monkeypatch: pytest.MonkeyPatch, threads: int):
    rng = np.random.default_rng(0)
    dense = np.triu(rng.random((501, 501)) * (rng.random((501, 501)) < 0.05), 1)
    graph = sp.csr_matrix(dense + dense.T)
    y = torch.from_numpy(rng.standard_normal((501, 2)).astype(np.float32) * 8)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = Attraction(graph)(y), *GridRepulsion()(y)
        monkeypatch.setattr(sys.modules["latentatlas.layout.forces"], "compiles_on", lambda y: False)
        wanted = Attraction(graph)(y), *GridRepulsion()(y)
    finally:
        torch.set_num_threads(before)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))
