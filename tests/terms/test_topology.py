from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import Edges, ShapeError, SpecError
from latentatlas.terms import NeighborContrast


def edges_of(n: int, *pairs: tuple[int, int]) -> Edges:
    known = torch.eye(n, dtype=torch.bool)
    for i, j in pairs:
        known[i, j] = known[j, i] = True
    ends = torch.tensor(pairs)
    return Edges(ends[:, 0], ends[:, 1], known)


def naive(z: Tensor, edges: Edges, m: float) -> float:
    """The definition, edge by edge and direction by direction."""

    def q(i: int, j: int) -> float:
        return 1 / (1 + (z[i] - z[j]).square().sum().item())

    losses = []
    for a, b in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        for i, j in ((a, b), (b, a)):
            far = [q(i, other) for other in range(len(z)) if not edges.known[i, other]]
            noise = m * sum(far) / len(far) if far else 0.0
            losses.append(-math.log(q(i, j) / (q(i, j) + noise)))
    return sum(losses) / len(losses)


def test_by_hand():
    z = torch.tensor([[0.0], [1.0], [3.0]])
    value = NeighborContrast(negatives=2.0)(z, edges_of(3, (0, 1)))
    forward = -math.log(0.5 / (0.5 + 2 * 0.1))  # q01 = 1/2, q02 = 1/10
    backward = -math.log(0.5 / (0.5 + 2 * 0.2))  # q12 = 1/5
    assert value.item() == pytest.approx((forward + backward) / 2)


def test_like_the_definition():
    z = torch.randn(9, 3, dtype=torch.float64)
    edges = edges_of(9, (0, 1), (1, 2), (4, 5), (4, 5), (8, 3))  # an edge drawn twice counts twice
    assert NeighborContrast(5.0)(z, edges).item() == pytest.approx(naive(z, edges, 5.0), rel=1e-9)


def test_gradient_against_differences():
    z = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    edges = edges_of(6, (0, 1), (2, 3))
    assert torch.autograd.gradcheck(lambda z: NeighborContrast(4.0)(z, edges), z)


def test_a_step_pulls_neighbours_and_pushes_the_others():
    z = torch.tensor([[0.0], [2.0], [3.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(NeighborContrast(8.0)(z, edges_of(3, (0, 1))), z)
    assert slope[0] < 0  # descent moves row 0 towards its neighbour at 2
    assert slope[2] < 0  # and row 2 away from both
    near, far = torch.tensor([[0.0], [0.1], [9.0]]), torch.tensor([[0.0], [9.0], [0.1]])
    edges = edges_of(3, (0, 1))
    assert NeighborContrast()(near, edges) < NeighborContrast()(far, edges)


def test_known_neighbours_do_not_push():
    z = torch.tensor([[0.0], [1.0], [1.1]])
    pushed = NeighborContrast()(z, edges_of(3, (0, 1)))
    spared = NeighborContrast()(z, edges_of(3, (0, 1))._replace(known=torch.ones(3, 3, dtype=torch.bool)))
    assert pushed > 1
    assert spared.item() == pytest.approx(0, abs=1e-6)


def test_all_rows_in_one_point():
    for m in (1.0, 64.0):
        z = torch.ones(5, 2, requires_grad=True)
        value = NeighborContrast(m)(z, edges_of(5, (0, 1), (2, 3)))
        assert value.item() == pytest.approx(math.log1p(m))
        value.backward()
        assert torch.isfinite(z.grad).all()


def test_a_batch_of_one_edge_has_no_negatives():
    z = torch.randn(2, 2, requires_grad=True)
    value = NeighborContrast()(z, edges_of(2, (0, 1)))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(z.grad).all()


def test_neither_the_origin_nor_the_batch_size_matters():
    z = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    pairs = [(2 * i, 2 * i + 1) for i in range(20)]
    term = NeighborContrast()
    value = term(z, edges_of(40, *pairs))
    torch.testing.assert_close(term(z + 1000, edges_of(40, *pairs)), value, rtol=1e-3, atol=0)
    twice = torch.cat([z, z])
    both = edges_of(80, *pairs, *((40 + i, 40 + j) for i, j in pairs))
    known = both.known | edges_of(40, *pairs).known.repeat(2, 2)
    torch.testing.assert_close(term(twice, both._replace(known=known)), value, rtol=1e-4, atol=0)


def test_far_outliers_stay_finite_in_single_precision():
    z = torch.randn(6, 2)
    z[5] = 1e15
    z.requires_grad_()
    value = NeighborContrast()(z, edges_of(6, (0, 1), (4, 5)))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


def test_bad_input():
    with pytest.raises(ShapeError, match=r"mask of known neighbours; the edges have none.*EdgeBatches"):
        NeighborContrast()(torch.zeros(2, 2), Edges(torch.tensor([0]), torch.tensor([1])))
    for negatives in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(SpecError, match="negatives > 0"):
            NeighborContrast(negatives)
