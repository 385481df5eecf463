"""Study `mnist-map`: a map of MNIST under the protocols of Parametric UMAP and of topological autoencoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.images import ImageMapStudy
from latentatlas.experiments.maps.tables import Target

__all__ = ["STUDY", "pictures", "run", "to_markdown"]

STUDY = ImageMapStudy(
    corpus="mnist",
    stem="mnist_map",
    targets=(
        Target("trust", "≥", 0.970),
        Target("continuity", "≥", 0.970),
        Target("5-NN", "≥", 0.965),
        Target("V", "≥", 0.87),
        Target("triplets", "≥", 0.671),
        Target("KL.1", "≤", 0.110),
        Target("lTrust", "≥", 0.938),
        Target("lCont", "≥", 0.940),
        Target("MSE", "≤", 0.139),
        Target("fit of all rows ÷ umap-learn", "≤", 1.0),
        Target("transform, s", "≤", 0.15),
        Target("inverse, s", "≤", 0.2),
    ),
    shown={
        "PCA": {"trust": 0.743, "continuity": 0.936, "5-NN": 0.420, "V": 0.323, "triplets": 0.676, "KL.1": 0.163},
        "AE": {"trust": 0.966, "continuity": 0.961, "5-NN": 0.793, "V": 0.409, "triplets": 0.645, "KL.1": 0.155},
        "UMAP": {
            "trust": 0.960,
            "continuity": 0.970,
            "5-NN": 0.954,
            "V": 0.838,
            "triplets": 0.636,
            "KL.1": 0.146,
            "lTrust": 0.938,
            "lCont": 0.940,
        },
        "UMAP/AE": {"trust": 0.9675, "5-NN": 0.954, "V": 0.846},
        "t-SNE": {"trust": 0.987, "5-NN": 0.950, "V": 0.770, "KL.1": 0.133},
        "TopoAE": {"triplets": 0.671, "KL.1": 0.110, "lTrust": 0.928, "lCont": 0.932, "MSE": 0.139},
    },
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method with its defaults; what `cells` holds already is not run again."""
    return STUDY.run(quick=quick, log=log, cells=cells or Cells())


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/mnist_map.md."""
    return STUDY.to_markdown(result)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """Three PNG images by name."""
    return STUDY.pictures(result)
