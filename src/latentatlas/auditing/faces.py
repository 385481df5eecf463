"""The figure and the page of an audit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from latentatlas.auditing.result import AuditReport, NuisanceAudit
from latentatlas.checks import Reading, Trace, Verdict
from latentatlas.plots import AuditMark, AuditPanel, audit_figure, png_bytes
from latentatlas.report import audit_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["figure_of", "page_of"]

_KINDS = {
    "none": "no shift",
    "diversity": "diversity shift: rows look different, labels are spread alike",
    "correlation": "correlation shift: labels are spread differently",
    "both": "both: rows look different at equal label, and labels are spread differently",
    "inseparable": "inseparable: the label determines it",
}


def figure_of(report: AuditReport) -> Figure:
    """Panels of the nuisances that were measured, and of the price."""
    wanted = {verdict.name: verdict for verdict in report.verdicts}
    panels = [_panel(report, entry, wanted) for entry in report.nuisances if entry.after is not None]
    price = _price(report, wanted)
    if price:
        panels.append(
            AuditPanel("The price: label read, and use of the nuisance within labels (below 0: reversed)", price)
        )
    if not panels:
        panels = [AuditPanel("nothing could be measured", [AuditMark("–", math.nan, math.nan, 0.0, 0.0)])]
    return audit_figure(panels, title=f"Audit of {report.title}", before=report.axes[1] is not None)


def page_of(report: AuditReport) -> str:
    """The page."""
    axes, before = report.axes
    leakage = report.settings["leakage"]
    facts: dict[str, Any] = {"rows": report.rows, "axes": axes}
    if before is not None:
        facts["axes before"] = before
    facts |= {
        "nuisances": len(report.nuisances),
        "label": "given" if report.utility is not None else "–",
        "tolerated excess": leakage["max_excess"],
        "level": leakage["alpha"],
        "seconds": report.seconds,
    }
    return audit_html(
        title=f"Audit of {report.title}",
        facts=facts,
        lead=_lead(report),
        verdicts=[verdict.to_dict() for verdict in report.verdicts],
        figure=png_bytes(figure_of(report)),
        nuisances=[_section(report, entry) for entry in report.nuisances],
        spec=report.to_dict(),
    )


def _lead(report: AuditReport) -> list[str]:
    read = [v.name.split(".")[1] for v in report.verdicts if v.name.startswith("leakage") and v.status == "fail"]
    named = ", ".join(dict.fromkeys(read))
    if named:
        return [f"These rows tell more of {named} than is tolerated."]
    if not report.passed:
        failed = [v.name for v in report.verdicts if v.status == "fail"]
        return (
            [f"Probes do not read the nuisance, but {', '.join(failed)} failed."] if failed else ["Nothing was judged."]
        )
    return ["No probe reads a nuisance beyond what is tolerated. That is evidence, not proof."]


def _panel(report: AuditReport, entry: NuisanceAudit, wanted: dict[str, Verdict]) -> AuditPanel:
    assert entry.after is not None
    allowed = _allowed(wanted.get(f"leakage.{entry.name}"))
    marks = _marks(report, "", entry.after.overall, None if entry.before is None else entry.before.overall, allowed)
    if entry.after.within is not None:
        allowed = _allowed(wanted.get(f"leakage.{entry.name}.within_label"))
        before = None if entry.before is None else entry.before.within
        marks += _marks(report, "within labels, ", entry.after.within, before, allowed)
    return AuditPanel(f"What is read of {entry.name}", marks)


def _marks(report: AuditReport, where: str, after: Trace, before: Trace | None, allowed: float) -> list[AuditMark]:
    marks = []
    for place, name in enumerate(report.probes):
        first = math.nan if before is None else before.probes[place].excess
        marks.append(AuditMark(f"{where}{name}", after.probes[place].excess, first, 0.0, allowed))
    cka = math.nan if before is None else before.cka
    return [*marks, AuditMark(f"{where}debiased CKA", after.cka, cka, 0.0, 0.0)]


def _price(report: AuditReport, wanted: dict[str, Verdict]) -> list[AuditMark]:
    marks = []
    utility = report.utility
    if utility is not None and utility.chance < 1:
        after, before = ((score - utility.chance) / (1 - utility.chance) for score in (utility.after, utility.before))
        verdict = wanted.get("removal.utility")
        low = before + verdict.threshold / (1 - utility.chance) if verdict is not None else 0.0
        marks.append(AuditMark("label read", after, before, low, 1.0 if verdict is not None else 0.0))
    for entry in report.nuisances:
        verdict = wanted.get(f"removal.{entry.name}")
        if verdict is not None and math.isfinite(verdict.value):
            marks.append(AuditMark(f"{entry.name} used", verdict.value, math.nan, verdict.threshold, 1.0))
    return marks


def _allowed(verdict: Verdict | None) -> float:
    return verdict.threshold if verdict is not None and math.isfinite(verdict.threshold) else 0.0


def _section(report: AuditReport, entry: NuisanceAudit) -> dict[str, Any]:
    """What the page shows of one nuisance."""
    section: dict[str, Any] = {"name": entry.name, "skipped": entry.skipped, "tables": [], "words": [], "advice": None}
    section["kind"] = "real numbers" if entry.values is None else f"{entry.values} values"
    if entry.after is None:
        return section
    section["tables"].append(_table(report, "Overall", entry.after, entry.before, within=False))
    if entry.after.within is not None and entry.after.within.probes[0].held_out:
        section["tables"].append(_table(report, "Within labels", entry.after, entry.before, within=True))
    section["words"] = _words(entry)
    if entry.advice is not None:
        section["advice"] = entry.advice._asdict()
    return section


def _table(report: AuditReport, title: str, after: Reading, before: Reading | None, *, within: bool) -> dict[str, Any]:
    trace = after.within if within else after.overall
    first = None if before is None else before.within if within else before.overall
    assert trace is not None
    rows = [
        {
            "name": name,
            "before": None if first is None else first.probes[place].score,
            "after": trace.probes[place].score,
            "chance": trace.probes[place].chance,
            "excess": trace.probes[place].excess,
            "p": trace.adjusted[place],
        }
        for place, name in enumerate(report.probes)
    ]
    cka = {"name": "debiased CKA", "before": None if first is None else first.cka, "after": trace.cka, "chance": 0.0}
    return {
        "title": title,
        "rows": [*rows, {**cka, "excess": None, "p": trace.p}],
        "held_out": trace.probes[0].held_out,
    }


def _words(entry: NuisanceAudit) -> list[str]:
    words = []
    assert entry.after is not None
    if entry.after.told is not None:
        told = entry.after.told
        words.append(f"The label alone tells an excess of {max(told.excess, 0):.3f} of it (p = {told.p:.3f}).")
    if entry.shift is not None:
        shift = entry.shift
        text = f"Kind of shift: {_KINDS[shift.kind]}. Rows tell its values apart by {max(shift.diversity, 0):.3f}"
        text += f" (p = {shift.p_diversity:.3f})"
        if math.isfinite(shift.correlation):
            text += f"; label and nuisance go together by {shift.correlation:.3f} (p = {shift.p_correlation:.3f})"
        words.append(f"{text}.")
    if entry.alarm is not None:
        alarm = entry.alarm
        words.append(
            f"Within labels the prediction of the label goes with it by {alarm.value:.3f} (below 0 is reversed; p = "
            f"{alarm.p:.3f} for so low a value), without regard to labels by {alarm.marginal:.3f}."
        )
    if math.isfinite(entry.kept):
        words.append(f"Of each row's 15 neighbours with the same value of it, treatment kept {entry.kept:.0%}.")
    return words
