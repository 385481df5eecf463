from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import average_precision_score

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics import (
    FlatDistortion,
    Hyperbolicity,
    LinkMAP,
    LinkRank,
    StarDistortion,
    TreeDistortion,
    gromov_tree,
)


def binary_tree(nodes: int) -> np.ndarray:
    """Steps between the nodes of a tree in which k has the parent k // 2, with edges of different lengths."""
    chains = [{k >> up for up in range(k.bit_length())} for k in range(1, nodes + 1)]
    return np.array([[sum(1 + 0.1 * node for node in a ^ b) for b in chains] for a in chains])


def cycle(nodes: int) -> np.ndarray:
    apart = np.abs(np.subtract.outer(np.arange(nodes), np.arange(nodes)))
    return np.minimum(apart, nodes - apart).astype(float)


def cloud(rows: int, dim: int) -> np.ndarray:
    x = np.random.default_rng(dim).normal(size=(rows, dim))
    return cdist(x, x)


def naive_delta(d: np.ndarray) -> float:
    worst = 0.0
    for a, b, c, e in combinations(range(len(d)), 4):
        sums = sorted([d[a, b] + d[c, e], d[a, c] + d[b, e], d[a, e] + d[b, c]])
        worst = max(worst, (sums[2] - sums[1]) / 2)
    return worst


def test_hyperbolicity_by_hand_and_by_definition():
    assert Hyperbolicity()(binary_tree(30)) == pytest.approx(0.0, abs=1e-12)
    assert Hyperbolicity()(cycle(8)) == pytest.approx(2 * 2 / 4)  # δ of a cycle of n = 4m edges is m
    d = cloud(12, 3)
    assert Hyperbolicity()(d) == pytest.approx(2 * naive_delta(d) / d.max())
    assert Hyperbolicity()(7 * d) == pytest.approx(Hyperbolicity()(d))
    assert 0 < Hyperbolicity().mean(d) < Hyperbolicity()(d)


def test_random_fours_are_a_lower_bound_that_comes_near():
    d = cloud(61, 2)  # one point too many for all fours
    exact = 2 * naive_delta(d[:40, :40]) / d.max()
    drawn = Hyperbolicity(fours=300_000)(d)
    assert exact - 1e-9 <= drawn <= 1
    assert Hyperbolicity(fours=50)(d) <= Hyperbolicity(fours=300_000)(d)
    assert Hyperbolicity(fours=1_000, seed=1)(d) == Hyperbolicity(fours=1_000, seed=1)(d)


def test_few_points_and_points_that_coincide():
    assert Hyperbolicity()(cloud(3, 2)) == 0.0
    assert Hyperbolicity()(np.zeros((5, 5))) == Hyperbolicity().mean(np.zeros((5, 5))) == 0.0
    for metric in (TreeDistortion(), StarDistortion(), FlatDistortion()):
        assert metric(np.zeros((5, 5))) == 0.0
        assert metric(np.zeros((1, 1))) == 0.0


@pytest.mark.parametrize("root", [0, 5, 20])
def test_the_tree_of_a_tree_is_itself(root: int):
    d = binary_tree(30)
    np.testing.assert_allclose(gromov_tree(d, root), d, atol=1e-9)


def test_the_tree_keeps_distances_to_its_root_and_never_lengthens():
    d = cloud(25, 3)
    tree = gromov_tree(d, 7)
    np.testing.assert_allclose(tree[7], d[7])
    assert (tree <= d + 1e-12).all()
    np.testing.assert_allclose(tree, tree.T)
    assert Hyperbolicity()(tree) == pytest.approx(0.0, abs=1e-9)  # it is one
    bound = naive_delta(d) * 2 * 2 * np.log2(25)  # δ at one base point is at most twice that of fours
    assert (d - tree).max() <= bound


def test_bottlenecks_by_hand():
    """Two heaps far apart: what ways from the root share is what the chain through the nearest pair shares."""
    d = np.array([[0.0, 4, 4, 4], [4, 0, 1, 3], [4, 1, 0, 1], [4, 3, 1, 0]])
    assert gromov_tree(d, 0)[1].tolist() == [4.0, 0.0, 1.0, 1.0]  # 1 and 3 meet where 2 leaves: (1|3) = 3.5


def test_what_data_are_like():
    tree, plane, far = binary_tree(40), cloud(40, 2), cloud(40, 200)
    assert TreeDistortion()(tree) == pytest.approx(0.0, abs=1e-9)
    assert TreeDistortion()(plane) > 0.2
    assert FlatDistortion(2)(plane) == pytest.approx(0.0, abs=1e-9)
    assert FlatDistortion(2)(tree) > 0.2
    assert StarDistortion()(tree) > 0.2
    assert StarDistortion()(far) < 0.05  # nothing belongs together among many independent axes
    assert TreeDistortion()(far) > StarDistortion()(far)


def test_map_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    d, links = cloud(20, 3), rng.uniform(size=(20, 20)) < 0.2
    links[3] = False
    expected = []
    for i in np.flatnonzero(links.any(axis=1)):
        others = np.arange(20) != i
        if links[i, others].any():
            expected.append(average_precision_score(links[i, others], -d[i, others]))
    assert LinkMAP()(d, links) == pytest.approx(np.mean(expected))


def test_ranks_by_definition_and_equal_distances_count_against():
    rng = np.random.default_rng(1)
    d, links = cloud(15, 2), rng.uniform(size=(15, 15)) < 0.3
    np.fill_diagonal(links, False)
    ranks = [
        1 + sum(d[i, k] <= d[i, j] for k in range(15) if k != i and not links[i, k]) for i, j in np.argwhere(links)
    ]
    assert LinkRank()(d, links) == pytest.approx(np.mean(ranks))
    collapsed = np.zeros((15, 15))
    assert LinkMAP()(collapsed, links) < 0.4
    assert LinkRank()(collapsed, links) == pytest.approx(np.mean([15 - links[i].sum() for i, _ in np.argwhere(links)]))


def test_bad_input(unchecked: None):
    d = cloud(6, 2)
    for metric in (Hyperbolicity(), TreeDistortion(), FlatDistortion(), StarDistortion()):
        with pytest.raises(ShapeError, match="wants a square matrix of distances"):
            metric(d[:3])
        for wrong in (-d, np.where(d > 1, np.inf, d), d + np.triu(d), d + np.eye(6)):
            with pytest.raises(DataError, match=r"wants (finite|symmetric) distances"):
                metric(wrong)
    with pytest.raises(ShapeError, match="wants links in a matrix of the shape of the distances, at least one"):
        LinkMAP()(d, np.zeros((6, 6), bool))
    with pytest.raises(ShapeError, match="links"):
        LinkRank()(d, np.ones((5, 5), bool))
    for make in (lambda: Hyperbolicity(0), lambda: TreeDistortion(0), lambda: FlatDistortion(0)):
        with pytest.raises(SpecError, match="at least one"):
            make()
