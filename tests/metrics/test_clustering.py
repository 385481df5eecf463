from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from latentatlas.metrics import (
    AdjustedMutualInfo,
    AdjustedRand,
    ClusteringAccuracy,
    NormalizedMutualInfo,
    Purity,
    VMeasure,
    contingency,
)


@pytest.fixture
def partitions(rng):
    label = rng.integers(0, 4, size=200)
    basins = np.where(rng.random(200) < 0.7, (label + 1) % 4, rng.integers(0, 4, size=200))
    return np.array(["d", "c", "b", "a"])[label], basins


def test_equal_to_sklearn(partitions):
    from sklearn import metrics

    assert AdjustedRand()(*partitions) == pytest.approx(metrics.adjusted_rand_score(*partitions))
    assert AdjustedMutualInfo()(*partitions) == pytest.approx(metrics.adjusted_mutual_info_score(*partitions))
    assert NormalizedMutualInfo()(*partitions) == pytest.approx(metrics.normalized_mutual_info_score(*partitions))
    assert VMeasure()(*partitions) == pytest.approx(NormalizedMutualInfo()(*partitions))
    assert VMeasure(beta=0.5)(*partitions) == pytest.approx(metrics.v_measure_score(*partitions, beta=0.5))
    np.testing.assert_array_equal(contingency(*partitions), metrics.cluster.contingency_matrix(*partitions))


def test_accuracy_equals_the_best_of_all_matchings(partitions):
    table = contingency(*partitions)
    best = max(sum(table[i, order[i]] for i in range(4)) for order in permutations(range(4)))
    assert ClusteringAccuracy()(*partitions) == pytest.approx(best / 200)


def test_splitting_a_class_costs_accuracy_but_not_purity():
    label, basins = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 2, 2, 1, 1])
    assert ClusteringAccuracy()(label, basins) == pytest.approx(4 / 6)
    assert Purity()(label, basins) == 1.0


def test_merging_classes_costs_both():
    label, basins = np.array([0, 0, 0, 1, 1, 2]), np.zeros(6, dtype=int)
    assert ClusteringAccuracy()(label, basins) == Purity()(label, basins) == 0.5
    assert AdjustedRand()(label, basins) == 0.0


def test_many_basins_without_relation_are_no_agreement_once_chance_is_taken_off(rng):
    label, basins = rng.integers(0, 4, size=200), rng.integers(0, 40, size=200)
    assert NormalizedMutualInfo()(label, basins) > 0.1
    assert abs(AdjustedMutualInfo()(label, basins)) < 0.05


@pytest.mark.parametrize(
    "metric",
    [ClusteringAccuracy(), Purity(), AdjustedMutualInfo(), AdjustedRand(), NormalizedMutualInfo(), VMeasure()],
)
def test_names_do_not_matter(metric, partitions):
    label, basins = partitions
    renamed = np.array([f"basin {9 - b}" for b in basins])
    assert metric(label, renamed) == pytest.approx(metric(label, basins))
    assert metric(label.astype(object), basins) == pytest.approx(metric(label, basins))
