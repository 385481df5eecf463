"""Who did what with what: a long table of events becomes a sparse matrix, and its factors become rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy import sparse

from latentatlas.core import DataError, SpecError, did_you_mean
from latentatlas.data.arrays import DataWarning, as_numbers
from latentatlas.data.files import Columns
from latentatlas.data.labels import as_column, as_rows_of, encode_labels, is_missing
from latentatlas.data.select import Origin, Roles, select
from latentatlas.data.table import Table

__all__ = ["InteractionMatrix", "Interactions", "interaction_matrix"]

_RANK_TOLERANCE = 1e-9


@final
@dataclass(frozen=True, eq=False)
class InteractionMatrix:
    """The strength between every row entity and every column entity.

    Attributes:
        matrix: CSR, (rows, columns) of float64; the sum of the values of all events of a pair.
        rows: id of each row, sorted.
        columns: id of each column, sorted.
        events: number of events of each row.
    """

    matrix: sparse.csr_matrix
    rows: Shaped[np.ndarray, " n"]
    columns: Shaped[np.ndarray, " m"]
    events: Int[np.ndarray, " n"]

    def factors(self, components: int, *, seed: int = 0) -> Float[np.ndarray, "n components"]:
        """Latent semantic factors of the rows, each of unit length, float32.

        The strengths s are weighted as words in documents are, w = ln(1 + s) · idf of the column, with
        idf = 1 + ln((1 + rows) / (1 + rows that the column meets)): the hundredth event adds less than the first, and
        who meets everything says little. The weighted matrix is cut to its leading singular vectors, U S, and each row
        is divided by its length, so that Euclidean neighbours are those of the cosine. A row whose strengths are all 0
        stays 0.

        Cost: O(events · components).

        Raises:
            DataError: if the matrix has fewer than `components` independent directions.

        >>> x = interaction_matrix(["a", "a", "b", "b", "c"], ["u", "v", "u", "v", "w"]).factors(2)
        >>> np.abs(x @ x.T).round(3).tolist()
        [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

        References:
            S. Deerwester et al., Indexing by latent semantic analysis, JASIS 1990.
        """
        from sklearn.utils.extmath import randomized_svd

        n, m = self.matrix.shape
        if components > min(n, m):
            raise DataError(_too_many(components, min(n, m), self.matrix.shape))
        met = np.bincount(self.matrix.indices, minlength=m)
        weighted = self.matrix.log1p().multiply(1 + np.log((1 + n) / (1 + met))).tocsr()
        directions, strengths, _ = randomized_svd(weighted, components, random_state=seed)
        rank = int((strengths > _RANK_TOLERANCE * strengths[0]).sum())
        if rank < components:
            raise DataError(_too_many(components, rank, self.matrix.shape))
        x = directions * strengths
        lengths = np.linalg.norm(x, axis=1, keepdims=True)
        return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0).astype(np.float32)


def interaction_matrix(
    rows: Any, by: Any, *, value: Any = None, names: Sequence[str] = ("rows", "by", "value")
) -> InteractionMatrix:
    """The sparse matrix of a long table: one entry of `rows`, `by` and `value` per event.

    Several events of one pair are added up.

    Args:
        rows: id of the entity that gets a row, one per event.
        by: id of the entity that gets a column.
        value: strength of each event, ≥ 0; 1 if None.
        names: what the three are called in error messages.

    Cost: O(events · log events).

    Raises:
        ShapeError: if the lengths differ.
        DataError: if an id or value is missing, a value is negative or no number, or there is only one row or column.

    >>> made = interaction_matrix(["tea", "tea", "rye", "tea"], [7, 8, 8, 7], value=[1, 2, 3, 4])
    >>> made.matrix.toarray().tolist(), made.rows.tolist(), made.columns.tolist(), made.events.tolist()
    ([[0.0, 3.0], [5.0, 2.0]], ['rye', 'tea'], [7, 8], [1, 3])
    """
    ids = as_column(rows)
    codes, row_ids = _encoded(names[0], ids, len(ids))
    columns, column_ids = _encoded(names[1], by, len(ids))
    strength = np.ones(len(ids)) if value is None else _strength(names[2], value, len(ids))
    matrix = sparse.csr_matrix((strength, (codes, columns)), shape=(len(row_ids), len(column_ids)))
    matrix.eliminate_zeros()
    return InteractionMatrix(matrix, row_ids, column_ids, np.bincount(codes, minlength=len(row_ids)))


@final
@dataclass(frozen=True)
class Interactions:
    """Reads a long table of events, one line each: every entity of one column becomes a row, by whom it meets.

    Features are the factors of the matrix of strengths (`InteractionMatrix.factors`); events of one pair are added up.
    Ids are those of the entities. Metadata: `events`, the number of events of each, and every column that has one value
    for each entity (the title of a film, say), which may also be label, nuisance or environment.

    An atlas of factors does not take new events: where the rows lie depends on all events. Fit again with them.

    Attributes:
        rows: column of the entities to map, such as films.
        by: column of the entities they meet, such as users.
        value: column of strengths ≥ 0, such as ratings or counts; each event counts 1 if None.
        components: number of factors.
        seed: seed of the randomised decomposition.

    >>> import pandas
    >>> from latentatlas.data import read_table
    >>> events = pandas.DataFrame({"film": ["a", "a", "b", "c"], "user": [1, 2, 1, 3], "year": [90, 90, 95, 99]})
    >>> table = read_table(events, Interactions("film", "user", components=2))
    >>> table.ids.tolist(), table.metadata["events"].tolist(), table.metadata["year"].tolist()
    (['a', 'b', 'c'], [2, 1, 1], [90, 95, 99])
    """

    rows: str
    by: str
    value: str | None = None
    components: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.components < 1:
            raise SpecError(f"Interactions wants components ≥ 1; got {self.components}. Pass a positive whole number.")
        if self.rows == self.by:
            raise SpecError(
                f"Interactions wants two columns; got {self.rows!r} as rows and as by. Name who meets whom."
            )

    def __call__(self, columns: Columns, roles: Roles, origin: Origin) -> Table:
        """The table of the entities.

        Warns:
            DataWarning: if an entity has no strength in any of its events; its factors are 0.

        Raises:
            DataError: as `interaction_matrix`, and if a column is unknown (with a suggestion), a role varies within an
                entity, or there are fewer independent directions than components.
        """
        self._require_known(columns, roles, origin.who)
        value = None if self.value is None else _numbers(self.value, columns[self.value], origin)
        names = (self.rows, self.by, self.value or "")
        made = interaction_matrix(columns[self.rows], columns[self.by], value=value, names=names)
        entities = {self.rows: made.rows, **self._of_entities(columns, made)}
        for name, role in roles.beside().items():
            if name in columns and name not in entities:
                raise DataError(
                    f"{origin.who}: {name!r} (asked for as {role}) has several values for one {self.rows!r}. Name a "
                    "column with one value for each."
                )
        x = made.factors(self.components, seed=self.seed)
        weak = int((x == 0).all(axis=1).sum())
        if weak:
            warnings.warn(
                f"{weak} of {len(x)} rows ({self.rows!r}) have only values of 0, so nothing is known about them; their "
                "factors are 0. Drop these lines, or leave value out to count events.",
                DataWarning,
                stacklevel=2,
            )
        return select(entities, roles._replace(id_column=self.rows), replace(origin, first_line=None), x=x)

    def _require_known(self, columns: Columns, roles: Roles, who: str) -> None:
        """Every named column is there, and no role contradicts the reading."""
        for name, role in ((self.rows, "rows"), (self.by, "by"), (self.value, "value")):
            if name is not None and name not in columns:
                raise DataError(f"{who} has no column {name!r} (asked for as {role}). {did_you_mean(name, columns)}")
        if roles.vector is not None or roles.id_column not in (None, self.rows):
            raise DataError(
                f"{who}: interactions are mapped by their factors, with the ids of {self.rows!r}; got vector or "
                "id_column too. Leave them out."
            )

    def _of_entities(self, columns: Columns, made: InteractionMatrix) -> Columns:
        """The number of events, and the columns with one value for each entity."""
        codes, _ = _encoded(self.rows, columns[self.rows], len(columns[self.rows]))
        _, first = np.unique(codes, return_index=True)
        kept = {}
        for name, values in columns.items():
            if name in (self.rows, self.by, self.value) or values.shape != codes.shape:
                continue
            same = (values == values[first][codes]) | (is_missing(values) & is_missing(values[first])[codes])
            if same.all():
                kept[name] = values[first]
        return {"events" if "events" not in columns else "events_": made.events, **kept}


def _encoded(name: str, values: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    codes, ids = encode_labels(as_rows_of(name, values, n))
    if len(ids) < 2:
        raise DataError(
            f"Interactions want at least two different {name!r}; got {len(ids)}. Check that the column names who meets "
            "whom."
        )
    return codes, ids


def _strength(name: str, value: Any, n: int) -> np.ndarray:
    strength = as_rows_of(name, value, n)
    if strength.dtype.kind not in "biuf":
        raise DataError(f"Interactions want numbers in {name!r}; got {strength.dtype}. Convert it, or leave value out.")
    if (strength < 0).any():
        raise DataError(
            f"Interactions want values ≥ 0 in {name!r}; {(strength < 0).sum()} of {n} are negative, the first, "
            f"{strength[strength < 0][0]}, in row {(strength < 0).argmax()} (counted from 0). Shift or clip them so "
            "that 0 means nothing."
        )
    if not strength.any():
        raise DataError(
            f"Interactions want values above 0 in {name!r}; all {n} are 0. Leave value out to count events."
        )
    return strength.astype(np.float64)


def _numbers(name: str, values: np.ndarray, origin: Origin) -> np.ndarray:
    if values.ndim != 1 or is_missing(values).any():
        return values  # `as_rows_of` says what is wrong
    return as_numbers(values[:, None], [name], origin.who, first_line=origin.first_line)[:, 0]


def _too_many(components: int, most: int, shape: tuple[int, int]) -> str:
    return (
        f"Interactions want {components} components; the matrix of {shape[0]:,} × {shape[1]:,} has only {most} "
        f"independent directions. Pass components={most} (--components {most}) or fewer."
    )
