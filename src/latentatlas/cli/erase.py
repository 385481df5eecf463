"""`latentatlas erase`: a nuisance out of any rows, without training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, print_json, say

if TYPE_CHECKING:
    import numpy as np

    from latentatlas.data import Shards, Table
    from latentatlas.erasure import Eraser, Erasure

_COLUMNS = "What the columns are for"
_READING = "How the source is read"
_ERASER = "The eraser"
_METHODS = ("linear", "kernel")
_VECTOR, _ID = "embedding", "id"


def erase(
    source: Annotated[
        str,
        typer.Argument(
            help="A corpus (see `data list`), a .npy, .npz, .csv, .tsv, .jsonl, .parquet or .arrow file, a folder or "
            "glob of shards (streamed), a folder of images, or hf:NAME.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="A .parquet file.", show_default=False)],
    nuisance: Annotated[
        list[str] | None, typer.Option(help="Column that must not be told; repeatable.", rich_help_panel=_COLUMNS)
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(help="Column of classes to keep: linear erasure within each of them.", rich_help_panel=_COLUMNS),
    ] = None,
    numeric: Annotated[
        list[str] | None,
        typer.Option(help="Nuisance of whole numbers that are numbers, no categories.", rich_help_panel=_COLUMNS),
    ] = None,
    vector: Annotated[
        list[str] | None, typer.Option(help="Column of the rows; all numbers if not given.", rich_help_panel=_COLUMNS)
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column of unique row ids.", rich_help_panel=_COLUMNS)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Column of text, embedded by a sentence model.", rich_help_panel=_READING)
    ] = None,
    embedder: Annotated[
        str | None, typer.Option(help="With --text: model, by name or folder.", rich_help_panel=_READING)
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="Bring images to PIXELS or HEIGHTxWIDTH.", rich_help_panel=_READING)
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="linear (least change, exact) or kernel (place by place, non-linear).  \\[default: linear]",
            rich_help_panel=_ERASER,
        ),
    ] = None,
    softness: Annotated[
        float | None,
        typer.Option(help="kernel: smaller mixes more and keeps less.  \\[default: 0.25]", rich_help_panel=_ERASER),
    ] = None,
    eraser: Annotated[
        Path | None, typer.Option(help="A saved eraser to apply; nothing is fitted.", rich_help_panel=_ERASER)
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep the eraser, as .safetensors.", rich_help_panel=_ERASER)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write every row of a source without the nuisance, beside its other columns; keep the eraser for new rows."""
    from latentatlas.cli.rows import reader_from, reading, rows_of
    from latentatlas.erasure import load_erasure

    _require_sound(method, softness, eraser=eraser, save=save, within=within, nuisance=nuisance, numeric=numeric)
    _require_free(out, save, overwrite=overwrite)
    known = None if eraser is None else load_erasure(eraser)
    reader = reader_from(
        text=text, embedder=embedder, image_size=image_size, rows=None, by=None, value=None, components=None
    )
    roles = {"vector": vector, "label": within, "nuisance": nuisance or (), "environment": None}
    started = time.perf_counter()
    with reading(shown=not as_json):
        rows = rows_of(source, reader, {**roles, "id_column": id_column}, training_rows=None)
        if not as_json:
            say(f"{len(rows):,} rows × {len(rows.columns):,} features")
        erasure = known
        if erasure is None:
            chosen = _eraser(method, softness, tuple(numeric or ()))
            erasure = _fitted(rows, chosen, labelled=within is not None, shown=not as_json)
        _write(out, rows, erasure, within=within)
    if save is not None:
        erasure.save(save)
    summary = _summary(erasure, out=out, save=save, rows=len(rows)) | {"seconds": time.perf_counter() - started}
    if as_json:
        print_json(summary)
    else:
        kept = "" if save is None else f", eraser → {save}"
        say(f"{summary['erased']} in {summary['seconds']:.1f} s → {out}{kept}")


