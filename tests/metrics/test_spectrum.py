from __future__ import annotations

import numpy as np
import pytest

from latentatlas.metrics import EffectiveRank


def test_round_cloud_uses_all_directions(rng):
    z = rng.normal(size=(20_000, 6))
    assert EffectiveRank()(z) == pytest.approx(6, abs=0.01)
    assert EffectiveRank()(z * [1, 1, 1, 0, 0, 0]) == pytest.approx(3, abs=0.01)


def test_by_hand():
    z = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # variances 9 : 1
    assert EffectiveRank()(z) == pytest.approx(np.exp(-0.9 * np.log(0.9) - 0.1 * np.log(0.1)))


def test_neither_scale_nor_shift_nor_rotation_matters(rng):
    z = rng.normal(size=(200, 4)) * [1, 2, 3, 4]
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    assert EffectiveRank()(100 + 7 * z @ rotation) == pytest.approx(EffectiveRank()(z), rel=1e-6)


@pytest.mark.parametrize("z", [np.zeros((5, 3)), np.full((5, 3), 0.1), np.full((7, 2), 1e6)])
def test_constant_is_zero(z):
    assert EffectiveRank()(z) == 0.0
    assert EffectiveRank()(z.astype(np.float32)) == 0.0
