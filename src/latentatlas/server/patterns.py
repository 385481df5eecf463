"""What a row looks like: as a picture, a signal, a text or a line of a table."""

from __future__ import annotations

import base64
import contextlib
import io
import threading
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from latentatlas.core.errors import AtlasError, DataError, SpecError
from latentatlas.store import Run

__all__ = ["Patterns"]

_MOST_ROWS = 200
_MOST_VALUES = 4096
_SEEN = 512  # rows that tell how dark and bright pictures are


@final
class Patterns:
    """The patterns of a run, drawn when they are asked for.

    Args:
        run: the run.

    Rows of a run that points to a corpus are read from there, and compared with their fingerprint, at the first use.
    """

    def __init__(self, run: Run):
        self.run = run
        data = run.spec.get("data", {})
        shape = data.get("item_shape")
        self.shape: tuple[int, ...] | None = None if shape is None else tuple(shape)
        self.axes = tuple(data.get("item_axes", ()))
        self.columns: list[str] = data.get("columns", [])
        reader = (data.get("reading") or {}).get("reader") or {}
        self.text_column: str | None = reader.get("column") if reader.get("type") == "data.Texts" else None
        self._lock = threading.Lock()
        self._values: np.ndarray | None = None
        self._range: tuple[float, float] | None = None
        sampled = run.sampled()
        self.sampled = None if sampled is None else np.asarray(sampled)

    @property
    def kind(self) -> str:
        """One of "text", "image", "signal", "table"; "none" where the run has no patterns."""
        if self.text_column is not None:
            return "text"
        if self.run.patterns() is None and self.run.pattern_pointer is None:
            return "none"
        if self.axes:
            return "signal"
        return "image" if _image_layout(self.shape) is not None else "table"

    def of_rows(self, rows: Sequence[int]) -> list[dict[str, Any] | None]:
        """How each row is drawn (see `drawn`); None for rows whose patterns are not kept.

        Raises:
            DataError: for a row that does not exist.
            SpecError: for more than 200 rows.
            StoreError: if the rows of a corpus are no longer what they were.
        """
        if len(rows) > _MOST_ROWS:
            raise SpecError(f"The explorer draws up to {_MOST_ROWS} patterns at once; got {len(rows):,}. Take fewer.")
        if self.kind in ("none", "text"):
            return [None] * len(rows)
        values = self.values()
        places = self._places(rows)
        known = [place for place in places if place is not None]
        drawn = iter(self.drawn(values[known])) if known else iter(())
        return [None if place is None else next(drawn) for place in places]

    def values(self) -> np.ndarray:
        """All patterns, (n, features), memory-mapped where the run holds them."""
        with self._lock:
            if self._values is None:
                kept = self.run.patterns()
                if kept is None:
                    from latentatlas.build import patterns_of

                    kept = patterns_of(self.run)
                self._values = kept
            return self._values

    def fetch(self) -> None:
        """Begin to read the rows of a corpus, which takes seconds; errors are told at the first use."""
        if self.kind not in ("none", "text") and self.run.patterns() is None:
            threading.Thread(target=self._try_values, daemon=True).start()

    def _try_values(self) -> None:
        with contextlib.suppress(AtlasError, OSError):
            self.values()

    def row(self, row: int) -> np.ndarray:
        """The pattern of one row.

        Raises:
            DataError: if the row does not exist, or its pattern is not kept.
        """
        (place,) = self._places([row])
        if place is None:
            raise DataError(
                f"The pattern of row {row} is not kept: the atlas was fitted on a sample. Choose a row of it."
            )
        return np.asarray(self.values()[place])

    def drawn(self, values: np.ndarray) -> list[dict[str, Any]]:
        """Patterns (m, features) as plain data: {"image": PNG as a data URL}, {"signal": channels}, {"values": …}.

        Pictures are scaled from the darkest to the brightest value of the rows of the run.
        """
        if self.kind == "signal" and self.shape is not None:
            channels = [row.reshape(self.shape[0], -1) for row in values]
            return [{"signal": [_rounded(channel) for channel in each]} for each in channels]
        if self.kind == "image":
            return [{"image": _data_url(each)} for each in self.pixels(values)]
        return [{"values": _rounded(row)} for row in values]

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Pictures (m, features) as bytes (m, height, width) or (m, height, width, 3)."""
        layout = _image_layout(self.shape)
        assert layout is not None
        low, high = self._ends()
        scaled = np.clip((np.asarray(values, np.float32) - low) / ((high - low) or 1.0), 0, 1)
        return np.stack([layout(each) for each in (255 * scaled).astype(np.uint8)])

    def _places(self, rows: Sequence[int]) -> list[int | None]:
        """Where the patterns of these rows are."""
        count = len(self.values())
        if self.sampled is None:
            wrong = [row for row in rows if not 0 <= row < count]
            if wrong:
                raise DataError(f"The run has patterns 0 to {count - 1}; got {wrong[0]}. Choose another row.")
            return list(rows)
        places = np.minimum(np.searchsorted(self.sampled, rows), len(self.sampled) - 1)
        there = self.sampled[places] == rows
        return [int(place) if kept else None for place, kept in zip(places, there, strict=True)]

    def _ends(self) -> tuple[float, float]:
        if self._range is None:
            values = self.values()
            seen = np.asarray(values[:: max(1, len(values) // _SEEN)])
            self._range = float(seen.min()), float(seen.max())
        return self._range


def _image_layout(shape: tuple[int, ...] | None) -> Any:
    """From a flat row to (height, width) or (height, width, 3); None if the shape is not that of a picture."""
    if shape is None or len(shape) not in (2, 3):
        return None
    if len(shape) == 2:
        return lambda row: row.reshape(shape)
    if shape[-1] in (1, 3):
        return lambda row: _without_one(row.reshape(shape))
    if shape[0] in (1, 3):
        return lambda row: _without_one(np.moveaxis(row.reshape(shape), 0, -1))
    return None


def _without_one(pixels: np.ndarray) -> np.ndarray:
    """Grey pictures without the axis of their one channel."""
    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _data_url(pixels: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _rounded(values: np.ndarray) -> list[float | None]:
    """Five significant digits, at most 4,096 of them; None where a value is not finite."""
    shown = np.asarray(values, float)[:_MOST_VALUES]
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in shown]
