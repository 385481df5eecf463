"""A run as one HTML file: the page of the explorer with the data inside, to be mailed or put on any web server."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core.errors import SpecError
from latentatlas.server.explorer import Explorer
from latentatlas.server.patterns import Patterns
from latentatlas.server.terrain import Terrain
from latentatlas.store import among_all_points
from latentatlas.store.contents import nulls_for_nonfinite

__all__ = ["STATIC", "built", "offline_page", "page_with"]

STATIC = Path(__file__).parent / "static"

_WHOLE = ("number", "category")
_MOST_ROWS = 50_000
_MOST_PATTERN_BYTES = 48_000_000


def offline_page(path: str | Path) -> str:
    """The explorer of a run without a server: everything but what needs the model, notes and Parquet.

    Patterns are inside where they take at most 48 MB: one byte for a value of a picture, four for any other.

    Args:
        path: the run folder, of at most 50,000 rows.

    Returns:
        One HTML page that asks for nothing else: about 100 kB; for each row 4 bytes a column, 120 for 15 neighbours,
        4 for its step down, and its pattern, a third more in base64; of charts, the numbers of up to 5,000 rows each.

    Raises:
        SpecError: if the run has more rows, or the page is not built.
        StoreError: if the folder is no run, or damaged.
    """
    explorer = Explorer(path)
    if explorer.columns.rows > _MOST_ROWS:
        raise SpecError(
            f"One page holds up to {_MOST_ROWS:,} rows; {path} has {explorer.columns.rows:,}. Use latentatlas explore."
        )
    return page_with(f'<script type="application/json" id="run-data">{_json(_data(explorer))}</script>')


def page_with(inside: str) -> str:
    """The page of the explorer as one HTML text with scripts, styles and some markup inside, which its script finds.

    Raises:
        SpecError: if the page is not built.
    """
    page = built("index.html")
    page = re.sub(r'<link rel="stylesheet"[^>]*href="/([^"]+)">', lambda link: _style(link[1]), page)
    script = re.search(r'<script type="module"[^>]*src="/([^"]+)"></script>', page)
    assert script is not None, "vite writes one module script"
    return page.replace(script[0], "").replace("</body>", f"{inside}{_script(script[1])}</body>")


def built(name: str) -> str:
    """A file that vite wrote.

    Raises:
        SpecError: if the page is not built.
    """
    if not (STATIC / name).is_file():
        raise SpecError("The page of the explorer is not built. In a checkout: make web.")
    return (STATIC / name).read_text()


def _style(name: str) -> str:
    return f"<style>{built(name)}</style>"


def _script(name: str) -> str:
    code = built(name).replace("</script", "<\\/script")
    return f'<script type="module">{code}</script>'


def _json(data: Any) -> str:
    """JSON that HTML cannot take for markup."""
    return json.dumps(nulls_for_nonfinite(data), ensure_ascii=False, default=str).replace("<", "\\u003c")


def _data(explorer: Explorer) -> dict[str, Any]:
    overview = explorer.overview() | {"model": False}
    kept = _patterns(explorer.patterns)
    if kept is None and overview["patterns"] != "text":
        overview["patterns"] = "none"
    columns = explorer.columns.describe()
    texts = [column.name for column in columns if column.kind == "text"]
    points = explorer.run.points(texts) if texts else {}
    arrays = {column.name: explorer.columns.array(column.name) for column in columns if column.kind in _WHOLE}
    return {
        "overview": overview,
        "certificate": explorer.certificate(),
        "history": {name: values.tolist() for name, values in explorer.run.history().items()},
        "columns": {name: _packed(values) for name, values in arrays.items()},
        "texts": {name: values.tolist() for name, values in points.items()},
        "graphs": _graphs(explorer),
        "charts": explorer.charts.summary() if explorer.charts.count else None,
        "places": [explorer.charts.places(number) for number in range(explorer.charts.count)],
        "terrain": _terrain(explorer.terrain),
        "patterns": kept,
    }


def _terrain(terrain: Terrain) -> dict[str, Any] | None:
    """The passes, and where a step down from each row leads."""
    if not terrain.there:
        return None
    passes = [found._asdict() for found in terrain.passes]
    return {"passes": passes, "below": _packed(terrain.below.astype(np.int32))}


def _graphs(explorer: Explorer) -> dict[str, Any]:
    """Both graphs, with the numbers of the points; −1 and infinity for rows outside a sample."""
    run, rows = explorer.run, explorer.columns.rows
    sampled = run.sampled()
    graphs = {}
    for name in ("latent", "input"):
        if f"graph/{name}_indices.npy" not in explorer.run.files:
            continue
        near, far = among_all_points(run.graph(name), sampled, rows)
        graphs[name] = {"k": near.shape[1], "rows": _packed(near), "distances": _packed(far)}
    return graphs


def _patterns(patterns: Patterns) -> dict[str, Any] | None:
    """All patterns where they fit and there is one for every row; None otherwise."""
    if patterns.kind in ("none", "text") or patterns.sampled is not None:
        return None
    values = patterns.values()
    shape = list(patterns.shape or values.shape[1:])
    if values.size * (1 if patterns.kind == "image" else 4) > _MOST_PATTERN_BYTES:
        return None
    if patterns.kind == "image":
        values, shape = patterns.pixels(np.asarray(values)), patterns.pixels(np.asarray(values[:1])).shape[1:]
    kept = np.asarray(values, np.uint8 if patterns.kind == "image" else np.float32).reshape(len(values), -1)
    return {"features": kept.shape[1], "shape": list(shape), "values": _packed(kept)}


def _packed(values: np.ndarray) -> dict[str, str]:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return {"type": f"{values.dtype.kind}{values.dtype.itemsize}", "data": base64.b64encode(little.tobytes()).decode()}
