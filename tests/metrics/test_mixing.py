"""Scores of mixing: answers by hand, and those of scib-metrics on a fixture.

The expected numbers were computed once with scib-metrics 0.5.10 (jax 0.10.2, scikit-learn 1.9.1) on the rows that
`fixture_rows` makes, with exact neighbours that count the row itself:

    d, i = NearestNeighbors(n_neighbors=90).fit(z).kneighbors(z)
    near = NeighborsResults(indices=i, distances=d)
    ilisi_knn(near, batch), clisi_knn(near, label)
    kbet(near.subset_neighbors(k), batch)[0], graph_connectivity(near.subset_neighbors(k), label)
    nmi_ari_cluster_labels_kmeans(z, label)
"""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError, SpecError
from latentatlas.metrics import (
    AdjustedRand,
    ConservedLabels,
    GraphConnectivity,
    LabelLISI,
    MixingAcceptance,
    MixingLISI,
)
from latentatlas.metrics.mixing import inverse_simpson


@pytest.fixture(scope="module")
def fixture_rows():
    """300 rows of three labels in two batches, one of which is shifted."""
    rng = np.random.default_rng(0)
    label, batch = np.arange(300) % 3, rng.integers(0, 2, 300)
    z = rng.normal(size=(300, 4)) + 3 * np.eye(4)[label] + 1.2 * np.eye(4)[3] * batch[:, None]
    return z.astype(np.float32), label, batch


@pytest.mark.parametrize(
    ("metric", "which", "expected"),
    [
        (MixingLISI(), "batch", 0.7736735343933105),
        (LabelLISI(), "label", 0.9831184148788452),
        (MixingAcceptance(50), "batch", 0.6466666666666666),
        (MixingAcceptance(15), "batch", 0.61),
        (GraphConnectivity(15), "label", 0.9899999999999999),
        (GraphConnectivity(5), "label", 0.88),
        (GraphConnectivity(3), "label", 0.09666666666666668),
        (ConservedLabels(), "label", 0.865641166082293),
        (ConservedLabels(AdjustedRand()), "label", 0.9113706336858551),
    ],
    ids=["ilisi", "clisi", "kbet 50", "kbet 15", "graph 15", "graph 5", "graph 3", "nmi", "ari"],
)
def test_equal_to_scib_metrics(fixture_rows, metric, which, expected):
    z, label, batch = fixture_rows
    assert metric(z, batch if which == "batch" else label) == pytest.approx(expected, abs=2e-6)


def slow_lisi(z, code, k):
    """The definition, row by row, with a root finder for β."""
    from scipy.optimize import brentq

    found = []
    for row in range(len(z)):
        distance = np.linalg.norm(z - z[row], axis=1)
        near = np.argsort(distance, kind="stable")
        near = near[near != row][: k - 1]
        d = distance[near]

        def gap(log_beta, d=d):
            weight = np.exp(-np.exp(log_beta) * (d - d[0]))
            weight /= weight.sum()
            return -(weight * np.log(np.maximum(weight, 1e-300))).sum() - np.log(k // 3)

        weight = np.exp(-np.exp(brentq(gap, -20, 20)) * (d - d[0]))
        weight /= weight.sum()
        found.append(1 / sum(weight[code[near] == c].sum() ** 2 for c in np.unique(code)))
    return np.array(found)


def test_lisi_equals_its_definition(rng):
    z, code = rng.normal(size=(60, 2)).astype(np.float32), rng.integers(0, 3, 60)
    np.testing.assert_allclose(inverse_simpson(z, code, k=20), slow_lisi(z, code, 20), atol=1e-3)


def test_lisi_of_rows_far_away(rng):
    """Weights do not vanish where all distances are large, nor where all rows are equal."""
    z = 1e4 * rng.normal(size=(40, 2)) + 1e6
    assert inverse_simpson(z, np.arange(40) % 2, k=10).min() >= 1
    np.testing.assert_allclose(inverse_simpson(np.zeros((40, 2)), np.zeros(40, int), k=10), 1.0)


def test_mixed_and_separate_batches(rng):
    z = rng.normal(size=(400, 3))
    batch = np.arange(400) % 2
    apart = z + 20 * batch[:, None]
    assert MixingLISI()(z, batch) > 0.9
    assert MixingLISI()(apart, batch) == 0.0
    assert 0.85 < MixingAcceptance()(z, batch) <= 1
    assert MixingAcceptance()(apart, batch) == 0.0
    assert GraphConnectivity()(z, np.zeros(400, int)) > 0.95
    assert GraphConnectivity()(apart, np.zeros(400, int)) == pytest.approx(0.5, abs=0.03)


def test_one_batch_is_mixed_and_one_label_is_kept(rng):
    z, same = rng.normal(size=(100, 2)), np.zeros(100, int)
    assert MixingLISI()(z, same) == MixingAcceptance()(z, same) == LabelLISI()(z, same) == 1.0


def test_names_do_not_matter(fixture_rows):
    z, _, batch = fixture_rows
    assert MixingLISI()(z, np.array(["x", "a"])[batch]) == MixingLISI()(z, batch)


@pytest.mark.parametrize("metric", [MixingLISI(), LabelLISI(), MixingAcceptance(), GraphConnectivity()])
def test_fewer_rows_than_the_neighbourhood(rng, metric):
    with pytest.raises(ShapeError, match="wants as many rows; got 10"):
        metric(rng.normal(size=(10, 2)), np.arange(10) % 2)


def test_bad_settings():
    for kind in (MixingLISI, LabelLISI, MixingAcceptance, GraphConnectivity):
        with pytest.raises(SpecError, match="k of at least 2"):
            kind(1)
    with pytest.raises(SpecError, match="alpha between 0 and 1"):
        MixingAcceptance(alpha=1.0)
