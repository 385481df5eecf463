"""`latentatlas export`: the encoder of a run for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, RunArgument, print_json, say


def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="A .onnx file.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the encoder alone as ONNX: rows in the units of the data in, latent and map out. Needs the extra onnx."""
    from latentatlas.build import load
    from latentatlas.core.errors import StoreError
    from latentatlas.estimator.exporting import export_encoder
    from latentatlas.store import write_whole

    if out.suffix != ".onnx":
        raise StoreError(f"export wants --out to end in .onnx; got {out.name}. Rename it.")
    if out.exists() and not overwrite:
        raise StoreError(f"export wants a new file; {out} is there. Pass --overwrite or another name.")
    exported = export_encoder(load(run), "onnx")
    write_whole(out, exported.content)
    size = len(exported.content)
    if as_json:
        print_json({"out": str(out), "bytes": size, "difference": exported.difference})
        return
    compared = (
        "not compared with the atlas, as onnxruntime is not installed"
        if exported.difference is None
        else f"differs from the atlas by at most {exported.difference:.0e} of the spread"
    )
    say(f"{size / 1e6:.1f} MB → {out}; {compared}")
