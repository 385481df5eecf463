"""Study `mnist-clusters`: digits grouped without labels, with and without a prior that is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.clusters import ClusterStudy
from latentatlas.experiments.clusters.images import (
    BOTH,
    NO_PRIOR,
    PRIOR,
    PRIOR_FOUND,
    VIEWS,
    VIEWS_FOUND,
    image_methods,
)
from latentatlas.experiments.maps.tables import Target

__all__ = ["ABOUT", "STUDY", "pictures", "run", "to_markdown"]

ABOUT = (
    "What each of ours is told of the images. *No prior*: nothing; a row is a list of numbers. *Image prior*: images "
    "are made upright and central, then seen as directions of edges in overlapping windows. *Views*: the same image "
    "turned by up to 12°, sheared, scaled or shifted a little is the same thing; the basins teach a small "
    "convolutional network on such views, and its answers replace them, three times. Groups are always the modes of "
    "the layout's density; their number is that of the labels, or found by prominence. The others get the pixels."
)

STUDY = ClusterStudy(
    corpus="mnist",
    stem="mnist_clusters",
    training=60_000,
    quick_rows=1_500,
    methods=partial(image_methods, straighten=True),
    about=ABOUT,
    targets=(
        Target(NO_PRIOR, "≥", 0.965),
        Target(PRIOR, "≥", 0.979),
        Target(VIEWS, "≥", 0.979),
        Target(BOTH, "≥", 0.986),
        Target(PRIOR_FOUND, "≥", 0.979),
        Target(VIEWS_FOUND, "≥", 0.979),
    ),
    shown={
        "k-means": 0.53,
        "AE + k-means": 0.88,
        "VaDE": 0.945,
        "SpectralNet": 0.971,
        "N2D": 0.979,
        "IMSAT": 0.984,
        "DynAE": 0.986,
    },
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method; what `cells` holds already is not run again."""
    return STUDY.run(quick=quick, log=log, cells=cells or Cells())


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/mnist_clusters.md."""
    return STUDY.to_markdown(result)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    return STUDY.pictures(result)
