"""`latentatlas audit`: what an embedding tells of a nuisance, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, number, print_certificate, print_json, print_table, say

if TYPE_CHECKING:
    from latentatlas.auditing import AuditReport, Proposals
    from latentatlas.data import Table

_READING = "How the source is read"
_JUDGING = "How it is judged"


def audit(
    source: Annotated[
        str,
        typer.Argument(
            help="A corpus (see `data list`), a .npy, .npz, .csv, .tsv, .jsonl, .parquet or .arrow file, a folder of "
            "images, hf:NAME, or a run folder of `fit`: then its latent, against its rows before."
        ),
    ],
    nuisance: Annotated[
        list[str] | None, typer.Option(help="Column that must not show. May be repeated. \\[run: those of the fit]")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Column that must stay. \\[run: that of the fit]")] = None,
    before: Annotated[
        str | None, typer.Option(help="The same rows before treatment, in the same order: a file of vectors.")
    ] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="Rank all columns by how much the rows depend on them, and stop.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the report: a .html page, a .png picture or .json.")
    ] = None,
    vector: Annotated[
        list[str] | None, typer.Option(help="Column of the rows; all numbers if not given.", rich_help_panel=_READING)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Column of text, embedded by a sentence model.", rich_help_panel=_READING)
    ] = None,
    embedder: Annotated[
        str | None, typer.Option(help="With --text: model, by name or folder.", rich_help_panel=_READING)
    ] = None,
    max_excess: Annotated[
        float, typer.Option(min=0, max=1, help="Tolerated excess of a probe over chance.", rich_help_panel=_JUDGING)
    ] = 0.05,
    max_loss: Annotated[
        float, typer.Option(min=0, help="Tolerated loss of score of the label.", rich_help_panel=_JUDGING)
    ] = 0.05,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a verdict is a failure.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how much rows tell of nuisances, what removes them, and what that cost. Nothing is trained but probes."""
    from latentatlas.cli.rows import reader_from, reading

    reader = reader_from(text=text, embedder=embedder, image_size=None, rows=None, by=None, value=None, components=None)
    shown = not as_json
    if out is not None:
        _require_kind(out)
    with reading(shown=shown):
        table, first = _rows(source, reader, {"vector": vector, "label": label, "nuisance": nuisance or ()}, before)
        if shown:
            say(f"{table.name}: {len(table):,} rows × {table.x.shape[1]:,}")
        if propose:
            _show_proposals(_proposed(table), source, as_json=as_json)
            return
        report = _audited(table, first, max_excess, max_loss)
    if out is not None:
        _write(report, out)
    _show(report, out, as_json=as_json)
    if strict and not report.passed:
        raise typer.Exit(1)


def _rows(source: str, reader: Any, roles: dict[str, Any], before: str | None) -> tuple[Table, Any]:
    """The rows with their columns, and those before treatment."""
    from dataclasses import replace

    from latentatlas.cli.landscapes import is_run
    from latentatlas.data import read_table

    if is_run(source):
        return _of_run(source, roles, before)
    table = read_table(source, reader, **roles)
    if before is None:
        return table, None
    first = read_table(before)
    if len(first) != len(table):
        from latentatlas.core.errors import DataError

        raise DataError(
            f"audit wants the same {len(table)} rows before treatment, in the same order; {before} has {len(first)}. "
            "Give the file that the audited rows were made from."
        )
    return replace(table, name=Path(source).name), first.x


def _of_run(source: str, roles: dict[str, Any], before: str | None) -> tuple[Table, Any]:
    """The latent of a run, with its columns; the rows it was made of are those before."""
    from dataclasses import replace

    from latentatlas.build import load
    from latentatlas.core.errors import DataError, SpecError, did_you_mean

    if before is not None or roles["vector"]:
        raise SpecError("audit of a run compares its latent with its own rows; leave --before and --vector out.")
    atlas = load(source)
    known = atlas.table_.rows()
    for name in (*roles["nuisance"], *([roles["label"]] if roles["label"] else [])):
        if name not in known:
            raise DataError(f"{source} has no column {name!r}. {did_you_mean(name, known)}")
    table = replace(
        atlas.table_,
        x=atlas.latent_,
        columns=(),
        item_shape=None,
        item_axes=(),
        name=f"the latent of {Path(source).name}",
        nuisance={name: known[name] for name in roles["nuisance"]} or atlas.table_.nuisance,
        label=known[roles["label"]] if roles["label"] else atlas.table_.label,
        metadata={name: values for name, values in atlas.table_.metadata.items() if name not in roles["nuisance"]},
    )
    return table, atlas.model_.preparation(atlas.table_.x)


def _proposed(table: Table) -> Proposals:
    from latentatlas.auditing import propose_nuisances

    return propose_nuisances(table)


def _audited(table: Table, first: Any, max_excess: float, max_loss: float) -> AuditReport:
    from latentatlas.auditing import audit as audited
    from latentatlas.auditing import audit_probes
    from latentatlas.checks import Leakage, Removal
    from latentatlas.core.errors import DataError

    if not table.nuisance:
        raise DataError(
            f"audit wants --nuisance COL, a column that must not show; columns of {table.name}: "
            f"{', '.join(table.rows()) or 'none'}. --propose ranks them."
        )
    probes = audit_probes()
    return audited(
        table,
        before=first,
        leakage=Leakage(max_excess=max_excess, probes=probes),
        removal=Removal(max_loss=max_loss, probes=probes[:2]),
    )


def _require_kind(out: Path) -> None:
    from latentatlas.core.errors import SpecError

    if out.suffix not in (".html", ".png", ".json"):
        raise SpecError(f"audit wants --out as a .html, .png or .json file; got {str(out)!r}. Write --out report.html.")


def _write(report: AuditReport, out: Path) -> None:
    {".html": report.to_html, ".png": report.to_png, ".json": report.to_json}[out.suffix](out)


def _show(report: AuditReport, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict() | {"report": None if out is None else str(out)})
        return
    print_certificate([verdict.to_dict() for verdict in report.verdicts], title=f"Audit of {report.title}")
    for entry in report.nuisances:
        if entry.advice is not None:
            say(f"{entry.name}: {entry.advice.method} {entry.advice.why}")
    if out is not None:
        say(f"Wrote {out}")


def _show_proposals(proposals: Proposals, source: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"source": source} | proposals.to_dict())
        return
    from rich.markup import escape

    cells = [
        (
            "•" if entry.name in proposals.found else "",
            escape(entry.name),
            entry.kind,
            number(entry.cka),
            number(entry.p_corrected),
        )
        for entry in proposals.ranked
    ]
    columns = ("", "name", "kind", "debiased CKA", "p (corrected)")
    print_table(columns, cells, title=f"What {source} depends on", numbers=columns[3:])
    for name, why in proposals.left_out.items():
        say(f"{name} left out: {why}.")
