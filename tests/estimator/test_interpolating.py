"""Patterns between rows."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import torch

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import Table
from latentatlas.estimator import Atlas


def test_the_line_is_straight_in_the_latent_and_ends_at_the_decoded_rows(deep: Atlas, flowers: Table):
    a, b = flowers.x[0], flowers.x[100]
    path = deep.interpolate(a, b, steps=5)
    assert path.shape == (5, 4)
    assert path.dtype == np.float32
    z = deep.transform(flowers.x[[0, 100]])
    np.testing.assert_allclose(path[[0, -1]], deep.inverse_transform(z), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(path[2:3], deep.inverse_transform(z.mean(axis=0, keepdims=True)), rtol=1e-4, atol=1e-4)


def test_pairs_of_rows(deep: Atlas, flowers: Table):
    paths = deep.interpolate(flowers.x[:3], flowers.x[100:103], steps=4)
    assert paths.shape == (3, 4, 4)
    for number, path in enumerate(paths):
        alone = deep.interpolate(flowers.x[number], flowers.x[100 + number], steps=4)
        np.testing.assert_allclose(path, alone, rtol=1e-4, atol=1e-4)
    assert deep.interpolate(flowers.x[:1], flowers.x[1:2]).shape == (1, 10, 4)


def test_other_kinds_of_rows(deep: Atlas, flowers: Table):
    expected = deep.interpolate(flowers.x[0], flowers.x[1], steps=3)
    ends = {
        "list": [flowers.x[row].tolist() for row in (0, 1)],
        "torch": [torch.from_numpy(flowers.x[row]) for row in (0, 1)],
        "series": [pandas.Series(flowers.x[row]) for row in (0, 1)],
    }
    for name, (a, b) in ends.items():
        np.testing.assert_allclose(deep.interpolate(a, b, steps=3), expected, rtol=1e-5, atol=1e-5, err_msg=name)


def test_the_energy_along_the_line(deep: Atlas, flowers: Table):
    z = deep.transform(flowers.x[[0, 100]])
    line = deep.model_.line(z[:1], z[1:], steps=3)
    assert line.shape == (1, 3, 4)
    np.testing.assert_allclose(line[0, 1], z.mean(axis=0), rtol=1e-5)
    energy = deep.model_.energy(line[0])
    np.testing.assert_allclose(energy[[0, -1]], deep.energy(flowers.x[[0, 100]]), rtol=1e-4, atol=1e-4)


def test_bad_input(deep: Atlas, flowers: Table):
    x = flowers.x
    with pytest.raises(SpecError, match=r"^Atlas\.interpolate wants steps ≥ 2, the two ends; got 1\. 10 is usual\.$"):
        deep.interpolate(x[0], x[1], steps=1)
    with pytest.raises(ShapeError, match=r"^Atlas\.interpolate wants as many rows to end as to start; got 2 and 3\."):
        deep.interpolate(x[:2], x[:3])
    with pytest.raises(ShapeError, match=r"^X has 3 features, but Atlas is expecting 4"):
        deep.interpolate(x[0, :3], x[1, :3])
    with pytest.raises(DataError, match=r"^Atlas wants finite numbers"):
        deep.interpolate([1, 2, 3, np.nan], x[1])
