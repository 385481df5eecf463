"""Nuisances that nobody has named: what an embedding depends on most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from latentatlas.core import DataError, ShapeError
from latentatlas.data import Table, as_matrix, holds_texts
from latentatlas.data.labels import as_column, is_missing
from latentatlas.metrics import ColumnTest, DebiasedCKA, is_categorical

__all__ = ["Proposal", "Proposals", "propose_augmentations", "propose_nuisances"]

_PERMUTATIONS = 199
_FEWEST_ROWS_PER_VALUE = 2


class Proposal(NamedTuple):
    """One column or augmentation, and how much the embedding depends on it.

    Attributes:
        name: of the column or augmentation.
        kind: "categories", "numbers" or "augmentation".
        cka: debiased CKA of the embedding with it.
        p: permutation p-value of independence.
        p_corrected: the same, corrected for the number of columns that were compared.
        moved: augmentations: the median distance by which a row moves, in units of the median distance of two rows; NaN
            for columns.
    """

    name: str
    kind: str
    cka: float
    p: float
    p_corrected: float
    moved: float


@final
@dataclass(frozen=True)
class Proposals:
    """Columns or augmentations, those first on which the embedding depends most.

    Attributes:
        ranked: the proposals.
        left_out: columns that could not be compared, and why.
        alpha: level at which a proposal is found.
    """

    ranked: tuple[Proposal, ...]
    left_out: Mapping[str, str]
    alpha: float = 0.05

    @property
    def found(self) -> tuple[str, ...]:
        """Names of those whose corrected p-value is at most `alpha`, strongest first."""
        return tuple(entry.name for entry in self.ranked if entry.p_corrected <= self.alpha)

    def __repr__(self) -> str:
        """A table of some lines."""
        lines = [f"{len(self.ranked)} compared, {len(self.found)} found (corrected p ≤ {self.alpha:g})"]
        for entry in self.ranked:
            moved = "" if np.isnan(entry.moved) else f", moves rows by {entry.moved:.3f}"
            mark = "•" if entry.name in self.found else " "
            lines.append(f" {mark} {entry.name:<24} {entry.cka:6.3f}  p {entry.p_corrected:.3f}  {entry.kind}{moved}")
        lines += [f"   {name:<24} left out: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        entries = [entry._asdict() | {"moved": None if np.isnan(entry.moved) else entry.moved} for entry in self.ranked]
        return {"ranked": entries, "found": list(self.found), "left_out": dict(self.left_out), "alpha": self.alpha}


def propose_nuisances(
    Z: Any,
    columns: Any = None,
    *,
    dependence: DebiasedCKA | None = None,
    permutations: int = _PERMUTATIONS,
    seed: int = 0,
) -> Proposals:
    """Which columns an embedding depends on most: those that must not matter among them are nuisances to name.

    Debiased CKA of the rows with every column, and its permutation p-value corrected for the number of columns
    (Westfall & Young: all columns share the pairings, and each is compared with the most striking one). Null: rows are
    independent of all columns. A column that goes with the label is found as well, as it should be; whether it matters
    is for the user to say. Dates are numbers; missing categories are one more; free text, vectors, constants, columns
    in which nearly every row differs, and numbers with gaps are left out.

    Args:
        Z: rows, (n, dim), or a `Table`, whose columns are taken where none are given.
        columns: name → one value per row, a dict or a frame.
        dependence: None is `DebiasedCKA()`, on at most 1,000 rows.
        permutations: the least p-value is 1 / (permutations + 1).
        seed: of the permutations.

    Cost: O(columns · permutations · m²) for m rows, of categories less.

    >>> rng = np.random.default_rng(0)
    >>> z, day = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    >>> z[day == 1] += 2
    >>> propose_nuisances(z, {"hour": rng.integers(0, 24, 200), "day": day}).found
    ('day',)

    Raises:
        DataError: without columns, or if none can be compared.
        ShapeError: if a column has another number of rows.
    """
    if isinstance(Z, Table):
        columns = Z.rows() if columns is None else columns
        z = Z.x
    else:
        z = as_matrix(Z, who="propose_nuisances")[0]
    named = _columns(columns, len(z))
    if not named:
        raise DataError("propose_nuisances wants columns beside the rows; got none. Pass a dict or a frame of them.")
    usable: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    for name, values in named.items():
        prepared, why = _prepared(values)
        if why:
            left_out[name] = why
        else:
            usable[name] = prepared
    tests = (dependence or DebiasedCKA()).permutation_tests(z, usable, permutations=permutations, seed=seed)
    kinds = {name: "categories" if is_categorical(values) else "numbers" for name, values in usable.items()}
    return Proposals(_ranked(tests, kinds, dict.fromkeys(usable, float("nan"))), left_out)


def propose_augmentations(
    X: Any,
    encode: Callable[[np.ndarray], np.ndarray],
    augmentations: Mapping[str, Callable[[np.ndarray], np.ndarray]],
    *,
    dependence: DebiasedCKA | None = None,
    permutations: int = _PERMUTATIONS,
    seed: int = 0,
) -> Proposals:
    """Which changes of the input an embedding depends on most.

    For each augmentation rows are encoded as they are and changed, and "changed or not" is the column: debiased CKA
    says how far the two clouds differ. Null: the change leaves the distribution of the code as it is. One half of the
    rows is taken as it is and the other half changed, so that rows are independent. `moved` says how far the same row
    moves, which can be much although the clouds stay: read both. p-values are corrected for the number of augmentations
    by Holm's rule, since each has other codes.

    Args:
        X: rows that `encode` takes.
        encode: rows → (n, dim).
        augmentations: name → function of rows to rows of the same shape.
        dependence: None is `DebiasedCKA()`.
        permutations: the least p-value is 1 / (permutations + 1).
        seed: of the halves and the permutations.

    >>> rows = np.random.default_rng(0).normal(size=(300, 4))
    >>> shifts = {"shift": lambda x: x + 3.0, "swap": lambda x: x[:, ::-1]}
    >>> found = propose_augmentations(rows, lambda x: x, shifts)
    >>> found.found, found.ranked[1].moved > 0.5
    (('shift',), True)

    Raises:
        DataError: without augmentations.
        ShapeError: if one of them changes the number of rows.
    """
    if not augmentations:
        raise DataError("propose_augmentations wants one augmentation or more; got none. Pass name → function.")
    from latentatlas.checks import holm

    rows = np.asarray(X)
    measure = dependence or DebiasedCKA()
    changed = np.random.default_rng(seed).permutation(len(rows)) % 2 == 1
    plain = np.asarray(encode(rows))
    tests, moved = {}, {}
    for name, change in augmentations.items():
        other = np.asarray(encode(np.asarray(change(rows.copy()))))
        if other.shape != plain.shape:
            raise ShapeError(
                f"propose_augmentations wants codes of shape {plain.shape} after {name!r}; got {other.shape}. An "
                "augmentation keeps the rows and their number."
            )
        mixed = np.where(changed[:, None], other, plain)
        p = measure.permutation_test(mixed, changed, permutations=permutations, seed=seed)
        tests[name] = ColumnTest(measure(mixed, changed), p, 1.0)
        moved[name] = _moved(plain, other, seed)
    corrected = holm(tuple(test.p for test in tests.values()))
    tests = {name: test._replace(p_corrected=p) for (name, test), p in zip(tests.items(), corrected, strict=True)}
    return Proposals(_ranked(tests, dict.fromkeys(tests, "augmentation"), moved), {})


def _ranked(
    tests: Mapping[str, ColumnTest], kinds: Mapping[str, str], moved: Mapping[str, float]
) -> tuple[Proposal, ...]:
    entries = [Proposal(name, kinds[name], *test, moved[name]) for name, test in tests.items()]
    return tuple(sorted(entries, key=lambda entry: -entry.cka))


def _moved(plain: np.ndarray, other: np.ndarray, seed: int) -> float:
    """Median distance from a row to itself changed, over the median distance to another row."""
    away = plain[np.random.default_rng(seed).permutation(len(plain))]
    usual = float(np.median(np.linalg.norm(plain - away, axis=1)))
    return float(np.median(np.linalg.norm(plain - other, axis=1))) / usual if usual > 0 else float("nan")


def _columns(columns: Any, n: int) -> dict[str, np.ndarray]:
    import narwhals.stable.v1 as nw

    if columns is None:
        return {}
    if nw.dependencies.is_into_dataframe(columns):
        frame = nw.from_native(columns, eager_only=True)
        columns = {column.name: column.to_native() for column in frame.iter_columns()}
    named = {str(name): as_column(values) for name, values in columns.items()}
    for name, values in named.items():
        if len(values) != n:
            raise ShapeError(f"{name!r} wants one value for each of the {n} rows; got {len(values)}. Pass these rows.")
    return named


def _prepared(values: np.ndarray) -> tuple[np.ndarray, str]:
    """A column that can be compared, or why it cannot."""
    if values.ndim != 1:
        return values, "it holds vectors"
    if values.dtype.kind in "mM":
        missing, values = (
            is_missing(values),
            values.astype("datetime64[s]" if values.dtype.kind == "M" else "timedelta64[s]").astype(np.float64),
        )
    else:
        missing = is_missing(values)
    if values.dtype.kind == "f":
        if missing.any():
            return values, f"{int(missing.sum())} numbers are missing"
        return values, "it is constant" if np.ptp(values) == 0 else ""
    if values.dtype.kind == "O":
        values = np.array(["(missing)" if gone else str(value) for gone, value in zip(missing, values, strict=True)])
    if values.dtype.kind in "OUS" and holds_texts(values):
        return values, "it holds free text"
    count = len(np.unique(values))
    if count == 1:
        return values, "it is constant"
    if values.dtype.kind in "iu" and _FEWEST_ROWS_PER_VALUE * count > len(values):
        return values.astype(np.float64), ""
    return values, "nearly every row has a value of its own" if _FEWEST_ROWS_PER_VALUE * count > len(values) else ""
