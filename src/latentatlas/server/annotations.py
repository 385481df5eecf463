"""Remarks on rows, kept in a file of their own beside the run."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, final
from uuid import uuid4

from latentatlas.core.errors import DataError, StoreError
from latentatlas.store import Run, held, write_whole

__all__ = ["Annotations"]

_FORMAT = 1
_LONGEST = 2000
_MOST = 1000
_MOST_ROWS = 200_000
_PATIENCE = 5.0  # seconds that another explorer of the same run may take to write


@final
class Annotations:
    """The annotations of a run, in `RUN.annotations.json` beside its folder. The run itself is never changed.

    Every change reads the file anew and replaces it whole, while other explorers on this machine wait.

    Args:
        run: the run; annotations of other data under the same name are not shown.
    """

    def __init__(self, run: Run):
        self.path = Path(f"{run.path.resolve()}.annotations.json")
        self.data = (run.spec.get("data") or {}).get("fingerprint")
        self._lock = threading.Lock()

    def all(self) -> list[dict[str, Any]]:
        """Every annotation: "id", "text", "rows", "created".

        Raises:
            StoreError: if the file cannot be read, or is about other data.
        """
        try:
            content = json.loads(self.path.read_bytes())
            if content["format"] != _FORMAT:
                raise StoreError(
                    f"{self.path} has format {content['format']!r}; this version reads {_FORMAT}. Update latentatlas."
                )
            about, entries = content["data"], content["annotations"]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{self.path} cannot be read: {error!r}. Move it away.") from error
        if about != self.data:
            raise StoreError(f"{self.path} is about other data than the run beside it. Move it away.")
        return entries

    def add(self, text: str, rows: list[int], *, of: int) -> dict[str, Any]:
        """A new annotation of some rows.

        Args:
            text: what is said of them.
            rows: their numbers.
            of: how many rows the run has.

        Raises:
            DataError: for no text or too long a one, for no rows, too many or some that do not exist.
            StoreError: if the file cannot be written.
        """
        text = text.strip()
        if not 0 < len(text) <= _LONGEST:
            raise DataError(f"An annotation wants 1 to {_LONGEST:,} letters; got {len(text):,}. Write another text.")
        if not 0 < len(rows) <= _MOST_ROWS or min(rows) < 0 or max(rows) >= of:
            raise DataError(
                f"An annotation wants 1 to {_MOST_ROWS:,} rows of 0 to {of - 1}; got {len(rows):,} rows. Select others."
            )
        entry = {"id": uuid4().hex, "text": text, "rows": sorted(set(rows)), "created": _now()}
        with self._lock, held(self.path.parent, wait=_PATIENCE):
            entries = self.all()
            if len(entries) >= _MOST:
                raise DataError(f"{self.path} holds {_MOST:,} annotations, and takes no more. Remove some.")
            self._write([*entries, entry])
        return entry

    def remove(self, name: str) -> None:
        """Forget an annotation.

        Raises:
            DataError: if there is none of that id.
        """
        with self._lock, held(self.path.parent, wait=_PATIENCE):
            entries = self.all()
            left = [entry for entry in entries if entry["id"] != name]
            if len(left) == len(entries):
                raise DataError(f"There is no annotation {name!r}. Load the page again.")
            self._write(left)

    def _write(self, entries: list[dict[str, Any]]) -> None:
        content = {"format": _FORMAT, "data": self.data, "annotations": entries}
        write_whole(self.path, json.dumps(content, ensure_ascii=False).encode())


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
