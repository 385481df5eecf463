"""Several fields and their blends on the same rows: what one adds to another, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from latentatlas.core import DataError
from latentatlas.graph import knn_graph
from latentatlas.landscape.density import local_dimension, neighbour_energy
from latentatlas.spectral import diffusion_map, feature_laplacian

__all__ = ["ALPHAS", "LOWEST", "FieldComparison", "compare_fields", "lowest_rows", "scaled"]

ALPHAS = tuple(np.linspace(0, 1, 11).round(1))
LOWEST = 0.1
"""Share of the rows that make a quantile set, as in the source."""

_BLENDED = ("density", "diffusion", "mixing")
_NEIGHBOURS = 30
_FEWEST_ROWS = 20


@final
@dataclass(frozen=True, eq=False)
class FieldComparison:
    """Fields on some rows, each low where it is good.

    Attributes:
        rows: numbers of the rows compared.
        fields: name → energies of those rows; "roughness" is the Rayleigh energy where there is one.
        labels: classes of those rows as numbers from 0, or None.
        left_out: why a field is missing.
    """

    rows: np.ndarray
    fields: dict[str, np.ndarray]
    labels: np.ndarray | None
    left_out: tuple[str, ...] = ()

    @property
    def blended(self) -> dict[str, np.ndarray]:
        """The fields that are blended with roughness."""
        return {name: self.fields[name] for name in _BLENDED if name in self.fields}

    def blend(self, name: str, alpha: float) -> np.ndarray:
        """α · field + (1 − α) · roughness, both scaled from 0 to 1."""
        return alpha * scaled(self.fields[name]) + (1 - alpha) * scaled(self.fields["roughness"])

    def sweep(self) -> dict[str, dict[str, np.ndarray]]:
        """Quantity → field → values over `ALPHAS`, of the lowest tenth of each blend; labels add two quantities."""
        sets = {name: [lowest_rows(self.blend(name, alpha)) for alpha in ALPHAS] for name in self.blended}
        roughness = scaled(self.fields["roughness"])
        panels = {
            "mean λ of the lowest 10 %": {n: np.array([roughness[s].mean() for s in each]) for n, each in sets.items()},
            "shared with the field alone (Jaccard)": {
                name: np.array([jaccard(chosen, each[-1]) for chosen in each]) for name, each in sets.items()
            },
        }
        if self.labels is not None:
            labels = self.labels
            classes = len(np.unique(labels))
            panels |= {
                "purity of the lowest 10 %": {
                    n: np.array([np.bincount(labels[s]).max() / len(s) for s in each]) for n, each in sets.items()
                },
                "coverage: share of classes among them": {
                    n: np.array([len(np.unique(labels[s])) / classes for s in each]) for n, each in sets.items()
                },
            }
        return panels

    def overlaps(self) -> tuple[np.ndarray, list[str]]:
        """Jaccard index of the lowest tenths of all fields, and of their equal blends with roughness."""
        sets = {name: lowest_rows(values) for name, values in self.fields.items()}
        if "roughness" in self.fields:
            sets |= {f"{name} + roughness": lowest_rows(self.blend(name, 0.5)) for name in self.blended}
        chosen = list(sets.values())
        return np.array([[jaccard(a, b) for b in chosen] for a in chosen]), list(sets)


def compare_fields(
    x: np.ndarray,
    *,
    own: tuple[str, np.ndarray],
    label: np.ndarray | None = None,
    most_rows: int = 3_000,
    seed: int = 0,
) -> FieldComparison:
    """Density, diffusion, mixing and roughness on the same rows, or on a uniform sample of them.

    - density: −log of the k-nearest-neighbour density, k = 30.
    - diffusion: −log of the share of time that a random walk with a Gaussian kernel of median width spends in a row.
    - mixing: squared diffusion distance to the stationary state along the first two coordinates; the source's "Diff".
    - roughness: Rayleigh energy on the graph of features.

    A field that the rows do not allow is left out, with the reason. Cost O(rows²).

    Args:
        x: (n, features).
        own: name and energies (n,) of the field that the landscape is of; it stands first.
        label: classes, or None.
        most_rows: rows compared.
        seed: of the sample.
    """
    rows = np.arange(len(x))
    if len(rows) > most_rows:
        rows = np.sort(np.random.default_rng(seed).choice(len(x), most_rows, replace=False))
    labels = None if label is None else np.unique(label[rows].astype(str), return_inverse=True)[1].reshape(-1)
    fields, left_out = {own[0]: own[1][rows]}, []
    part = x[rows].astype(np.float64)
    makers = {"density": _density, "diffusion": _diffusion, "mixing": _mixing, "roughness": _roughness}
    if len(rows) < _FEWEST_ROWS:
        return FieldComparison(rows, fields, labels, (f"There are too few rows ({len(rows)}) to compare fields.",))
    for name, make in makers.items():
        if name in fields:
            continue
        try:
            values = make(part)
        except DataError as error:
            left_out.append(f"The field {name!r} is left out: {error}")
            continue
        if np.ptp(values) > 0:
            fields[name] = values
        else:
            left_out.append(f"The field {name!r} is left out: it has one value on all rows.")
    return FieldComparison(rows, fields, labels, tuple(left_out))


def scaled(energy: np.ndarray) -> np.ndarray:
    """(E − min)/(max − min); 0 where all are equal.

    >>> scaled(np.array([2.0, 6.0, 3.0])).tolist()
    [0.0, 1.0, 0.25]
    """
    span = float(np.ptp(energy))
    return (energy - energy.min()) / (span or 1.0)


def lowest_rows(energy: np.ndarray) -> np.ndarray:
    """Rows of the lowest tenth, at least one; ties go to the first.

    >>> lowest_rows(np.array([3.0, 1.0, 2.0])).tolist()
    [1]
    """
    return np.argsort(energy, kind="stable")[: max(1, round(LOWEST * len(energy)))]


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Rows in both over rows in either.

    >>> jaccard(np.array([1, 2]), np.array([2, 3, 4]))
    0.25
    """
    both = len(np.intersect1d(first, second))
    return both / (len(first) + len(second) - both)


def _density(x: np.ndarray) -> np.ndarray:
    near = knn_graph(x, min(_NEIGHBOURS, len(x) - 1))
    return neighbour_energy(near, dim=local_dimension(near))


def _diffusion(x: np.ndarray) -> np.ndarray:
    return -np.log(diffusion_map(x, coordinates=2).stationary * len(x))


def _mixing(x: np.ndarray) -> np.ndarray:
    return np.square(diffusion_map(x, coordinates=2).coordinates()).sum(axis=1)


def _roughness(x: np.ndarray) -> np.ndarray:
    found = feature_laplacian(x)(x)
    if found.flagged.any():
        raise DataError(f"{int(found.flagged.sum())} of {len(x)} rows are zero and have no Rayleigh energy. Drop them.")
    return found.energy
