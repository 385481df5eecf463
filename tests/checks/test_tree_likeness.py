from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from latentatlas.checks import Evidence, Status, TreeLikeness, advise_geometry
from latentatlas.core import DataError, ShapeError
from latentatlas.geometry import Euclidean, PoincareBall


def ancestors(nodes: int) -> np.ndarray:
    """Rows of a tree in which k has the parent k // 2: 1 at the node and its ancestors."""
    return np.array(
        [[float(any(k >> up == j for up in range(12))) for j in range(1, nodes + 1)] for k in range(1, nodes + 1)]
    )


def test_a_tree_asks_for_a_ball_and_a_cloud_does_not():
    tree = advise_geometry(np.square(cdist(ancestors(63), ancestors(63))))  # squares count steps
    assert isinstance(tree.space, PoincareBall)
    assert tree.tree == pytest.approx(0.0, abs=1e-9)
    assert tree.hyperbolicity == pytest.approx(0.0, abs=1e-9)
    assert min(tree.flat, tree.star) > 0.2
    x = np.random.default_rng(0).normal(size=(80, 2))
    cloud = advise_geometry(cdist(x, x))
    assert isinstance(cloud.space, Euclidean)
    assert cloud.flat == pytest.approx(0.0, abs=1e-9)


def test_distances_that_are_merely_alike_ask_for_no_ball():
    x = np.random.default_rng(0).normal(size=(120, 50))
    advice = advise_geometry(cdist(x, x))
    assert isinstance(advice.space, Euclidean)
    assert advice.star < advice.tree < advice.flat  # a tree beats two flat axes, and yet there is none


def test_the_sample_is_seeded():
    x = np.random.default_rng(0).normal(size=(60, 3))
    d = cdist(x, x)
    assert advise_geometry(d, points=20, seed=1)[1:] == advise_geometry(d, points=20, seed=1)[1:]
    assert advise_geometry(d, points=20, seed=1)[1:] != advise_geometry(d, points=20, seed=2)[1:]


def test_the_check_tells_the_numbers():
    (passed,) = TreeLikeness()(Evidence(x=ancestors(63)))
    assert passed.status is Status.PASS
    assert passed.value < 0.5
    (failed,) = TreeLikeness()(Evidence(x=np.random.default_rng(0).normal(size=(80, 2))))
    assert failed.status is Status.FAIL
    assert "flat space" in failed.remedy
    for few in (np.zeros((40, 3)), np.eye(5)):
        (skipped,) = TreeLikeness()(Evidence(x=few))
        assert skipped.status is Status.SKIP


def test_bad_distances(unchecked: None):
    with pytest.raises(ShapeError, match=r"^advise_geometry wants a square matrix for at least 8 points; got \(4, 4\)"):
        advise_geometry(np.zeros((4, 4)))
    with pytest.raises(ShapeError, match="square matrix"):
        advise_geometry(np.zeros((9, 8)))
    with pytest.raises(DataError, match="finite distances"):
        advise_geometry(np.full((9, 9), np.inf))
