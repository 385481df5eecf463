from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.data import log_spectrum, window_statistics


def test_one_wave_has_one_line():
    wave = np.sin(2 * np.pi * 4 * np.arange(64) / 64)[None]
    spectrum = log_spectrum(3 * wave + 5)
    assert spectrum.shape == (1, 33)
    assert spectrum[0].argmax() == 4
    assert np.expm1(spectrum[0, 4]) == pytest.approx(32 * np.sqrt(2)), "amplitude √2 after standardising, n/2 of it"
    np.testing.assert_allclose(np.delete(spectrum[0], 4), 0, atol=1e-9)


def test_statistics_by_hand():
    values = window_statistics(np.array([[[0.0, 4.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]]]))
    assert values.shape == (1, 20)
    assert values[0, :8].tolist() == [2, 2, 0, 4, 2, 4, pytest.approx(np.sqrt(8)), 4]
    assert values[0, 10:].tolist() == [1, 0, 1, 1, 1, 0, 1, 0, 0, 0]


def test_a_constant_window_is_finite():
    assert np.isfinite(log_spectrum(np.ones((2, 3, 8)))).all()


@pytest.mark.parametrize("describe", [log_spectrum, window_statistics])
def test_rows_without_time_are_refused(describe):
    with pytest.raises(ShapeError, match=r"\(n, channels, time\)"):
        describe(np.zeros(5))
    with pytest.raises(ShapeError, match="two samples"):
        describe(np.zeros((5, 1)))
