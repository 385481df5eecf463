"""What blocks of a latent make of changes: similarity with its control, recall, classes and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.experiments.partitions.methods import Trained
from latentatlas.experiments.partitions.pictures import Pictures
from latentatlas.metrics import LinearProbe, find_again, probe_matrix, similarity_curve

__all__ = ["COLUMNS", "Seen", "judged"]

_READ = 5_000  # training rows of the probes of classes
_CHANGED = 0.0  # the only size of a random change

COLUMNS = ("similarity", "other images", "recall@1", "accuracy", "accuracy, changed")


@final
@dataclass(frozen=True)
class Seen:
    """Test images, the same changed, and the parameters of the changes: one set for all methods of a seed.

    Attributes:
        pictures: rows.
        views: the test images changed.
        parameters: how.
    """

    pictures: Pictures
    views: Float[Tensor, "n features"]
    parameters: Float[Tensor, "n parameters"]

    @classmethod
    def of(cls, pictures: Pictures, *, seed: int) -> Seen:
        """Drawn with a seed."""
        parameters = pictures.changes.sample(len(pictures.test.x), torch.Generator().manual_seed(10_000 + seed))
        return cls(pictures, pictures.changes.apply(pictures.test.x, parameters), parameters)


def judged(latent: Trained, seen: Seen) -> dict[str, dict[str, float]]:
    """Figures of every block; R² of each change in a column `R² NAME`.

    A linear probe of the class learns from training images as they are. A block is asked for a change by a ridge and a
    perceptron that see it before and after, on test images of which three tenths are held out.
    """
    pictures = seen.pictures
    known, before, after = (latent.blocks(x) for x in (pictures.train.x[:_READ], pictures.test.x, seen.views))
    told, classes = (_numbers(part.label) for part in (pictures.train, pictures.test))
    targets = {name: seen.parameters[:, list(at)].numpy() for name, at in pictures.changes.columns.items()}
    matrix = probe_matrix(before, after, targets)
    found = {}
    for row, name in enumerate(before):
        curve = similarity_curve(before[name], {_CHANGED: after[name]}, np.arange(len(classes)))
        probe = LinearProbe().classifier().fit(known[name], told[:_READ])
        found[name] = {
            "similarity": float(curve.similarity[0]),
            "other images": curve.other_records,
            "recall@1": find_again(after[name], before[name], ks=(1,)).recall[1],
            "accuracy": float(probe.score(before[name], classes)),
            "accuracy, changed": float(probe.score(after[name], classes)),
            **{f"R² {target}": float(matrix.score[row, column]) for column, target in enumerate(matrix.targets)},
        }
    return found


def similarity_at(
    latent: Trained, pictures: Pictures, angles: np.ndarray, *, block: str
) -> Mapping[str, float | list[float]]:
    """The curve of a block over angles (in degrees), with its control."""
    n = len(pictures.test.x)
    turned = {
        float(angle): latent.blocks(
            pictures.changes.apply(pictures.test.x, pictures.changes.told(torch.full((n, 1), np.radians(angle).item())))
        )[block]
        for angle in angles
    }
    curve = similarity_curve(latent.blocks(pictures.test.x)[block], turned, np.arange(n))
    return {
        "sizes": curve.sizes.tolist(),
        "similarity": curve.similarity.tolist(),
        "spread": curve.spread.tolist(),
        "other_records": curve.other_records,
    }


def _numbers(label: object) -> np.ndarray:
    assert isinstance(label, Tensor)
    return label.numpy()
