"""The routes: one run, read only, as JSON and arrays; and the page that shows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from latentatlas.core.errors import AtlasError, StoreError
from latentatlas.server.bodies import (
    MOST_HITS,
    AnnotationBody,
    CountsBody,
    ExportBody,
    MaskBody,
    PageBody,
    PathBody,
    RecallBody,
    RowsBody,
    SampleBody,
    SearchBody,
)
from latentatlas.server.explorer import Explorer, LateExplorer
from latentatlas.server.exporting import FORMATS, exported
from latentatlas.server.guard import Guard
from latentatlas.server.masks import mask_of, packed
from latentatlas.server.offline import STATIC
from latentatlas.server.watching import fit_beside, records_of
from latentatlas.store.contents import nulls_for_nonfinite

__all__ = ["application_of", "explorer_app"]

_SMALL_BYTES = 1_000_000
_BYTES_PER_ROW = 12  # a number of up to 8 digits and its comma, as annotations send them; a bit takes .17
_LATE_BYTES = 25_000_000  # of a run whose rows are not known yet


def explorer_app(path: str | Path, *, token: str | None = None, compare: str | Path | None = None) -> Guard:
    """The explorer of a run folder as an ASGI application.

    Args:
        path: the run folder.
        token: secret that every request must bring; None answers to localhost alone.
        compare: folder of another run of the same rows; None is none.

    Raises:
        StoreError: if a folder is no run, or damaged, and no fit is at work on it.
        DataError: if its points have no map, or the runs share no rows.
    """
    path = Path(path)
    if not path.exists() and fit_beside(path) is not None:
        return _application(LateExplorer(path, compare), path, token=token, most_bytes=_LATE_BYTES)
    return application_of(Explorer(path, compare), token=token)


def application_of(explorer: Explorer, *, token: str | None) -> Guard:
    """The same for an explorer that is open; see `explorer_app`."""
    most_bytes = _SMALL_BYTES + _BYTES_PER_ROW * explorer.columns.rows
    return _application(lambda: explorer, explorer.run.path, token=token, most_bytes=most_bytes)


def _application(opened: Callable[[], Explorer], path: Path, *, token: str | None, most_bytes: int) -> Guard:
    app = FastAPI(title="latentatlas explorer", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.opened = opened
    app.state.path = path
    app.include_router(_routes)
    app.add_exception_handler(AtlasError, _atlas_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    if STATIC.is_dir():
        app.mount("/assets", StaticFiles(directory=STATIC / "assets"))
    return Guard(app, token=token, most_bytes=most_bytes)


def _open(request: Request) -> Explorer:
    explorer: Explorer = request.app.state.opened()
    explorer.check()
    return explorer


_Open = Annotated[Explorer, Depends(_open)]
_routes = APIRouter()


@_routes.get("/")
def page() -> Response:
    """The page."""
    if not (STATIC / "index.html").is_file():
        text = "The page of the explorer is not built. In a checkout: make web. An installed package holds it."
        return Response(text, 503, media_type="text/plain")
    return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})


@_routes.get("/api/run")
def overview(explorer: _Open) -> Response:
    """Facts, columns, basins."""
    answer = _json(explorer.overview())
    explorer.patterns.fetch()
    return answer


@_routes.get("/api/certificate")
def certificate(explorer: _Open) -> Response:
    """Verdicts and metrics."""
    return _json(explorer.certificate())


@_routes.get("/api/history")
def history(explorer: _Open) -> Response:
    """The training log, by column."""
    return _json({name: values.tolist() for name, values in explorer.run.history().items()})


@_routes.get("/api/training")
def training(request: Request) -> Response:
    """What a fit that is at work on this folder has recorded; null where none is."""
    return _json(records_of(request.app.state.path))


@_routes.get("/api/columns/{name:path}")
def column(explorer: _Open, name: str) -> Response:
    """A column as float32 or uint16, little-endian."""
    return _bytes(explorer.columns.array(name).tobytes())


@_routes.get("/api/charts")
def charts(explorer: _Open) -> Response:
    """What is known of the charts."""
    return _json(explorer.charts.summary())


@_routes.get("/api/charts/{number}")
def chart(explorer: _Open, number: int) -> Response:
    """Where rows lie in a chart."""
    return _json(explorer.charts.places(number))


@_routes.get("/api/terrain")
def terrain(explorer: _Open) -> Response:
    """The passes between basins."""
    return _json([found._asdict() for found in explorer.terrain.passes])


@_routes.get("/api/terrain/{row}")
def descent(explorer: _Open, row: int) -> Response:
    """The way down from a row."""
    return _json(explorer.terrain.way_down(row))


@_routes.get("/api/comparison/{axis}")
def comparison(explorer: _Open, axis: str) -> Response:
    """Where the rows lie on the map of the other run, as float32: "x" or "y"."""
    if explorer.comparison is None:
        return _error(
            404, "There is no other run to compare with. Start with: latentatlas explore RUN --compare OTHER."
        )
    if axis not in ("x", "y"):
        return _error(404, f"A map has the axes x and y; got {axis[:100]!r}.")
    return _bytes(explorer.comparison.places[:, "xy".index(axis)].astype("<f4").tobytes())


@_routes.post("/api/mask")
def mask(explorer: _Open, body: MaskBody) -> Response:
    """Rows that pass filters, as bits."""
    return _bytes(packed(explorer.queries.mask(body.filters)))


@_routes.post("/api/counts")
def counts(explorer: _Open, body: CountsBody) -> Response:
    """A histogram of all rows and of a selection."""
    return _json(explorer.queries.counts(body.column, bins=body.bins, mask=_mask(explorer, body.mask))._asdict())


@_routes.post("/api/page")
def table_page(explorer: _Open, body: PageBody) -> Response:
    """Rows of a selection, in order."""
    rows = explorer.queries.page(
        body.columns,
        mask=_mask(explorer, body.mask),
        order=body.order,
        descending=body.descending,
        offset=body.offset,
        limit=body.limit,
    )
    return _json(rows)


@_routes.post("/api/rows")
def rows(explorer: _Open, body: RowsBody) -> Response:
    """Rows by their numbers."""
    return _json(explorer.queries.rows(body.columns, body.rows))


@_routes.post("/api/patterns")
def patterns(explorer: _Open, body: RowsBody) -> Response:
    """How rows look."""
    return _json(explorer.patterns.of_rows(body.rows))


@_routes.get("/api/neighbours/{row}")
def neighbours(explorer: _Open, row: int, k: Annotated[int, Query(ge=1, le=MOST_HITS)] = 8) -> Response:
    """Neighbours in the latent and in the data."""
    lists = explorer.neighbours.of(row, k)
    return _json({name: [near._asdict() for near in found] for name, found in lists.items()})


@_routes.post("/api/search")
def search(explorer: _Open, body: SearchBody) -> Response:
    """Rows nearest to a row, a text or a vector."""
    given = [name for name in ("row", "id", "text", "vector") if getattr(body, name) is not None]
    if len(given) != 1:
        return _error(422, f"search wants one of row, id, text, vector; got {', '.join(given) or 'none'}.")
    row = body.row if body.id is None else explorer.queries.find(body.id)
    if body.id is not None and row is None:
        return _error(404, f"The run has no row with the id {body.id[:100]!r}.")
    if row is not None:
        vector = explorer.vector_of_row(row)
    elif body.text is not None:
        vector = explorer.atlas.vector_of_text(body.text)
    else:
        vector = np.asarray([body.vector], dtype=np.float64)
    found = explorer.nearest(vector, body.k, without=row, mask=_mask(explorer, body.mask))
    return _json({"row": row, **found})


@_routes.post("/api/export/{form}")
def export(explorer: _Open, form: str, body: ExportBody) -> Response:
    """A selection as CSV or Parquet."""
    content = exported(explorer.run, form, _mask(explorer, body.mask), explorer.columns.added)
    return Response(content, media_type=FORMATS[form], headers={"cache-control": "no-store"})


@_routes.get("/api/annotations")
def notes(explorer: _Open) -> Response:
    """Every annotation."""
    return _json(explorer.annotations.all())


@_routes.post("/api/annotations")
def annotate(explorer: _Open, body: AnnotationBody) -> Response:
    """A new annotation."""
    return _json(explorer.annotations.add(body.text, body.rows, of=explorer.columns.rows))


@_routes.delete("/api/annotations/{name}")
def forget(explorer: _Open, name: str) -> Response:
    """One annotation less."""
    explorer.annotations.remove(name)
    return _json({})


@_routes.post("/api/sample")
def sample(explorer: _Open, body: SampleBody) -> Response:
    """New patterns."""
    return _json(explorer.atlas.sample(body.n, basin=body.basin, seed=body.seed))


@_routes.post("/api/recall")
def recall(explorer: _Open, body: RecallBody) -> Response:
    """A row remembered from a corrupted copy."""
    return _json(explorer.atlas.recall(body.row, noise=body.noise, seed=body.seed))


@_routes.post("/api/path")
def path(explorer: _Open, body: PathBody) -> Response:
    """The way of low energy between two rows."""
    return _json(explorer.atlas.path(body.start, body.end, steps=body.steps))


def _mask(explorer: Explorer, text: str | None) -> np.ndarray | None:
    return mask_of(text, explorer.columns.rows)


def _json(content: Any) -> Response:
    text = json.dumps(nulls_for_nonfinite(content), ensure_ascii=False, default=_plain)
    return Response(text, media_type="application/json", headers={"cache-control": "no-store"})


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)  # dates and the like


def _bytes(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream", headers={"cache-control": "no-store"})


def _error(status: int, message: str) -> Response:
    # a browser may keep "gone" for ever, and not ask again when the run is there
    headers = {"cache-control": "no-store"}
    return Response(json.dumps({"error": message}), status, headers, media_type="application/json")


def _atlas_error(request: Request, error: Exception) -> Response:
    """A run that is gone or changed is 410, everything else that the library refuses is the fault of the question."""
    return _error(410 if isinstance(error, StoreError) else 400, str(error))


def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _error(422, f"The request is not as the page sends it: {where}: {first['msg']}.")
