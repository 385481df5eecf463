from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentatlas.experiments import run_study
from latentatlas.experiments.hierarchy import pictures, to_markdown
from latentatlas.experiments.hierarchy.embedding import Protocol, embed, matrix_of
from latentatlas.experiments.hierarchy.figures import branches, named
from latentatlas.experiments.hierarchy.measuring import Mammals, judged, principal_axes
from latentatlas.geometry import Euclidean, PoincareBall


def tree(nodes: int = 31) -> Mammals:
    """k has the parent k // 2."""
    node = range(1, nodes + 1)
    links = np.array([[any(k >> up == j for up in range(1, 8)) for j in node] for k in node])
    parents = np.array([[k >> 1 == j for j in node] for k in node])
    return Mammals(tuple(f"node {k}" for k in node), links, parents)


def test_a_tree_is_learnt_in_a_ball_and_the_loss_falls():
    links, protocol = tree().links, Protocol(steps=250, burn=30, batch=64, negatives=10)
    short = embed(links, PoincareBall(), 3, protocol._replace(steps=40), rate=0.05, seed=0)
    found = embed(links, PoincareBall(), 3, protocol, rate=0.05, seed=0)
    assert found.loss < short.loss
    assert (np.linalg.norm(found.points, axis=1) < 1).all()
    values = judged(matrix_of(found.points, PoincareBall()), links)
    assert values["MAP"] > 0.8
    rows = judged(matrix_of(np.random.default_rng(0).normal(size=(31, 3)), Euclidean()), links)
    assert rows["MAP"] < 0.4


def test_the_same_seed_gives_the_same_points():
    protocol = Protocol(steps=5, burn=2, batch=8, negatives=3)
    first, again, other = (embed(tree(7).links, Euclidean(), 2, protocol, rate=0.1, seed=s).points for s in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_principal_axes_hold_all_when_there_are_enough():
    links = tree(7).links
    rows = (links + np.eye(7)).astype(float)
    wanted = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    np.testing.assert_allclose(matrix_of(principal_axes(links, 7), Euclidean()), wanted, atol=1e-9)


def test_branches_and_names():
    kinds = branches(tree(7))  # without a placental mammal: below the root, node 1
    assert kinds.tolist() == [-1, 0, 1, 0, 0, 1, 1]
    points = np.zeros((7, 2))
    points[2] = 0.5
    assert named(points, tree(7)) == [0, 2]  # the largest at each place


def test_quick_run(data_home: Path, tmp_path: Path):
    result = run_study("hierarchy", tmp_path, quick=True, log=lambda line: None)
    page = (tmp_path / "hierarchy.md").read_text()
    assert "Targets are for a full run." in page
    assert page.count("| principal axes of the ancestors |") == 3
    assert (tmp_path / "hierarchy.png").stat().st_size > 10_000
    likeness = result["likeness"]
    assert likeness["a tree, two branches at each node"]["tree"] == pytest.approx(0.0, abs=1e-9)
    assert likeness["Gaussian, 20 axes"]["star"] < likeness["Gaussian, 20 axes"]["tree"]
    full = to_markdown(result | {"quick": False})
    assert "MAP of the ball, 5 axes" in full
    assert set(pictures(result)) == {"hierarchy"}
