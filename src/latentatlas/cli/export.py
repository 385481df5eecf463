"""`latentatlas export`: a run for other tools, the encoder alone for other runtimes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from latentatlas.cli.output import JsonOption, RunArgument, print_json, say

_SET_FILES = ("dataset_info.json", "state.json")


class _Written(NamedTuple):
    """What is told of a file: a line for people, and facts for programs."""

    line: str
    facts: dict[str, Any]


def export(
    run: RunArgument,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="A file that ends in .onnx, .h5ad or .parquet, or a folder without an ending.",
            show_default=False,
        ),
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a run for other tools; the ending of --out says for which.

    .onnx: the encoder alone, rows in the units of the data in, latent and map out (extra onnx). .h5ad: AnnData (extra
    anndata). .parquet: the points as Embedding Atlas opens them. A folder: a data set of Hugging Face (extra hf).
    """
    from latentatlas.core.errors import StoreError

    write = _WRITERS.get(out.suffix)
    if write is None:
        raise StoreError(
            f"export wants --out to end in .onnx, .h5ad or .parquet, or a folder without an ending; got {out.name}. "
            "Rename it."
        )
    if out.exists() and not overwrite:
        raise StoreError(f"export wants a new file; {out} is there. Pass --overwrite or another name.")
    line, facts = write(run, out)
    if as_json:
        print_json({"out": str(out), "bytes": _size(out), **facts})
    else:
        say(f"{_size(out) / 1e6:.1f} MB → {out}; {line}")


def _onnx(run: Path, out: Path) -> _Written:
    from latentatlas.build import load
    from latentatlas.estimator.exporting import export_encoder
    from latentatlas.store import write_whole

    exported = export_encoder(load(run), "onnx")
    write_whole(out, exported.content)
    if exported.difference is None:
        return _Written("not compared with the atlas, as onnxruntime is not installed", {"difference": None})
    line = f"differs from the atlas by at most {exported.difference:.0e} of the spread"
    return _Written(line, {"difference": exported.difference})


def _h5ad(run: Path, out: Path) -> _Written:
    from latentatlas.store import open_run, to_anndata

    cells = to_anndata(open_run(run))
    _beside(out, cells.write_h5ad)
    return _Written(f"anndata.read_h5ad({out.name!r}) reads it", {"rows": cells.n_obs})


def _dataset(run: Path, out: Path) -> _Written:
    from latentatlas.core.errors import StoreError
    from latentatlas.store import open_run, to_dataset

    if out.exists() and not all((out / name).is_file() for name in _SET_FILES):
        raise StoreError(f"export replaces data sets only; {out} is none. Pass another name.")
    rows = to_dataset(open_run(run))
    _beside(out, rows.save_to_disk)
    return _Written(f"datasets.load_from_disk({out.name!r}) reads it", {"rows": len(rows)})


def _parquet(run: Path, out: Path) -> _Written:
    import pyarrow.parquet as pq

    from latentatlas.store import embedding_atlas_table, open_run

    table = embedding_atlas_table(open_run(run))
    _beside(out, lambda path: pq.write_table(table, path, compression="zstd"))
    known = ["--neighbors", "neighbors"] if "neighbors" in table.column_names else []
    command = " ".join(["embedding-atlas", out.name, "--x", "projection_x", "--y", "projection_y", *known])
    return _Written(f"opens with {command}", {"rows": len(table), "command": command})


def _beside(out: Path, write: Callable[[Path], object]) -> None:
    """Write beside the place, then rename: what is there stays if writing fails."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        made = Path(folder) / out.name
        write(made)
        if out.is_dir():
            shutil.rmtree(out)
        made.replace(out)


def _size(out: Path) -> int:
    files = out.rglob("*") if out.is_dir() else [out]
    return sum(path.stat().st_size for path in files)


_WRITERS: dict[str, Callable[[Path, Path], _Written]] = {
    ".onnx": _onnx,
    ".h5ad": _h5ad,
    ".parquet": _parquet,
    "": _dataset,
}
