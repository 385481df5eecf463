"""What the basins of an atlas are: their names, their typical rows and those at their borders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.data import Table, as_rows_of, group_names, telling_column
from latentatlas.geometry import Geometry
from latentatlas.metrics import is_categorical

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["Basin", "basins_of", "given_names", "names_of"]

_EXEMPLARS = 12
_BORDERS = 6
_OUTER = 0.1
_TELLING = 0.5  # standard deviations, for a column to name a basin
_COLUMNS_IN_NAME = 2


@final
@dataclass(frozen=True, eq=False)
class Basin:
    """One basin of a fitted atlas; made by `Atlas.describe_basins`.

    Attributes:
        number: as in `labels_`.
        name: given by the user, or made from what is known about the rows.
        given: whether the user gave it.
        size: training rows.
        share: of all training rows, in [0, 1].
        exemplars: numbers of at most 12 rows nearest the prototype, nearest first.
        borders: numbers of at most 6 rows from the tenth that is least sure of the basin, far from each other.
    """

    number: int
    name: str
    given: bool
    size: int
    share: float
    exemplars: np.ndarray
    borders: np.ndarray

    def to_dict(self, ids: np.ndarray) -> dict[str, Any]:
        """Plain data, with ids of rows in the place of their numbers."""
        return {
            "number": self.number,
            "name": self.name,
            "given": self.given,
            "size": self.size,
            "share": self.share,
            "exemplars": ids[self.exemplars].tolist(),
            "borders": ids[self.borders].tolist(),
        }


def basins_of(atlas: Atlas) -> list[Basin]:
    """Every basin by its number, empty ones too. O(n K dim)."""
    names, space = names_of(atlas), atlas.model_.geometry
    prototypes = atlas.model_.bank.prototypes.detach().numpy()
    found = []
    for number, prototype in enumerate(prototypes):
        rows = np.flatnonzero(atlas.labels_ == number)
        z = atlas.latent_[rows]
        away = _squared(z, prototype, space)
        nearest = np.argsort(away, kind="stable")[:_EXEMPLARS]
        found.append(
            Basin(
                number,
                names[number],
                number in atlas.given_names_,
                len(rows),
                len(rows) / len(atlas.labels_),
                rows[nearest],
                rows[_spread(z, _unsure(z, away, np.delete(prototypes, number, axis=0), space), space)],
            )
        )
    return found


def names_of(atlas: Atlas) -> list[str]:
    """The name of every basin: given, else made, else its number; no two made names are equal."""
    made = _made_names(atlas.table_, atlas.labels_, atlas.n_basins_)
    taken = set(atlas.given_names_.values())
    names = []
    for number, name in enumerate(made):
        if number in atlas.given_names_:
            names.append(atlas.given_names_[number])
            continue
        name = name or f"basin {number}"
        names.append(name if name not in taken else f"{name} ({number})")
        taken.add(name)
    return names


def given_names(atlas: Atlas, names: Any) -> dict[int, str]:
    """What `Atlas.name_basins` was given, as number → name: a mapping, or one made from a column of the rows.

    Raises:
        SpecError: for a basin that does not exist, or a name that is no text or empty.
        ShapeError, DataError: for a column that does not fit the rows, or names nothing.
    """
    if not isinstance(names, Mapping):
        column = as_rows_of("names", names, len(atlas.labels_))
        padded = group_names(column, atlas.labels_)
        return {number: name for number, name in enumerate(padded) if name}
    for number, name in names.items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 0 <= number < atlas.n_basins_:
            raise SpecError(f"Atlas has basins 0 to {atlas.n_basins_ - 1}; got {number!r} to name. Pick one of them.")
        if not isinstance(name, str) or not name.strip():
            raise SpecError(f"Atlas.name_basins wants a text for basin {number}; got {name!r}. Pass a name.")
    return {int(number): name.strip() for number, name in names.items()}


def telling_columns(x: np.ndarray, columns: Sequence[str], groups: np.ndarray, count: int) -> list[str]:
    """A name for each group from the two columns whose mean in it differs most from that of all rows, as "high age".

    The difference is in standard deviations of all rows; columns below .5 say nothing. The name also has the mean.

    Args:
        x: (n, features).
        columns: their names.
        groups: (n,) number of the group of each row.
        count: number of groups.

    Cost: O(n features).

    >>> telling_columns(np.array([[0.0], [0.0], [4.0], [4.0]]), ["age"], np.array([0, 0, 1, 1]), 2)
    ['low age (0)', 'high age (4)']

    Raises:
        ShapeError: if there is not one group per row.
    """
    if len(x) != len(groups):
        raise ShapeError(
            f"telling_columns wants one group per row; got {len(groups)} for {len(x)}. Pass matching rows."
        )
    mean, deviation = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    names = []
    for group in range(count):
        inside = x[groups == group]
        if not len(inside):
            names.append("")
            continue
        own = inside.mean(axis=0, dtype=np.float64)
        differs = np.divide(own - mean, deviation, out=np.zeros_like(mean), where=deviation > 0)
        best = [
            j for j in np.argsort(-np.abs(differs), kind="stable")[:_COLUMNS_IN_NAME] if abs(differs[j]) >= _TELLING
        ]
        names.append(", ".join(f"{'high' if differs[j] > 0 else 'low'} {columns[j]} ({own[j]:.3g})" for j in best))
    return names


def _made_names(table: Table, labels: np.ndarray, count: int) -> list[str]:
    """By the label, else the most telling column beside the features, else by the features where they have names."""
    if table.label is not None and is_categorical(table.label):
        made = [_leading(table.label[labels == number]) for number in range(count)]
    elif (column := telling_column(table.metadata, labels)) is not None:
        made = group_names(table.metadata[column], labels)
    elif table.columns[0] != "x0" and table.item_shape is None:
        made = telling_columns(table.x, table.columns, labels, count)
    else:
        made = []
    return made + [""] * (count - len(made))  # the last basins may be empty


def _leading(values: np.ndarray) -> str:
    """The most frequent value; the first in sorted order of equals."""
    if not len(values):
        return ""
    found, counts = np.unique(values.astype(str), return_counts=True)
    return str(found[counts.argmax()])


def _unsure(z: np.ndarray, away: np.ndarray, others: np.ndarray, space: Geometry) -> np.ndarray:
    """How much nearer a row is to another prototype than to its own; how far it is from its own where there is none."""
    if not len(others):
        return away
    return away - _squared(z[:, None], others, space).min(axis=1)


def _squared(a: np.ndarray, b: np.ndarray, space: Geometry) -> np.ndarray:
    return space.squared(torch.from_numpy(a), torch.from_numpy(b)).numpy()


def _spread(z: np.ndarray, unsure: np.ndarray, space: Geometry) -> np.ndarray:
    """Some of the least sure rows: the least sure one, then always the one farthest from those chosen."""
    outer = np.argsort(-unsure, kind="stable")[: max(min(len(z), _BORDERS), int(_OUTER * len(z)))]
    chosen = list(outer[:1])
    gaps = np.full(len(outer), np.inf)
    while len(chosen) < min(_BORDERS, len(outer)):
        gaps = np.minimum(gaps, _squared(z[outer], z[chosen[-1]], space))
        gaps[np.isin(outer, chosen)] = -1
        chosen.append(outer[gaps.argmax()])
    return np.array(chosen, dtype=np.int64)
