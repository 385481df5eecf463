"""The result of an audit: numbers and verdicts, frozen, with its faces."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from latentatlas.auditing.shift import Advice, Shift
from latentatlas.checks import Reading, Status, Trace, Utility, Verdict
from latentatlas.metrics import OverCorrection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["AuditReport", "NuisanceAudit"]

_SIGNS = {Status.PASS: "✓", Status.WARN: "!", Status.FAIL: "✗", Status.SKIP: "–"}


@final
@dataclass(frozen=True)
class NuisanceAudit:
    """All that was measured for one nuisance.

    Attributes:
        name: of the nuisance.
        values: number of its values; None for real numbers.
        skipped: why nothing was measured; empty if something was.
        after: what is read from the audited rows.
        before: what is read from the rows before treatment; None where these were not given.
        shift: kind of shift, from the rows before treatment where given.
        advice: what follows for the removal.
        alarm: over-correction; None without a label.
        kept: share of each row's 15 neighbours among the rows with its value of the nuisance that treatment kept; NaN
            without rows before.
    """

    name: str
    values: int | None
    skipped: str = ""
    after: Reading | None = None
    before: Reading | None = None
    shift: Shift | None = None
    advice: Advice | None = None
    alarm: OverCorrection | None = None
    kept: float = math.nan


@final
@dataclass(frozen=True)
class AuditReport:
    """What an embedding tells of nuisances, and what it still tells of the label.

    Attributes:
        title: what was audited.
        rows: number of rows.
        axes: columns of the audited rows, and of those before treatment (None without).
        probes: names of the probes, in the order of every trace.
        nuisances: one entry each.
        utility: how well the label is read; None without a label.
        verdicts: what follows, in the form of the certificate.
        settings: thresholds and levels, as plain data.
        seconds: time it took.
    """

    title: str
    rows: int
    axes: tuple[int, int | None]
    probes: tuple[str, ...]
    nuisances: tuple[NuisanceAudit, ...]
    utility: Utility | None
    verdicts: tuple[Verdict, ...]
    settings: Mapping[str, Any]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no verdict is a failure, and at least one nuisance was judged."""
        judged = any(v.name.startswith("leakage") and v.status is not Status.SKIP for v in self.verdicts)
        return judged and all(verdict.status is not Status.FAIL for verdict in self.verdicts)

    def __getitem__(self, name: str) -> NuisanceAudit:
        """The entry of one nuisance.

        Raises:
            KeyError: if it was not audited.
        """
        return {entry.name: entry for entry in self.nuisances}[name]

    def __repr__(self) -> str:
        """A summary of some lines."""
        axes, before = self.axes
        head = f"Audit of {self.title}: {self.rows:,} rows × {axes}" + (f" (before: {before})" if before else "")
        lines = [f"{head}, {'passed' if self.passed else 'not passed'}"]
        for verdict in self.verdicts:
            value = "–" if math.isnan(verdict.value) else f"{verdict.value:.3f}"
            wanted = (
                ""
                if math.isnan(verdict.threshold)
                else f"{'≥' if verdict.better == 'higher' else '≤'} {verdict.threshold:.3f}"
            )
            lines.append(f"  {_SIGNS[verdict.status]} {verdict.name:<32} {value:>8} {wanted}".rstrip())
        lines += [
            f"  {entry.name}: {entry.shift.kind} shift. {entry.advice.method}"
            for entry in self.nuisances
            if entry.shift is not None and entry.advice is not None
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; a number that is not there becomes None."""
        return {
            "title": self.title,
            "passed": self.passed,
            "rows": self.rows,
            "axes": list(self.axes),
            "probes": list(self.probes),
            "nuisances": [self._entry(entry) for entry in self.nuisances],
            "utility": None if self.utility is None else _plain(self.utility._asdict() | {"loss": self.utility.loss}),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "settings": _plain(dict(self.settings)),
            "seconds": self.seconds,
        }

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """`to_dict` as text, written to `path` if there is one."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1)
        if path is not None:
            _written(path, text.encode())
        return text

    def figure(self) -> Figure:
        """Every probe against chance, before and after, and the price: a matplotlib figure."""
        from latentatlas.auditing.faces import figure_of

        return figure_of(self)

    def to_png(self, path: str | PathLike[str] | None = None) -> bytes:
        """The figure as a PNG image, written to `path` if there is one."""
        from latentatlas.plots import png_bytes

        png = png_bytes(self.figure())
        if path is not None:
            _written(path, png)
        return png

    def to_html(self, path: str | PathLike[str] | None = None) -> str:
        """One page that needs nothing else, written to `path` if there is one."""
        from latentatlas.auditing.faces import page_of

        page = page_of(self)
        if path is not None:
            _written(path, page.encode())
        return page

    def _entry(self, entry: NuisanceAudit) -> dict[str, Any]:
        return {
            "name": entry.name,
            "values": entry.values,
            "skipped": entry.skipped or None,
            "after": self._reading(entry.after),
            "before": self._reading(entry.before),
            "shift": None if entry.shift is None else _plain(entry.shift._asdict()),
            "advice": None if entry.advice is None else entry.advice._asdict(),
            "alarm": None if entry.alarm is None else _plain(entry.alarm._asdict()),
            "kept": _plain(entry.kept),
        }

    def _reading(self, reading: Reading | None) -> dict[str, Any] | None:
        if reading is None:
            return None
        return {
            "overall": self._trace(reading.overall),
            "within_label": self._trace(reading.within),
            "told_by_label": None if reading.told is None else _plain(reading.told._asdict()),
            "inseparable": reading.inseparable,
        }

    def _trace(self, trace: Trace | None) -> dict[str, Any] | None:
        if trace is None:
            return None
        probes = {
            name: _plain(report._asdict() | {"excess": report.excess, "p_holm": p})
            for name, report, p in zip(self.probes, trace.probes, trace.adjusted, strict=True)
        }
        return {"probes": probes, "debiased_cka": _plain(trace.cka), "p": _plain(trace.p)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _written(path: str | PathLike[str], content: bytes) -> None:
    from latentatlas.store import write_whole

    write_whole(Path(path), content)
