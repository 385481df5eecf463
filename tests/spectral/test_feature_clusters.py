from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from latentatlas.core import SpecError
from latentatlas.spectral import feature_clusters, feature_laplacian


def blocks(sizes: list[int], noise: float, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Columns that follow one of several hidden signals, in mixed order, and which."""
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    signal = rng.normal(size=(rows, len(sizes)))
    return signal[:, group] + noise * rng.normal(size=(rows, len(group))), group


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("sizes", [[10, 10], [12, 8, 10], [9, 10, 11, 14]])
def test_planted_blocks(sizes, noise):
    x, group = blocks(sizes, noise)
    laplacian = feature_laplacian(x, k=8)
    found = feature_clusters(laplacian)
    assert found.count == len(sizes)
    assert adjusted_rand_score(group, found.labels) == 1
    assert found.cut < 0.2 * len(sizes)
    np.testing.assert_array_equal(feature_clusters(laplacian).labels, found.labels)


def test_the_count_can_be_given():
    x, group = blocks([10, 10, 10], 0.3)
    laplacian = feature_laplacian(x, k=8)
    assert feature_clusters(laplacian, 3).count == 3
    halves = feature_clusters(laplacian, 2)
    assert halves.count == 2
    assert adjusted_rand_score(group, halves.labels) > 0.4
    alone = feature_clusters(laplacian, 1)
    assert (alone.count, alone.cut) == (1, 0.0)


def test_the_cut_by_hand():
    # The path a–b–c with weights ½ and ½: cutting off c leaves ½ of the volume 1.5 and ½ of the volume ½.
    laplacian = feature_laplacian(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]), k=2)
    found = feature_clusters(laplacian, 2)
    assert sorted(np.bincount(found.labels)) == [1, 2]
    assert found.cut == pytest.approx(0.5 / 1.5 + 0.5 / 0.5)


def test_groups_are_numbered_as_they_come():
    x, _ = blocks([10, 10, 10], 0.0)
    _, first = np.unique(feature_clusters(feature_laplacian(x)).labels, return_index=True)
    assert (np.diff(first) > 0).all()


def test_zeros_count_connected_parts_and_columns_of_zeros_belong_to_none():
    x = np.zeros((6, 7))
    x[:3, :3] = x[3:, 4:] = 1.0
    found = feature_clusters(feature_laplacian(x, k=2))
    assert found.labels.tolist() == [0, 0, 0, -1, 1, 1, 1]
    assert np.count_nonzero(found.eigenvalues < 1e-9) == 2
    assert found.cut == 0


def test_eigenvalues_lie_between_zero_and_two(rng):
    values = feature_clusters(feature_laplacian(rng.normal(size=(30, 12)) + 1)).eigenvalues
    assert values.min() >= 0
    assert values.max() <= 2


def test_wrong_input(rng):
    x = rng.normal(size=(30, 6))
    with pytest.raises(SpecError, match="negative similarities"):
        feature_clusters(feature_laplacian(x, k=5, keep_negative=True))
    for count in (0, 7):
        with pytest.raises(SpecError, match=f"1 to 6 groups; got {count}"):
            feature_clusters(feature_laplacian(x + 1, k=5), count)
