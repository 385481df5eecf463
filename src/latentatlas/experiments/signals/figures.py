"""What pictures are drawn from, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from latentatlas.core import LatentLayout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MeanCurve", "mean_curve", "paths_figure", "paths_of_blocks"]

_DECIMALS = 4


class MeanCurve(NamedTuple):
    """A similarity curve, the mean over seeds.

    Attributes:
        sizes: of the change.
        similarity: of a window to itself.
        other_records: of windows of different records.
        same_record: of different windows of one record.
    """

    sizes: Float[np.ndarray, " sizes"]
    similarity: Float[np.ndarray, " sizes"]
    other_records: float
    same_record: float


def mean_curve(seeds: Sequence[Mapping[str, Any]]) -> MeanCurve:
    """The curve of one row, from those of its seeds as `judging.similarity` writes them."""
    return MeanCurve(
        np.array(seeds[0]["sizes"]),
        np.mean([each["similarity"] for each in seeds], axis=0),
        float(np.mean([each["other records"] for each in seeds])),
        float(np.mean([each["same record"] for each in seeds])),
    )


def paths_of_blocks(
    z: Float[np.ndarray, "n dim"], layout: LatentLayout, parameter: Float[np.ndarray, " n"]
) -> dict[str, Any]:
    """Every block on the two axes on which it varies most, and the parameter."""
    blocks = {}
    for name, block in layout.blocks(z).items():
        if block.shape[1]:
            centred = block - block.mean(axis=0)
            _, axes = np.linalg.eigh(centred.T @ centred)
            blocks[name] = (centred @ axes[:, ::-1][:, :2]).round(_DECIMALS).tolist()
    sizes = {name: layout.size(name) for name in blocks}
    return {"blocks": blocks, "sizes": sizes, "parameter": np.asarray(parameter, float).round(_DECIMALS).tolist()}


def paths_figure(paths: Mapping[str, Any], *, name: str, title: str, period: float | None = None) -> Figure:
    """Blocks of changed windows in the colours of the change."""
    from latentatlas.plots import blocks_figure

    blocks = {block: np.array(places) for block, places in paths["blocks"].items()}
    parameter = np.array(paths["parameter"])
    return blocks_figure(blocks, parameter, name=name, period=period, sizes=paths["sizes"], title=title)
