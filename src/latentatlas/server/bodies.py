"""What a page sends with its questions, and how much of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from latentatlas.server.filters import Filter

__all__ = [
    "MOST_HITS",
    "AnnotationBody",
    "CountsBody",
    "ExportBody",
    "MaskBody",
    "PageBody",
    "PathBody",
    "RecallBody",
    "RowsBody",
    "SampleBody",
    "SearchBody",
]

MOST_HITS = 200


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


_Mask = str | None
_Row = Annotated[int, Field(ge=0, le=2**40)]
_Seed = Annotated[int, Field(ge=0, le=2**31)]


class MaskBody(_Body):
    """Filters that rows must pass."""

    filters: Annotated[list[Filter], Field(max_length=50)]


class CountsBody(_Body):
    """A column to count."""

    column: str
    bins: int = 40
    mask: _Mask = None


class PageBody(_Body):
    """A page of the table."""

    columns: Annotated[list[str], Field(max_length=200)]
    mask: _Mask = None
    order: str | None = None
    descending: bool = False
    offset: Annotated[int, Field(ge=0, le=2**40)] = 0
    limit: int = 100


class RowsBody(_Body):
    """Rows by their numbers."""

    columns: Annotated[list[str], Field(max_length=200)] = []
    rows: Annotated[list[_Row], Field(max_length=1000)]


class SearchBody(_Body):
    """What to look for: a row by number or id, a text, or a vector of the latent."""

    row: _Row | None = None
    id: Annotated[str, Field(max_length=1000)] | None = None
    text: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    vector: Annotated[list[float], Field(max_length=100_000)] | None = None
    k: Annotated[int, Field(ge=1, le=MOST_HITS)] = 20
    mask: _Mask = None


class ExportBody(_Body):
    """A selection."""

    mask: _Mask = None


class AnnotationBody(_Body):
    """A remark on rows."""

    text: Annotated[str, Field(max_length=10_000)]  # with a limit, halves of letters are refused too
    rows: list[_Row]


class SampleBody(_Body):
    """New patterns wanted."""

    n: int = 12
    basin: int | None = None
    seed: _Seed = 0


class RecallBody(_Body):
    """A row to be recalled from a corrupted copy."""

    row: _Row
    noise: float = 0.5
    seed: _Seed = 0


class PathBody(_Body):
    """Two rows to be joined."""

    start: _Row
    end: _Row
    steps: int = 12
