from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.metrics import ExplainedVariance, MeanSquaredError


def test_equal_to_sklearn(rng):
    from sklearn.metrics import mean_squared_error, r2_score

    x = rng.normal(size=(50, 6)) * np.arange(1, 7)
    recon = x + rng.normal(size=x.shape)
    assert MeanSquaredError()(x, recon) == pytest.approx(mean_squared_error(x, recon))
    assert ExplainedVariance()(x, recon) == pytest.approx(r2_score(x, recon, multioutput="variance_weighted"))


def test_the_mean_explains_nothing(rng):
    x = rng.normal(size=(30, 4))
    assert ExplainedVariance()(x, np.tile(x.mean(axis=0), (30, 1))) == pytest.approx(0)
    assert ExplainedVariance()(x, -x) < 0


def test_constant_patterns():
    ones = np.ones((5, 2))
    assert ExplainedVariance()(ones, ones) == 1.0
    assert ExplainedVariance()(ones, 2 * ones) == 0.0


def test_per_point_keeps_rows_apart_and_takes_images():
    x = np.zeros((2, 3, 3))
    recon = x.copy()
    recon[1] = 2
    assert MeanSquaredError().per_point(x, recon).tolist() == [0, 4]


@pytest.mark.parametrize("metric", [MeanSquaredError(), ExplainedVariance()])
def test_shapes_must_agree(metric):
    with pytest.raises(ShapeError, match=r"x has \(4, 3\), recon has \(4, 2\)"):
        metric(np.zeros((4, 3)), np.zeros((4, 2)))
