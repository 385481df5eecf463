"""`latentatlas data`: what corpora there are, their files, and what any source holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, number, print_json, print_table, say

if TYPE_CHECKING:
    from latentatlas.data import Corpus, CorpusFile, Table

app = typer.Typer(help="List, fetch and look at data sets.", no_args_is_help=True)

_SHOWN_LABELS = 10
_KINDS = {"b": "boolean", "i": "number", "u": "number", "f": "number", "M": "time", "m": "duration"}


@app.command("list")
def list_corpora(as_json: JsonOption = False) -> None:
    """All corpora with their size and terms."""
    from latentatlas.data import corpora

    if as_json:
        print_json({name: _about(corpus) for name, corpus in corpora().items()})
        return
    rows, kind = [], None
    for name, corpus in corpora().items():
        if corpus.kind != kind:
            kind = corpus.kind
            rows.append((f"[bold]{kind}[/]", "", "", "", ""))
        edition = _usable(corpus)
        sizes = (f"{edition['rows']:,}", f"{edition['features']:,}")
        rows.append((name, corpus.title, *sizes, corpus.license))
    print_table(("name", "what", "rows", "features", "terms"), rows, title="Corpora", numbers=("rows", "features"))


@app.command("get")
def get_corpus(
    name: Annotated[str, typer.Argument(help="Name of a corpus.", show_default=False)],
    edition: Annotated[
        str | None, typer.Option(help="prepared or published; the one at hand, else published, if not given.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Download a corpus into the cache, verified by checksum; nothing to do where a prepared copy is at hand."""
    from latentatlas.core import did_you_mean
    from latentatlas.core.errors import DataError
    from latentatlas.data import corpora

    if name not in corpora():
        raise DataError(f"There is no corpus {name!r}. {did_you_mean(name, corpora())}")
    corpus = corpora()[name]
    chosen = corpus.edition(edition)
    paths = corpus.download(edition=chosen.name) if as_json else _with_bars(corpus, chosen.name)
    files = [
        {"path": str(path), "bytes": path.stat().st_size, "checksum": file.checksum}
        for path, file in zip(paths, chosen.files, strict=True)
    ]
    if as_json:
        print_json({"corpus": name, "edition": chosen.name, "license": corpus.license, "files": files})
    elif files:
        rows = [(each["path"], f"{each['bytes'] / 1e6:.2f}", each["checksum"]) for each in files]
        print_table(("file", "MB", "checksum"), rows, title=f"{name} ({chosen.name}), verified", numbers=("MB",))
        say(f"Terms: {corpus.license}. Please cite: {corpus.citation}.")
    else:
        say(f"{name} is {chosen.name}; there is nothing to download.")


@app.command("show")
def show_source(
    source: Annotated[str, typer.Argument(help="A corpus, or what fit takes.", show_default=False)],
    label: Annotated[str | None, typer.Option(help="Column of classes.")] = None,
    nuisance: Annotated[list[str] | None, typer.Option(help="Column that must not matter. May be repeated.")] = None,
    environment: Annotated[str | None, typer.Option(help="Column of environments.")] = None,
    vector: Annotated[list[str] | None, typer.Option(help="Column to map; all numbers if not given.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of unique row ids.")] = None,
    as_json: JsonOption = False,
) -> None:
    """What a source holds: rows, features, columns and their kinds, labels; of a corpus also its terms."""
    from latentatlas.data import corpora, read_table

    table = read_table(
        source, vector=vector, label=label, nuisance=nuisance or (), environment=environment, id_column=id_column
    )
    corpus = corpora().get(source.split(":")[0])
    facts = _facts(table) | ({} if corpus is None else {"corpus": _about(corpus) | {"edition": _usable(corpus)}})
    if as_json:
        print_json({"source": source} | facts)
    else:
        _print_facts(facts)


def _about(corpus: Corpus) -> dict[str, Any]:
    """What the registry knows of a corpus, as plain data; rows and features are those of the edition to be taken."""
    usable = _usable(corpus)
    return {
        "kind": corpus.kind,
        "title": corpus.title,
        "details": corpus.details,
        "rows": usable["rows"],
        "features": usable["features"],
        "license": corpus.license,
        "citation": corpus.citation,
        "source": corpus.source,
        "splits": corpus.splits,
        "views": corpus.views,
        "editions": [
            {
                "name": edition.name,
                "rows": edition.rows,
                "features": edition.features,
                "note": edition.note,
                "at_hand": edition.at_hand,
                "downloadable": edition.downloadable,
                "files": [{"name": file.name, "bytes": file.size, "checksum": file.checksum} for file in edition.files],
            }
            for edition in corpus.editions
        ],
    }


