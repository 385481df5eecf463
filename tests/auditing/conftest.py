"""Rows with a nuisance whose law is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from latentatlas.checks import Leakage, Removal
from latentatlas.metrics import DebiasedCKA, ProbeScore


class Made(NamedTuple):
    """Rows, a nuisance that goes with the label, one that does not, and the label."""

    x: np.ndarray
    tied: np.ndarray
    free: np.ndarray
    label: np.ndarray


@pytest.fixture(scope="session")
def made() -> Made:
    """1,000 rows of eight columns: `tied` in three of them, `free` in one, the label in one."""
    rng = np.random.default_rng(12)
    tied = rng.integers(0, 3, 1000)
    label = (rng.random(1000) < np.array([0.2, 0.5, 0.8])[tied]).astype(int)
    free = rng.integers(0, 2, 1000)
    x = rng.normal(size=(1000, 8))
    x[:, :3] += 2 * np.eye(3)[tied]
    x[:, 4] += 2 * free
    x[:, 5] += 3 * label
    return Made(x, np.array(["ann", "bob", "cy"])[tied], free, label)


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Judges that take no time: one probe, few permutations."""
    return {
        "leakage": Leakage(probes=[ProbeScore()], dependence=DebiasedCKA(rows=300), permutations=99),
        "removal": Removal(probes=[ProbeScore()], permutations=199),
    }
