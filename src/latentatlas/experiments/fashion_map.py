"""Study `fashion-map`: that of MNIST, unchanged, on Fashion-MNIST: are the defaults fitted to digits?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from latentatlas.experiments import mnist_map
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import Target

__all__ = ["STUDY", "pictures", "run", "to_markdown"]

STUDY = replace(
    mnist_map.STUDY,
    corpus="fashion_mnist",
    stem="fashion_map",
    targets=(
        Target("KL.1", "≤", 0.054),
        Target("lTrust", "≥", 0.974),
        Target("lCont", "≥", 0.980),
        Target("MSE", "≤", 0.121),
        Target("fit of all rows ÷ umap-learn", "≤", 1.0),
    ),
    shown={
        "TopoAE": {"KL.1": 0.054, "lTrust": 0.956, "lCont": 0.980, "MSE": 0.121},
        "AE": {"lTrust": 0.974},
    },
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method with its defaults; what `cells` holds already is not run again."""
    return STUDY.run(quick=quick, log=log, cells=cells or Cells())


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/fashion_map.md."""
    return STUDY.to_markdown(result)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """Three PNG images by name."""
    return STUDY.pictures(result)
