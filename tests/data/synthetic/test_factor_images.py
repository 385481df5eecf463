from __future__ import annotations

import numpy as np
import pytest

from latentatlas.data.synthetic import factor_images
from latentatlas.data.synthetic.factor_images import _SHAPES, _drawn


@pytest.fixture(scope="module")
def whole():
    return factor_images(12_288)


def _images(made):
    return made.table.x.reshape(-1, *made.table.item_shape)


def test_all_combinations_once(whole):
    factors = whole.truth.factors
    assert list(factors) == ["shape", "scale", "orientation", "x", "y"]
    combinations = set(zip(*(values.tolist() for values in factors.values()), strict=True))
    assert len(combinations) == 12_288
    np.testing.assert_array_equal(whole.table.label, factors["shape"])
    np.testing.assert_array_equal(_SHAPES[whole.truth.labels], factors["shape"])


def _squared_distances(x, y):
    return (x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * x @ y.T


def test_pictures_differ_exactly_where_factors_do(whole):
    """No two of all the pictures are near each other, and drawing the same factors again gives the same picture."""
    x, asked = whole.table.x.astype(float), np.arange(0, 12_288, 12)
    squared = _squared_distances(x[asked], x)
    squared[np.arange(len(asked)), asked] = np.inf
    assert squared.min() > 0.25, "half a full pixel"
    again = _drawn(whole.truth.labels[:50], whole.truth.parameters[:50], 32)
    np.testing.assert_array_equal(again, whole.table.x[:50])


def test_factors_can_be_read_off_noisy_pictures(whole):
    noisy = factor_images(500, noise=0.05, seed=1)
    nearest = _squared_distances(noisy.table.x.astype(float), whole.table.x.astype(float)).argmin(axis=1)
    for factor, values in noisy.truth.factors.items():
        np.testing.assert_array_equal(whole.truth.factors[factor][nearest], values)


def test_place_size_and_shape_are_where_they_are_declared(whole):
    images, factors = _images(whole).astype(float), whole.truth.factors
    assert (images.min(), images.max()) == (0, 1)
    border = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
    assert not border.any(), "no shape is cut off"
    area = images.sum(axis=(1, 2))
    for shape, covered in (("triangle", 1.6 * 0.6), ("ell", 0.5 * 1.6 + 0.7 * 0.5), ("half_disc", 0.81 * np.pi / 2)):
        rows = factors["shape"] == shape
        expected = covered * (0.2 * 32 * factors["scale"][rows]) ** 2
        np.testing.assert_allclose(area[rows], expected, rtol=0.08)
    middle = (np.arange(32) + 0.5) / 32
    centre_x, centre_y = (images.sum(axis=1) @ middle) / area, (images.sum(axis=2) @ middle) / area
    assert np.hypot(centre_x - factors["x"], centre_y - factors["y"]).max() < 0.2 * 0.5


def test_orientation_turns_the_picture_counterclockwise():
    pictures = _drawn(np.zeros(2, int), np.array([[1.0, 0.0, 0.5, 0.5], [1.0, np.pi / 2, 0.5, 0.5]]), 32)
    right, up = pictures.reshape(2, 32, 32)
    np.testing.assert_allclose(np.rot90(right), up, atol=1e-6)
    tip = np.flatnonzero(up[:, 15:17].sum(axis=1) > 0.1)[0]
    assert tip == pytest.approx(16 - 0.2 * 32, abs=1.5), "the triangle points up"


def test_the_pictures_of_one_shape_vary_in_four_directions():
    for shape in range(3):
        at, step = np.array([0.8, 1.0, 0.5, 0.5]), 1e-4
        moved = np.concatenate([at + step * np.eye(4), at - step * np.eye(4)])
        pictures = _drawn(np.full(8, shape), moved, 32).astype(float)
        slopes = (pictures[:4] - pictures[4:]) / (2 * step)
        slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
        assert np.linalg.svd(slopes, compute_uv=False).min() > 0.2


def test_a_sample_is_a_part_of_all(whole):
    sample = factor_images(100, seed=5)
    everything = {tuple(row) for row in whole.truth.parameters}
    assert all(tuple(row) in everything for row in sample.truth.parameters)
    assert sample.table.x.shape == (100, 1024)
    larger = factor_images(3, pixels=64)
    assert larger.table.item_shape == (64, 64)
