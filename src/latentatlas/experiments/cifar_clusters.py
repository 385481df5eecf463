"""Study `cifar-clusters`: 10,000 photographs grouped without labels, beside autoencoders and β-VAEs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.clusters import ClusterStudy
from latentatlas.experiments.clusters.images import image_methods

__all__ = ["STUDY", "pictures", "run", "to_markdown"]

STUDY = ClusterStudy(
    corpus="cifar10",
    stem="cifar_clusters",
    training=8_000,
    quick_rows=600,
    methods=partial(image_methods, straighten=False),
    about=(
        "The sample of CIFAR-10 decoded from JPEG, and the methods of `mnist-clusters`, whose image prior here leaves "
        "slant and place as they are. Both the prior and the views see grey values only; *no prior* and all others get "
        "all three colours. Pixels of photographs hardly know their class: every figure is far from the supervised row "
        "of networks that were trained on labels."
    ),
    targets=(),
    shown={},
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method; what `cells` holds already is not run again."""
    return STUDY.run(quick=quick, log=log, cells=cells or Cells())


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/cifar_clusters.md."""
    return STUDY.to_markdown(result)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    return STUDY.pictures(result)