def _require_sound(
    method: str | None,
    softness: float | None,
    *,
    eraser: Path | None,
    save: Path | None,
    within: str | None,
    nuisance: list[str] | None,
    numeric: list[str] | None,
) -> None:
    from latentatlas.core.errors import SpecError, did_you_mean

    if method is not None and method not in _METHODS:
        raise SpecError(f"erase has no method {method!r}. {did_you_mean(method, _METHODS)}")
    if softness is not None and method != "kernel":
        raise SpecError("--softness is for --method kernel. Leave it out, or choose kernel.")
    if within is not None and method == "kernel":
        raise SpecError("--within is for --method linear: kernel aligns groups whole. Leave one of them out.")
    if eraser is None:
        if not nuisance:
            raise SpecError("erase wants --nuisance COL, or --eraser FILE with a saved eraser; got neither. Name one.")
        return
    fitting = {"--method": method, "--softness": softness, "--save": save, "--within": within, "--numeric": numeric}
    for option, value in fitting.items():
        if value:
            raise SpecError(f"{option} is for an eraser that is fitted; --eraser applies one as it is. Leave one out.")


def _require_free(out: Path, save: Path | None, *, overwrite: bool) -> None:
    from latentatlas.core.errors import StoreError

    for path, suffix, option in ((out, ".parquet", "--out"), (save, ".safetensors", "--save")):
        if path is None:
            continue
        if path.suffix != suffix:
            raise StoreError(f"erase wants {option} to end in {suffix}; got {path.name}. Rename it.")
        if path.exists() and not overwrite:
            raise StoreError(f"erase wants a new file; {path} is there. Pass --overwrite or another name.")


def _eraser(method: str | None, softness: float | None, numeric: tuple[str, ...]) -> Eraser:
    from latentatlas.erasure import KernelEraser, LinearEraser

    if method != "kernel":
        return LinearEraser(numeric=numeric)
    return KernelEraser(numeric=numeric) if softness is None else KernelEraser(numeric=numeric, softness=softness)


def _fitted(rows: Table | Shards, eraser: Eraser, *, labelled: bool, shown: bool) -> Erasure:
    from latentatlas.data import Table

    for block in [rows] if isinstance(rows, Table) else rows.blocks():
        eraser.update(block.x, block.nuisance, block.label if labelled else None)
    if shown:
        say(f"Fitting {type(eraser).__name__} …")
    return eraser.erasure


def _write(out: Path, rows: Table | Shards, erasure: Erasure, *, within: str | None) -> None:
    from latentatlas.data import Table
    from latentatlas.store import ColumnBlocks, write_table

    if isinstance(rows, Table):
        write_table(out, _described(rows, erasure, within))
        return
    write_table(out, ColumnBlocks(len(rows), lambda: (_described(block, erasure, within) for block in rows.blocks())))


def _described(block: Table, erasure: Erasure, within: str | None) -> dict[str, np.ndarray]:
    """Ids, the rows without the nuisance, and every other column under its name."""
    from latentatlas.store import free_column

    erased = erasure(block.x, block.nuisance or None)
    known = {
        within if name == "label" and within is not None else name: values for name, values in block.rows().items()
    }
    return {
        _ID: block.ids,
        _VECTOR: erased,
        **{free_column(name, {_ID, _VECTOR}): values for name, values in known.items()},
    }


def _summary(erasure: Erasure, *, out: Path, save: Path | None, rows: int) -> dict[str, Any]:
    from latentatlas.erasure import KernelErasure, LinearErasure

    if isinstance(erasure, LinearErasure):
        names, erased = list(erasure.nuisances), f"{erasure.rank} of {erasure.features} dimensions erased"
        extra = {"method": "linear", "dimensions": erasure.rank, "within_label": erasure.within_label}
    else:
        assert isinstance(erasure, KernelErasure)
        names, erased = list(erasure.grouping.values), f"{len(erasure.grouping)} groups aligned"
        extra = {"method": "kernel", "groups": len(erasure.grouping)}
    saved = None if save is None else str(save)
    return {"out": str(out), "rows": rows, "nuisances": names, "saved": saved, "erased": erased, **extra}