def _usable(corpus: Corpus) -> dict[str, Any]:
    """Name and size of the edition that would be taken; the first where none is to be had."""
    from latentatlas.core.errors import DataError

    try:
        edition = corpus.edition()
    except DataError:
        edition = corpus.editions[0]
    return {"name": edition.name, "rows": edition.rows, "features": edition.features, "note": edition.note}


def _facts(table: Table) -> dict[str, Any]:
    """What a table holds, as plain data."""
    import numpy as np

    facts: dict[str, Any] = {
        "name": table.name,
        "rows": len(table),
        "features": table.x.shape[1],
        "columns": list(table.columns[:3]) + (["…"] if len(table.columns) > 3 else []),
        "item_shape": table.item_shape,
        "x": {"min": float(table.x.min()), "max": float(table.x.max()), "mean": float(table.x.mean(dtype=np.float64))},
        "ids": {"kind": _kind(table.ids), "first": table.ids[:3]},
        "roles": {
            name: _column(values)
            for name, values in {**table.nuisance, "label": table.label, "environment": table.environment}.items()
            if values is not None
        },
        "metadata": {name: _column(values) for name, values in table.metadata.items()},
        "fingerprint": table.fingerprint,
    }
    if table.label is not None:
        names, counts = np.unique(table.label, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        facts["labels"] = {str(names[each]): int(counts[each]) for each in order}
    return facts


def _column(values: Any) -> dict[str, Any]:
    from latentatlas.data.labels import is_missing

    return {"kind": _kind(values), "missing": int(is_missing(values).sum()), "distinct": len(set(values.tolist()))}


def _kind(values: Any) -> str:
    return _KINDS.get(values.dtype.kind, "text")


def _print_facts(facts: dict[str, Any]) -> None:
    from rich.markup import escape

    x, ids, corpus = facts["x"], facts["ids"], facts.get("corpus")
    shape = "" if facts["item_shape"] is None else f", items of {' × '.join(map(str, facts['item_shape']))}"
    rows = [
        ("rows", f"{facts['rows']:,}"),
        ("features", f"{facts['features']:,}{shape}: {escape(', '.join(facts['columns']))}"),
        ("values", f"{number(x['min'])} to {number(x['max'])}, mean {number(x['mean'])}"),
        ("ids", escape(f"{ids['kind']}: {', '.join(map(str, ids['first']))}, …")),
        ("fingerprint", facts["fingerprint"]),
    ]
    if corpus is not None:
        edition = corpus["edition"]
        note = f" ({edition['note']})" if edition["note"] else ""
        rows += [
            ("what", escape(f"{corpus['title']}. {corpus['details']}")),
            ("edition", f"{edition['name']}{note}"),
            ("parts", ", ".join((*corpus["splits"], *corpus["views"])) or "–"),
            ("terms", corpus["license"]),
            ("cite", corpus["citation"]),
        ]
    print_table(("name", "what"), rows, title=facts["name"])
    known = [(name, role, each) for role in ("roles", "metadata") for name, each in facts[role].items()]
    if known:
        columns = [
            (escape(name), role.removesuffix("s"), each["kind"], f"{each['missing']:,}", f"{each['distinct']:,}")
            for name, role, each in known
        ]
        names = ("name", "use", "kind", "missing", "distinct")
        print_table(names, columns, title=f"Columns of {facts['name']}", numbers=("missing", "distinct"))
    labels = list(facts.get("labels", {}).items())
    if labels:
        shown = [(escape(name), f"{count:,}") for name, count in labels[:_SHOWN_LABELS]]
        rest = f", {_SHOWN_LABELS} largest of {len(labels)}" if len(labels) > _SHOWN_LABELS else ""
        print_table(("name", "rows"), shown, title=f"Labels{rest}", numbers=("rows",))


def _with_bars(corpus: Corpus, edition: str) -> list[Any]:
    """The files of an edition; downloads show a bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        return corpus.download(edition=edition, progress=lambda file: _Bar(progress, file))


class _Bar:
    """One download, as pooch reports it."""

    def __init__(self, progress: Any, file: CorpusFile):
        self.total = file.size
        self._name = file.short_name
        self._progress = progress
        self._task: Any = None

    def update(self, amount: int) -> None:
        if self._task is None:  # only now is it known that the server answers
            self._task = self._progress.add_task(self._name, total=self.total)
        self._progress.update(self._task, advance=amount)

    def reset(self) -> None:
        if self._task is not None:
            self._progress.reset(self._task)

    def close(self) -> None:
        pass
