"""Study `fashion-clusters`: that of MNIST, unchanged, on Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from latentatlas.experiments import mnist_clusters
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.clusters.images import BOTH
from latentatlas.experiments.maps.tables import Target

__all__ = ["STUDY", "pictures", "run", "to_markdown"]

STUDY = replace(
    mnist_clusters.STUDY,
    corpus="fashion_mnist",
    stem="fashion_clusters",
    targets=(Target(BOTH, "≥", 0.68),),
    shown={"N2D": 0.672},
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method; what `cells` holds already is not run again."""
    return STUDY.run(quick=quick, log=log, cells=cells or Cells())


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/fashion_clusters.md."""
    return STUDY.to_markdown(result)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    return STUDY.pictures(result)
