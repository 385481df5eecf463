"""`latentatlas charts`: the charts of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from latentatlas.cli.output import JsonOption, RunArgument, number, print_json, print_metrics, print_table

if TYPE_CHECKING:
    import numpy as np

_LEADING = 3


def charts(
    run: RunArgument,
    shown: Annotated[int, typer.Option("--labels", min=0, help="Leading labels of each chart.")] = _LEADING,
    as_json: JsonOption = False,
) -> None:
    """Show every chart with its rows, codes in use and leading labels, and what was measured of all."""
    from latentatlas.core.errors import SpecError
    from latentatlas.store import open_run

    opened = open_run(run)
    points = opened.points()
    if "routing_entropy" not in points:
        raise SpecError(f"charts wants a run with charts; {run} has none. Fit with --charts 10, for example.")
    count = int(_count(opened.spec))
    found = [_described(points, chart, shown) for chart in range(count)]
    metrics = {name.removeprefix("charts."): value for name, value in opened.metrics.items() if _is_of_charts(name)}
    if as_json:
        print_json({"run": str(run), "charts": found, "metrics": metrics})
        return
    cells = [
        (
            str(entry["number"]),
            f"{entry['rows']:,}",
            number(entry["share"]),
            number(entry["membership"]),
            number(entry["codes_in_use"]),
            _escaped(", ".join(f"{name} {share:.0%}" for name, share in entry["labels"].items())),
        )
        for entry in found
    ]
    columns = ("no.", "rows", "share", "membership", "codes in use", "leading labels")
    print_table(columns, cells, title=f"Charts of {run}", numbers=columns[:-1])
    print_metrics(metrics, title="Measured")


def _is_of_charts(name: str) -> bool:
    return name.startswith("charts.")


def _count(spec: dict[str, Any]) -> int:
    return spec["model"]["encoder"]["heads"]["charts"]


def _described(points: dict[str, np.ndarray], chart: int, labels: int) -> dict[str, Any]:
    """Rows, share, mean membership of its rows, codes with rows, and shares of the leading labels of a chart."""
    import numpy as np

    own = points["chart"] == chart
    rows = int(own.sum())
    entry: dict[str, Any] = {
        "number": chart,
        "rows": rows,
        "share": rows / len(own),
        "membership": float(points["chart_membership"][own].mean()) if rows else None,
        "codes_in_use": len(np.unique(points["code"][own])) if "code" in points else None,
        "labels": {},
    }
    if "label" in points and rows:
        names, counts = np.unique(points["label"][own].astype(str), return_counts=True)
        leading = np.argsort(-counts, kind="stable")[:labels]
        entry["labels"] = {str(names[place]): counts[place] / rows for place in leading}
    return entry


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
