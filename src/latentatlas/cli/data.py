"""`latentatlas data`: the corpora."""

from __future__ import annotations

from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, print_json, print_table, say

app = typer.Typer(help="List and fetch the public data sets that have a name.", no_args_is_help=True)


@app.command("list")
def list_corpora(as_json: JsonOption = False) -> None:
    """All corpora with their size and terms."""
    from latentatlas.data import corpora

    if as_json:
        print_json(
            {
                name: {
                    "title": c.title,
                    "rows": c.rows,
                    "features": c.features,
                    "license": c.license,
                    "splits": c.splits,
                }
                for name, c in corpora().items()
            }
        )
        return
    rows = [(name, c.title, f"{c.rows:,}", f"{c.features:,}", c.license) for name, c in corpora().items()]
    print_table(("name", "what", "rows", "features", "terms"), rows, title="Corpora", numbers=("rows", "features"))


@app.command("get")
def get_corpus(
    name: Annotated[str, typer.Argument(help="Name of a corpus.", show_default=False)], as_json: JsonOption = False
) -> None:
    """Download a corpus into the cache, verified by checksum; nothing to do where a prepared copy is at hand."""
    from latentatlas.data import download_corpus

    paths = [str(path) for path in download_corpus(name)]
    if as_json:
        print_json({"corpus": name, "files": paths})
    elif paths:
        say("\n".join(paths))
    else:
        say(f"{name} comes with the installation; there is nothing to download.")
