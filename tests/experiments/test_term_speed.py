from __future__ import annotations

from latentatlas.core import LatentLayout
from latentatlas.experiments.term_speed import (
    generative_term_speed,
    invariance_term_speed,
    partition_term_speed,
    topology_term_speed,
)


def test_every_term_is_timed():
    figures = topology_term_speed(24)
    assert figures["rows"] == 24
    timed = {name: value for name, value in figures.items() if name.endswith(", ms")}
    assert len(timed) == 11
    assert all(0 < value < 1000 for value in timed.values())


def test_terms_of_invariance_are_timed():
    figures = invariance_term_speed(24, 2)
    timed = {name: value for name, value in figures.items() if name.endswith(", ms")}
    assert len(timed) == 15
    assert all(0 < value < 1000 for value in timed.values())
    assert "HSIC, 192 rows, random features, ms" in timed


def test_learning_an_energy_is_timed_beside_the_autoencoder():
    figures = generative_term_speed(24, 2)
    alone = figures["autoencoder step, ms"]
    for name in ("ContrastiveDivergence", "NoiseContrast", "DenoisingScore"):
        assert figures[f"{name}, overhead"] == figures[f"autoencoder + {name}, ms"] / alone - 1


def test_terms_of_partition_are_timed():
    figures = partition_term_speed(24, LatentLayout(invariant=4, variant=2))
    timed = {name: value for name, value in figures.items() if name.endswith(", ms")}
    assert len(timed) == 9
    assert all(0 < value < 1000 for value in timed.values())
    assert "Partition, memory of 192, ms" in timed
