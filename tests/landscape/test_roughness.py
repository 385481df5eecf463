"""What stands out from roughness: a noise level with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from latentatlas.core import ShapeError
from latentatlas.landscape import find_minima
from latentatlas.landscape.roughness import rough_prominence


def _ring(n: int, k: int) -> np.ndarray:
    steps = [step for half in range(1, k // 2 + 1) for step in (half, -half)]
    return (np.arange(n)[:, None] + steps) % n


def test_independent_noise_gives_its_standard_deviation(rng):
    n, k = 20_000, 10
    found = rough_prominence(3.0 * rng.normal(size=n), _ring(n, k))
    assert found == pytest.approx(float(norm.isf(0.05 * k / n)) * math.sqrt(2) * 3.0, rel=0.03)


def test_a_well_in_noise_stands_out(rng):
    n = 2_000
    x = np.linspace(-2, 2, n)
    energy = 20 * np.square(np.square(x) - 1) + 0.5 * rng.normal(size=n)
    graph = _ring(n, 10)
    assert len(find_minima(energy, graph).merged(prominence=rough_prominence(energy, graph)).minima) == 2


def test_units_and_offsets_do_not_matter(rng):
    energy, graph = rng.normal(size=500), _ring(500, 6)
    assert rough_prominence(1e6 * energy + 7, graph) == pytest.approx(1e6 * rough_prominence(energy, graph))


def test_flat_and_missing():
    assert rough_prominence(np.ones(9), _ring(9, 2)) == 0.0
    assert rough_prominence(np.arange(3.0), np.full((3, 2), -1)) == 0.0


def test_one_energy_per_row_is_wanted(unchecked):
    with pytest.raises(ShapeError, match="each of 4 rows of neighbours; got 3"):
        rough_prominence(np.zeros(3), _ring(4, 2))
