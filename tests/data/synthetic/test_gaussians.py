"""Blobs, and the three Gaussians whose published figures are found again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.metrics import roc_auc_score

from latentatlas.data.synthetic import blobs, three_gaussians

LAYOUT = np.array([[-2.0, 0.0], [2.0, 0.5], [0.0, 2.5]])


def test_blobs_have_their_declared_sizes_widths_and_distances():
    made = blobs(20_000, shares=(0.5, 0.3, 0.2), sds=(1.0, 0.5, 2.0), separation=10.0, features=5)
    table, truth = made.table, made.truth
    assert np.bincount(table.label).tolist() == [10_000, 6000, 4000]
    apart = np.linalg.norm(truth.centres[:, None] - truth.centres, axis=2)
    np.testing.assert_allclose(apart, 10 * (1 - np.eye(3)), atol=1e-9)
    for cluster in range(3):
        rows = table.x[truth.labels == cluster]
        np.testing.assert_allclose(rows.mean(axis=0), truth.centres[cluster], atol=0.1)
        np.testing.assert_allclose(rows.std(axis=0), truth.sds[cluster], rtol=0.05)
        np.testing.assert_allclose(np.corrcoef(rows.T), np.eye(5), atol=0.06)
    assert len(set(table.label[:20])) > 1, "clusters are mixed"


# --- the published figures of the source ------------------------------------------------------------------------------


def _in_plane(x):
    centred = x - x.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T


def _rescaled(values):
    return (values - values.min()) / (values.max() - values.min())


def _rayleigh_energy(x, k=8):
    """xᵀLx / xᵀx, L the Laplacian of the k features that are most alike by cosine."""
    features = x.T / np.linalg.norm(x.T, axis=1, keepdims=True)
    alike = features @ features.T
    weights = np.zeros_like(alike)
    for row, nearest in enumerate(np.argsort(-alike, axis=1)[:, 1 : k + 1]):
        weights[row, nearest] = alike[row, nearest]
    weights = np.maximum(weights, weights.T)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    return ((x @ laplacian) * x).sum(axis=1) / (x * x).sum(axis=1)


def _lowest_tenth(score):
    return score <= np.quantile(score, 0.1)


def _purity(chosen, labels):
    return np.bincount(labels[chosen]).max() / chosen.sum()


def test_the_published_table_is_found_again():
    """Every row of the source's table that needs no random restarts, to its printed digits."""
    made = three_gaussians()
    x, labels = made.table.x.astype(float), made.truth.labels
    density = _rescaled(gaussian_kde(_in_plane(x).T, bw_method="silverman")(_in_plane(x).T))
    energy = _rescaled(_rayleigh_energy(x))
    lowest = _lowest_tenth(energy)

    def figures(score):
        chosen = _lowest_tenth(score)
        overlap = (chosen & lowest).sum() / (chosen | lowest).sum()
        return round(_purity(chosen, labels), 3), round(overlap, 3), round(energy[chosen].mean(), 4)

    assert figures(energy) == (0.558, 1.0, 0.1081)
    assert figures(density) == (0.383, 0.026, 0.4573), "the source takes LOW density for minima"
    assert figures(0.5 * (1 - density) + 0.5 * energy) == (0.5, 0.148, 0.1645)
    assert np.corrcoef(energy, 1 - density)[0, 1] == pytest.approx(0.0215, abs=5e-5)
    corrected = _lowest_tenth(-density)
    assert (round(_purity(corrected, labels), 3), round(energy[corrected].mean(), 3)) == (0.4, 0.417)


def test_the_honest_figures_of_the_core_are_found_again():
    """Ten seeds: high density finds the core (precision .774, AUROC .983), true centres do (.954, .999)."""

    def figures(score, core):
        return core[_lowest_tenth(score)].mean(), roc_auc_score(core, -score)

    found = []
    for seed in range(42, 52):
        made = three_gaussians(seed=seed)
        plane, core = _in_plane(made.table.x.astype(float)), made.truth.core
        density = gaussian_kde(plane.T, bw_method="silverman")(plane.T)
        found.append([figures(-density, core), figures(_away(made.truth), core)])
    np.testing.assert_allclose(np.mean(found, axis=0), [[0.774, 0.983], [0.954, 0.999]], atol=1e-3)


def _away(truth):
    """Distance of each row from the centre of its cluster in the plane."""
    return np.linalg.norm(truth.parameters - LAYOUT[truth.labels], axis=1)


def test_the_core_is_the_nearest_tenth_of_every_cluster():
    truth = three_gaussians(100).truth
    assert np.bincount(truth.labels).tolist() == [34, 33, 33]
    for cluster in range(3):
        inside, outside = (_away(truth)[(truth.labels == cluster) & (truth.core == core)] for core in (True, False))
        assert len(inside) == 3
        assert inside.max() < outside.min()


def test_the_minima_are_modes_of_the_density_rows_are_drawn_from():
    """Rows are plane @ lift + noise, so their density is a mixture of Gaussians of one covariance: mean-shift stays."""
    truth = three_gaussians().truth
    lift = np.linalg.lstsq(truth.parameters, three_gaussians(noise=1e-9).table.x, rcond=None)[0]
    np.testing.assert_allclose(truth.minima, LAYOUT @ lift, atol=1e-5)
    precision = np.linalg.inv(0.25 * lift.T @ lift + 0.01 * np.eye(32))
    for minimum in truth.minima:
        apart = truth.minima - minimum
        weights = np.exp(-0.5 * ((apart @ precision) * apart).sum(axis=1))
        assert np.abs(weights @ apart / weights.sum()).max() < 1e-5
