from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph import fuzzy_weights, knn_graph
from latentatlas.layout import PHASES, Phase, arrangement, cells_of, gathered, lay_out, start_of
from latentatlas.layout.arrangement import mean_of_cells

SHORT = (Phase(20, 12.0, momentum=0.5), Phase(20, 1.5))


def groups(rng: np.random.Generator, count: int = 4, each: int = 60) -> tuple[np.ndarray, np.ndarray]:
    centres = 30 * rng.standard_normal((count, 8))
    label = np.repeat(np.arange(count), each)
    return (centres[label] + rng.standard_normal((len(label), 8))).astype(np.float32), label


def graph_of(x: np.ndarray) -> sp.csr_matrix:
    return fuzzy_weights(knn_graph(x, 10))


def test_groups_stay_together_and_apart(rng: np.random.Generator):
    x, label = groups(rng)
    y = lay_out(graph_of(x), start_of(x - x.mean(axis=0), 2))
    assert (label[knn_graph(y, 5).indices] == label[:, None]).mean() == 1.0


def test_equal_arguments_give_equal_places(rng: np.random.Generator):
    x, _ = groups(rng)
    graph, start = graph_of(x), start_of(x, 2)
    first = lay_out(graph, start, x=x, seed=3)
    np.testing.assert_array_equal(first, lay_out(graph, start, x=x, seed=3))
    assert (first != lay_out(graph, start, x=x, seed=4)).any()


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
def test_any_number_of_axes(rng: np.random.Generator, dim: int):
    x, _ = groups(rng)
    y = lay_out(graph_of(x), start_of(x, dim), x=x)
    assert y.shape == (len(x), dim)
    assert y.dtype == np.float32
    assert np.isfinite(y).all()


def test_the_arrangement_raises_the_correlation_of_far_distances(rng: np.random.Generator):
    x, _ = groups(rng, count=8)
    graph, start = graph_of(x), start_of(x, 2)

    def correlation(weight: float) -> float:
        y = lay_out(graph, start, x=x, phases=(*SHORT, Phase(60, 1.2, arrangement=weight)))
        pairs = np.triu_indices(len(x), k=1)
        far = [np.linalg.norm(a[pairs[0]] - a[pairs[1]], axis=1) for a in (x, y)]
        return float(np.corrcoef(*far)[0, 1])

    assert correlation(5.0) > correlation(0.0) + 0.05


def test_the_arrangement_is_a_gradient_where_cells_are_single_rows():
    torch.manual_seed(0)
    x, y = torch.randn(9, 4, dtype=torch.float64), torch.randn(9, 2, dtype=torch.float64, requires_grad=True)
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    lengths = [(a[drawn] - a[drawn.roll(1)]).norm(dim=1) for a in (x, y)]
    lengths = [(a - a.mean()) for a in lengths]
    loss = 1 - (lengths[0] @ lengths[1]) / (lengths[0].norm() * lengths[1].norm())
    (slope,) = torch.autograd.grad(loss, y)
    torch.testing.assert_close(arrangement(y.detach(), x, torch.arange(9), generator=generator), slope)


def test_cells_move_as_one():
    push = mean_of_cells(torch.tensor([[1.0], [3.0], [7.0]]), torch.tensor([0, 0, 2]))
    assert push.ravel().tolist() == [2.0, 2.0, 7.0]


def test_rigid_groups_keep_their_shape(rng: np.random.Generator):
    x, label = groups(rng)
    graph = graph_of(x)
    y = lay_out(graph, start_of(x, 2), phases=SHORT)
    moved = lay_out(graph, y, x=x, phases=PHASES[-1:], cells=label, rigid=True)
    assert np.abs(moved - y).max() > 0.5
    for k in range(4):
        inside = [a[label == k] - a[label == k].mean(axis=0) for a in (y, moved)]
        np.testing.assert_allclose(*inside, atol=1e-3)


def test_gathered_places_keep_centres_and_shape(rng: np.random.Generator):
    y, label = groups(rng)
    near = gathered(y, label, share=0.25)
    for k in range(4):
        np.testing.assert_allclose(near[label == k].mean(axis=0), y[label == k].mean(axis=0), atol=1e-4)
        np.testing.assert_allclose(np.ptp(near[label == k], axis=0), 0.25 * np.ptp(y[label == k], axis=0), rtol=1e-3)
    np.testing.assert_allclose(gathered(y, label, share=1.0), y, atol=1e-5)


def test_cells_part_a_sample_and_all_others_follow(rng: np.random.Generator):
    y = np.concatenate([rng.normal(0, 0.1, (15_000, 2)), rng.normal(9, 0.1, (15_000, 2))]).astype(np.float32)
    cells = cells_of(y, 2, seed=0)
    assert len(set(cells[:15_000])) == len(set(cells[15_000:])) == 1
    assert cells[0] != cells[-1]


def test_every_step_is_told(rng: np.random.Generator):
    x, _ = groups(rng)
    told = []
    lay_out(graph_of(x), start_of(x, 2), phases=SHORT, on_step=lambda: told.append(1))
    assert len(told) == 40


def test_components_without_an_edge_between_them_stay_in_one_frame(rng: np.random.Generator):
    x = np.concatenate([rng.normal(0, 1, (80, 5)), rng.normal(500, 1, (80, 5))]).astype(np.float32)
    graph = graph_of(x)
    assert sp.csgraph.connected_components(graph)[0] == 2
    y = lay_out(graph, start_of(x - x.mean(axis=0), 2), x=x)
    gap = np.linalg.norm(y[:80].mean(axis=0) - y[80:].mean(axis=0))
    width = max(np.linalg.norm(part - part.mean(axis=0), axis=1).mean() for part in (y[:80], y[80:]))
    assert width < gap < 20 * width


def test_few_columns_are_filled_up():
    assert start_of(np.array([[1.0], [-1.0]], np.float32), 3).tolist() == [
        [pytest.approx(1e-4), 0, 0],
        [pytest.approx(-1e-4), 0, 0],
    ]


@pytest.mark.usefixtures("unchecked")
def test_bad_input(rng: np.random.Generator):
    x, label = groups(rng)
    graph = graph_of(x)
    with pytest.raises(ShapeError, match=r"one place and one pattern per graph node; got .* 239 places"):
        lay_out(graph, start_of(x[:-1], 2))
    with pytest.raises(ShapeError, match="3 patterns"):
        lay_out(graph, start_of(x, 2), x=x[:3])
    with pytest.raises(SpecError, match="a graph with edges"):
        lay_out(sp.csr_matrix((240, 240)), start_of(x, 2))
    with pytest.raises(SpecError, match="0 < share ≤ 1"):
        gathered(x, label, share=0.0)
