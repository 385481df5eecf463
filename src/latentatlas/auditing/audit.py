"""`la.audit`: everything that can be said of nuisances in an embedding, in one call."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from latentatlas.auditing.result import AuditReport, NuisanceAudit
from latentatlas.auditing.shift import advice_for, shift_of
from latentatlas.checks import Leakage, Removal, Utility, Verdict, obstacle
from latentatlas.core import DataError, to_spec
from latentatlas.data import Table, as_matrix, as_nuisances, as_rows_of
from latentatlas.data.progress import tell
from latentatlas.metrics import MLPProbe, NeighbourOverlap, NeighbourProbe, ProbeScore, strata

__all__ = ["audit", "audit_probes"]

_ROWS = 10_000
_NEIGHBOURS = 15
_COMPARED_ROWS = 5000
_NAMES = {"LinearProbe": "linear", "NeighbourProbe": "neighbours", "MLPProbe": "perceptron", "TreeProbe": "tree"}


def audit(
    Z: Any,
    nuisance: Any = None,
    y: Any = None,
    *,
    before: Any = None,
    predictions: Any = None,
    leakage: Leakage | None = None,
    removal: Removal | None = None,
) -> AuditReport:
    """What rows tell of nuisances and of a label; works on any embedding, trains nothing but probes.

    For each nuisance: linear, neighbour and perceptron probes on held-out rows against chance, with permutation
    p-values; debiased CKA with its own; the same within labels; which kind of shift it makes and what removes it; an
    alarm of over-correction. For the label: how well it is read, and what treatment cost. All verdicts are those of the
    certificate, `checks.Leakage` and `checks.Removal`.

    Nulls: rows and nuisance are independent (overall); they are independent given the label (within labels). Probes are
    learnt once, with settings fixed beforehand, on 70 % of the rows; p-values permute the nuisance of the other 30 %,
    and Holm's correction takes their number into account. Rows must be independent draws: of rows that repeat each
    other (parts of one document, frames of one film) take one each.

    Args:
        Z: rows to audit, (n, dim), or a `Table`, whose nuisances and label are taken where none are given.
        nuisance: what must not show: a column, or a dict or frame of columns. Whole numbers, booleans and text are
            categories, real numbers are numbers.
        y: the label, which must stay; categories or numbers.
        before: the same rows before a treatment, (n, any): the report then compares.
        predictions: of the label, on these rows, by the model that uses them: classes, a score for two classes, one
            column per class, or numbers. The alarm is then about that model; else about a linear probe of `Z`. They
            must be of rows like those it was trained on, not of a test set with another dependence.
        leakage: thresholds, level and probes; None is `Leakage` with the three probes on at most 10,000 rows.
        removal: tolerated loss and level of the alarm; None is `Removal()` on at most 10,000 rows.

    Cost: that of the probes. 20,000 rows × 384: see `latentatlas bench audit`.

    Raises:
        DataError: without a nuisance, or for missing values, text or NaN where numbers belong.
        ShapeError: if parts differ in length.

    >>> rng = np.random.default_rng(0)
    >>> side = rng.integers(0, 2, 400)
    >>> report = audit(rng.normal(size=(400, 3)) + 2 * side[:, None], {"side": side})
    >>> report.passed, report["side"].after.overall.probes[0].excess > 0.8
    (False, True)
    """
    started = time.perf_counter()
    title, z, columns, label = _taken(Z, nuisance, y)
    leakage, removal = leakage or Leakage(probes=audit_probes()), removal or Removal(probes=audit_probes()[:2])
    first = None if before is None else _rows(before, len(z), "before")
    steps = len(columns) * (1 if first is None else 2) + 1
    utility, prediction, found = _label_part(z, label, first, predictions, removal)
    tell("Auditing", 1, steps + 1)
    entries, verdicts, done = [], [], 1
    for name, values in columns.items():
        entry, own = _nuisance_part(name, values, (z, first, label), prediction, (leakage, removal))
        entries.append(entry)
        verdicts += own
        done += 1 if first is None else 2
        tell("Auditing", done, steps + 1)
    tell("Auditing", steps + 1, steps + 1)
    return AuditReport(
        title=title,
        rows=len(z),
        axes=(z.shape[1], None if first is None else first.shape[1]),
        probes=_named(leakage),
        nuisances=tuple(entries),
        utility=utility,
        verdicts=(*verdicts, *found),
        settings={"leakage": to_spec(leakage), "removal": to_spec(removal)},
        seconds=round(time.perf_counter() - started, 2),
    )


def _taken(Z: Any, nuisance: Any, y: Any) -> tuple[str, np.ndarray, dict[str, np.ndarray], np.ndarray | None]:
    """Title, rows, nuisances and label."""
    title = Z.name if isinstance(Z, Table) else "an array"
    z = Z.x if isinstance(Z, Table) else as_matrix(Z, who="audit")[0]
    if isinstance(Z, Table):
        nuisance = nuisance if nuisance is not None else Z.nuisance
        y = y if y is not None else Z.label
    columns = as_nuisances(nuisance, len(z))
    if not columns:
        raise DataError(
            "audit wants a nuisance, a column that must not show; got none. propose_nuisances ranks columns."
        )
    return title, z, columns, None if y is None else as_rows_of("label", y, len(z))


def _rows(values: Any, n: int, name: str) -> np.ndarray:
    rows = values.x if isinstance(values, Table) else as_matrix(values, who=f"audit ({name})")[0]
    if len(rows) != n:
        raise DataError(f"audit wants the same {n} rows in {name!r}, in the same order; got {len(rows)}. Pass these.")
    return rows


_Prediction = tuple[np.ndarray, np.ndarray] | None


def _label_part(
    z: np.ndarray, label: np.ndarray | None, first: np.ndarray | None, predictions: Any, removal: Removal
) -> tuple[Utility | None, _Prediction, list[Verdict]]:
    """How well the label is read, rows with predictions of it, and the verdict on the loss."""
    if label is None:
        return None, None, []
    why_not = removal.obstacle(label)
    if why_not:
        return None, None, [removal.skip(why_not, "Pass a coarser label, or more rows.")]
    utility = removal.utility(z, label, before=first)
    found = [] if first is None else [removal.utility_verdict(utility)]
    if predictions is None:
        return utility, removal.prediction(z, label), found
    given = np.asarray(predictions)
    if len(given) != len(z):
        raise DataError(f"audit wants a prediction for each of the {len(z)} rows; got {len(given)}. Pass all.")
    return utility, (np.arange(len(z)), given), found


def _nuisance_part(
    name: str,
    values: np.ndarray,
    rows: tuple[np.ndarray, np.ndarray | None, np.ndarray | None],
    prediction: _Prediction,
    judges: tuple[Leakage, Removal],
) -> tuple[NuisanceAudit, list[Verdict]]:
    z, first, label = rows
    leakage, removal = judges
    count = len(np.unique(values)) if values.dtype.kind != "f" else None
    why_not = obstacle(name, values)
    if why_not:
        remedy = "Leave it out, or pass a coarser nuisance or more rows."
        return NuisanceAudit(name, count, why_not), [leakage.skip(why_not, remedy, part=name)]
    after = leakage.read(z, values, label)
    before = None if first is None else leakage.read(first, values, label)
    verdicts = list(leakage.verdicts(name, after))
    alarm = None
    if prediction is not None and label is not None and not after.inseparable:
        places, answers = prediction
        alarm = removal.alarm(answers, values[places], label[places])
        verdicts.append(removal.alarm_verdict(name, alarm))
    source = before or after
    shift = shift_of(source, values, label, alpha=leakage.alpha)
    kept = float("nan") if first is None else _kept(first, z, values)
    advice = advice_for(shift, source)
    return NuisanceAudit(name, count, "", after, before, shift, advice, alarm, kept), verdicts


def _kept(first: np.ndarray, z: np.ndarray, values: np.ndarray) -> float:
    """Neighbours kept among the rows of each value, weighted by rows; of at most 5,000 rows in all."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(z))[:_COMPARED_ROWS])
    group = strata(values)[chosen]
    total, weight = 0.0, 0
    for number in range(int(group.max()) + 1):
        rows = chosen[group == number]
        if len(rows) > 2 * _NEIGHBOURS:
            total += len(rows) * NeighbourOverlap(_NEIGHBOURS)(first[rows], z[rows])
            weight += len(rows)
    return total / weight if weight else float("nan")


def audit_probes() -> tuple[ProbeScore, ProbeScore, ProbeScore]:
    """The linear, the neighbour and the perceptron probe of an audit, each on at most 10,000 rows."""
    return ProbeScore(rows=_ROWS), ProbeScore(NeighbourProbe(), rows=_ROWS), ProbeScore(MLPProbe(), rows=_ROWS)


def _named(leakage: Leakage) -> tuple[str, ...]:
    """Names of the probes, numbered where they repeat."""
    kinds = [_NAMES.get(type(score.probe).__name__, type(score.probe).__name__) for score in leakage.probes]
    return tuple(f"{kind} {place + 1}" if kinds.count(kind) > 1 else kind for place, kind in enumerate(kinds))
